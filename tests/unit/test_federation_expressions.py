"""JMESPath, and the short way that plain names take."""

from __future__ import annotations

import re

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.nested import TOO_DEEP, deep_list
from trcpoints.federation.expressions import ExpressionFailed, compile_expression, shown

NAMES = st.one_of(
    st.sampled_from(["a", "b", "memberId", "_x", "B2", '"first name"', '"é.è"', '"a"', '"-"']),
    st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1
    ).map(lambda text: f'"{text}"'),
)
DOTTED = st.lists(NAMES, min_size=1, max_size=4).map(".".join)
KEYS = st.one_of(st.sampled_from(["a", "b", "memberId", "_x", "B2", "first name", "é.è", "-"]))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)


@given(DOTTED, JSON)
def test_the_short_way_finds_what_jmespath_finds(expression: str, document: object) -> None:
    assert compile_expression(expression)(document) == jmespath.search(expression, document)


@given(st.lists(NAMES, min_size=1, max_size=4), st.text(max_size=4))
def test_the_short_way_finds_what_is_there(names: list[str], value: str) -> None:
    document: object = value
    for name in reversed(names):
        document = {name.strip('"'): document}
    expression = ".".join(names)
    found = compile_expression(expression)(document)
    assert found == value == jmespath.search(expression, document)


def test_any_other_expression_is_jmespath() -> None:
    document = {"people": [{"name": "Ann", "old": True}, {"name": "Bob"}]}
    assert compile_expression("people[?old].name | [0]")(document) == "Ann"
    assert compile_expression("join(' ', people[*].name)")(document) == "Ann Bob"
    assert compile_expression("@")(document) is document


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a[", "is no JMESPath expression, at character 3"),
        ("a b", "is no JMESPath expression, at character 3"),
        ("a..b", "is no JMESPath expression, at character 3"),
        ("first-name", "is no JMESPath expression, at character 6"),
        ("'x", "is no JMESPath expression, at character 1"),
        ("", "is no JMESPath expression"),
        (f"a[{'9' * 5000}]", "is no JMESPath expression"),
        ("(" * 2000, "is no JMESPath expression: it is nested too deeply"),
        ("!" * 2000 + "a", "is no JMESPath expression: it is nested too deeply"),
        ("lower(a)", "calls lower(), a function that JMESPath does not have"),
        ("[?contains(a)].b", "calls contains() with 1 arguments; it takes 2"),
    ],
)
def test_what_is_no_expression_is_said_at_once(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        compile_expression(text)


def test_a_literal_that_is_nested_too_deeply() -> None:
    with pytest.raises(ValueError, match=r"^is no JMESPath expression: it is nested too deeply$"):
        compile_expression(f"`{'[' * TOO_DEEP}`")


@pytest.mark.parametrize(
    ("expression", "document"),
    [
        ("contains(a, b)", {"a": "x", "b": 5}),
        ("ceil(to_number(a))", {"a": "nan"}),
        ("floor(to_number(a))", {"a": "inf"}),
        ("max_by(a, &b)", {"a": [{"b": 1}, {"b": "1"}]}),
        ("a[::0]", {"a": [1]}),
        ("a < b", {"a": 1, "b": "1"}),
        ("not_null(a < b)", {"a": "1", "b": 1.5}),
    ],
)
def test_what_fails_within_jmespath_is_a_reason(expression: str, document: object) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        compile_expression(expression)(document)
    assert str(caught.value)


def test_a_reason_is_harmless_and_short() -> None:
    for value in ("\x1b[2J\x9b\u202e\nFAKE", "long " * 1000):
        with pytest.raises(ExpressionFailed) as caught:
            compile_expression("avg(a)")({"a": value})
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) <= 201
    with pytest.raises(ExpressionFailed, match="nested too deeply"):
        compile_expression("avg(a)")({"a": {"b": deep_list()}})


def test_a_document_is_shown_short_and_harmless() -> None:
    assert shown({"\x1b\x7f\x9b\u202e\n": 1}) == '{"\\u001b \\n": 1}'
    assert shown("x" * 1000) == '"' + "x" * 58 + "…"
    assert shown(deep_list()) == "a value that is nested too deeply"


def test_an_expression_that_fails_on_a_document_says_why() -> None:
    search = compile_expression("join(' ', [a, b])")
    with pytest.raises(ExpressionFailed, match="In function join"):
        search({"a": "x", "b": None})
