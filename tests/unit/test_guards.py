"""What all mass-change guards share (design, section A4)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trcpoints.errors import DatabaseLocked, MassChangeRefused
from trcpoints.guards import AT_LEAST, Consent, ask_first, is_mass_change


def refusal(option: str = "--accept", **figures: int) -> MassChangeRefused:
    return MassChangeRefused("No.", hint="", option=option, figures=figures, question="Go on?")


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 100))
def test_at_least_three_and_more_than_the_share(affected: int, more: int, percent: int) -> None:
    total = affected + more
    expected = affected >= AT_LEAST and affected / total > percent / 100
    assert is_mass_change(affected, total, percent) == expected
    assert not is_mass_change(affected, total, 100)


@pytest.mark.parametrize(
    ("consent", "covers"),
    [
        (Consent(), False),
        (Consent(["--other"]), False),
        (Consent(["--other", "--accept"]), True),
        (Consent(["--accept"], {}), False),
        (Consent(["--accept"], {"--accept": {"members": 4, "points": 30}}), True),
        (Consent(["--accept"], {"--accept": {"members": 5, "points": 99}}), True),
        (Consent(["--accept"], {"--accept": {"members": 5, "points": 29}}), False),
        (Consent(["--accept"], {"--accept": {"points": 99}}), False),
        (Consent(["--accept"], {"--other": {"members": 4, "points": 30}}), False),
        (Consent([], {"--accept": {"members": 4, "points": 30}}), False),
    ],
)
def test_a_consent_covers_what_was_agreed_to(consent: Consent, covers: bool) -> None:
    assert consent.covers(refusal(members=4, points=30)) == covers


class Command:
    """A command whose guards refuse these, one after the other, unless they are covered."""

    def __init__(self, *refusals: MassChangeRefused) -> None:
        self.refusals = refusals
        self.previews = 0

    def preview(self, consent: Consent) -> None:
        self.previews += 1
        for each in self.refusals:
            if not consent.covers(each):
                raise each


def agreed(
    command: Command, options: Sequence[str], answers: Sequence[bool]
) -> tuple[Consent, list[MassChangeRefused]]:
    """The consent, and what was asked."""
    asked: list[MassChangeRefused] = []

    def ask(each: MassChangeRefused) -> bool:
        asked.append(each)
        return answers[len(asked) - 1]

    return ask_first(command.preview, options, ask), asked


def test_each_guard_asks_once() -> None:
    losses, gains = refusal("--losses", lost=3), refusal("--gains", gained=7)
    command = Command(losses, gains)
    consent, asked = agreed(command, ["--losses", "--gains"], [True, True])
    assert asked == [losses, gains]
    assert consent.agreed == {"--losses": {"lost": 3}, "--gains": {"gained": 7}}
    command.preview(consent)
    with pytest.raises(MassChangeRefused):
        agreed(command, ["--losses", "--gains"], [True, False])


def test_what_no_option_accepts_is_not_asked() -> None:
    losses, gains = refusal("--losses", lost=3), refusal("--gains", gained=7)
    consent, asked = agreed(Command(losses, gains), ["--losses"], [True])
    assert (asked, consent.covers(losses), consent.covers(gains)) == ([losses], True, False)
    consent, asked = agreed(Command(gains), ["--losses"], [])
    assert (asked, consent.agreed) == ([], {})
    consent, asked = agreed(Command(), [], [])
    assert (asked, consent.options) == ([], [])


def test_without_anybody_to_ask_there_is_no_limit() -> None:
    command = Command(refusal(members=4))
    consent = ask_first(command.preview, ["--accept"], None)
    command.preview(consent)
    assert (command.previews, consent.agreed) == (1, None)


def test_another_failure_is_the_commands_own() -> None:
    def preview(_consent: Consent) -> None:
        raise DatabaseLocked("It is locked.")

    def ask(_refusal: MassChangeRefused) -> bool:
        raise AssertionError

    assert ask_first(preview, ["--accept"], ask) == Consent(["--accept"], {})
