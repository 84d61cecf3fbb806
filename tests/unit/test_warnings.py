"""Which warnings fail a test: ours do, those of a dependency do not (see pyproject.toml)."""

from __future__ import annotations

import warnings

import pytest

KINDS = [DeprecationWarning, PendingDeprecationWarning, FutureWarning, UserWarning, SyntaxWarning]


def warn(module: str, kind: type[Warning]) -> None:
    with warnings.catch_warnings(record=True):  # so that none is printed
        warnings.warn_explicit("old", kind, "somewhere.py", 1, module=module)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("module", ["crontab", "testscenarios", "trcpoints_of_others", "codecs"])
def test_a_warning_of_a_dependency_fails_nothing(module: str, kind: type[Warning]) -> None:
    warn(module, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("module", ["trcpoints", "trcpoints.db.sqlite", "tests.support.cli"])
def test_one_of_ours_does(module: str, kind: type[Warning]) -> None:
    with pytest.raises(kind, match="old"):
        warn(module, kind)


@pytest.mark.parametrize("kind", [ResourceWarning, pytest.PytestUnraisableExceptionWarning])
def test_what_is_left_open_does_wherever_it_is_found(kind: type[Warning]) -> None:
    with pytest.raises(kind, match="old"):
        warn("gc", kind)
