"""JMESPath, and the short way that plain names take."""

from __future__ import annotations

import re

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trcpoints.federation.expressions import ExpressionFailed, compile_expression

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
        ("lower(a)", "calls lower(), a function that JMESPath does not have"),
        ("[?contains(a)].b", "calls contains() with 1 arguments; it takes 2"),
    ],
)
def test_what_is_no_expression_is_said_at_once(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        compile_expression(text)


def test_an_expression_that_fails_on_a_document_says_why() -> None:
    search = compile_expression("join(' ', [a, b])")
    with pytest.raises(ExpressionFailed, match="In function join"):
        search({"a": "x", "b": None})
