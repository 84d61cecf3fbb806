"""What ends a hold: a decision, another account, a new baseline; each books what is said, once."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from tests.support import books
from tests.support.cli import Cli
from tests.support.holds import TICK, Timeline, fates, holds
from tests.support.mee6 import show
from trcpoints.demo.server import SimulatedMee6

pytestmark = pytest.mark.slow_on_postgresql

ANN, BOB, CAT, DAN = "101", "102", "103", "104"
OTHERS = {BOB: 20_000, CAT: 30_000}


@pytest.fixture
def time(cli: Cli, mee6: SimulatedMee6) -> Timeline:
    """Ann has 5,000 XP, 3 points of Discord and a carry of 50; she was seen with 9,000 now."""
    books.link(cli, [ANN, BOB, CAT, DAN])
    timeline = Timeline(cli, mee6)
    timeline.earn({ANN: 4_950, **OTHERS}, 3)
    timeline.sync({ANN: 5_000, **OTHERS})
    assert fates(timeline.sync({ANN: 9_000, **OTHERS})) == {"held": 1, "unchanged": 3}
    return timeline


def ann(time: Timeline) -> tuple[int | None, int, int]:
    """Her XP, points and carry."""
    member = books.members(time.cli)[ANN]
    return member.xp_total, member.points, member.carry


def ends(time: Timeline) -> list[tuple[str | None, str | None]]:
    """How the holds ended, and by whom, oldest first."""
    return [(ending, made_by) for *_, ending, made_by in holds(time.cli)]


def test_what_is_accepted_is_booked_once(time: Timeline) -> None:
    accepted = time.ok("members", "accept", f"discord:{ANN}", "--by", "ann of the committee")
    (one,) = accepted["members"]
    assert (one["points"], one["accepted_by"]) == (40, "ann of the committee")
    assert ann(time) == (5_000, 3, 50)
    document = time.sync({ANN: 9_000, **OTHERS})
    assert fates(document) == {"gained": 1, "unchanged": 3}
    assert (document["points"]["awarded"], document["holds"]["ended"]) == (40, 1)
    assert ann(time) == (9_000, 43, 50)
    assert ends(time) == [("accepted", "ann of the committee")]
    assert fates(time.sync({ANN: 9_000, **OTHERS})) == {"unchanged": 4}
    assert fates(time.sync({ANN: 9_000 + 1_751, **OTHERS})) == {"held": 1, "unchanged": 3}
    assert books.ledger(time.cli, ANN) == [3, 40]
    assert time.cli("points", "verify").code == 0


def test_what_is_accepted_goes_for_what_is_plausible_after_it(time: Timeline) -> None:
    time.ok("members", "accept", f"discord:{ANN}")
    assert fates(time.sync({ANN: 9_000 + 1_750, **OTHERS}))["gained"] == 1
    assert ann(time) == (10_750, 61, 0)


def test_an_acceptance_does_not_go_for_much_more(time: Timeline) -> None:
    time.ok("members", "accept", f"discord:{ANN}", "--by", "ann")
    time.sync({ANN: 9_000, **OTHERS})
    time.sync({ANN: 20_000, **OTHERS})
    time.ok("members", "accept", f"discord:{ANN}", "--by", "ben")
    document = time.sync({ANN: 900_000, **OTHERS})
    assert fates(document) == {"held": 1, "unchanged": 3}
    assert document["holds"] == {
        "gains": 1, "losses": 0, "to_award": 8910, "to_deduct": 0, "ended": 0
    }  # fmt: skip
    assert ends(time) == [("accepted", "ann"), ("superseded", "sync"), (None, None)]
    (open_,) = time.ok("members", "held")["members"]
    assert (open_["xp_seen"], open_["accepted_by"]) == (900_000, None)
    # Nor for the other direction.
    time.ok("members", "accept", f"discord:{ANN}")
    assert fates(time.sync({ANN: 10, **OTHERS}))["held"] == 1
    assert ends(time)[-2:] == [("superseded", "sync"), (None, None)]
    assert ann(time) == (9_000, 43, 50)


def test_an_accepted_member_who_is_plausible_again_is_booked_as_ever(time: Timeline) -> None:
    time.ok("members", "accept", f"discord:{ANN}")
    assert fates(time.sync({ANN: 5_100, **OTHERS}))["gained"] == 1
    assert ends(time) == [("passed", "sync")]
    assert ann(time) == (5_100, 4, 50)


def test_an_accepted_member_who_is_not_seen_waits_for_the_next_sync(time: Timeline) -> None:
    time.ok("members", "accept", f"discord:{ANN}")
    assert fates(time.sync(OTHERS)) == {"held": 1, "unchanged": 3}
    # The XP that was accepted was seen half an hour ago.
    assert fates(time.sync({ANN: 9_000 + 2_500, **OTHERS}))["gained"] == 1
    assert ends(time)[0][0] == "accepted"


def test_a_loss_is_accepted_too(time: Timeline) -> None:
    time.sync({ANN: 5_000, BOB: 100, CAT: 30_000})
    assert holds(time.cli)[-1] == (BOB, "loss", 20_000, 100, -199, None, None)
    time.ok("members", "accept", f"discord:{BOB}", "--by", "ann")
    assert fates(time.sync({ANN: 5_000, BOB: 150, CAT: 30_000}))["lost"] == 1
    assert books.ledger(time.cli, BOB) == [-198]
    assert ends(time)[-1] == ("accepted", "ann")
    assert time.cli("points", "verify").code == 0


def test_accepting_is_all_or_nothing(time: Timeline) -> None:
    for references, told in (
        ((f"discord:{ANN}", f"discord:{BOB}", f"discord:{CAT}"), "members 2, 3 are not held"),
        ((f"discord:{BOB}",), "member 2 is not held"),
        ((f"discord:{ANN}", "999"), "no member '999'"),
    ):
        result = time.run("members", "accept", *references)
        assert result.code == 65
        assert told in result.err
    assert time.ok("members", "held")["members"][0]["accepted_by"] is None
    assert time.cli("members", "accept").code == 2


def test_the_first_who_accepts_is_on_record(time: Timeline) -> None:
    for name in ("ann", "ben"):
        time.ok("members", "accept", f"discord:{ANN}", f"discord:{ANN}", "--by", name)
    assert [one["accepted_by"] for one in time.ok("members", "held")["members"]] == ["ann"]


def test_rebaselined_members_keep_their_points(time: Timeline) -> None:
    time.sync({ANN: 9_000, BOB: 10, CAT: 30_000})
    references = [f"discord:{ANN}", f"discord:{BOB}", f"discord:{CAT}"]
    document = time.ok("members", "rebaseline", *references, "--by", "ann")
    assert [one["discord_id"] for one in document["members"]] == [ANN, BOB, CAT]
    assert document["member"] == document["members"][0]
    assert [one["held_at"] for one in document["members"]] == [None, None, None]
    assert time.ok("members", "held")["members"] == []
    assert ends(time) == [("rebaselined", "ann"), ("rebaselined", "ann")]
    assert fates(time.sync({ANN: 9_100, BOB: 15, CAT: 30_000})) == {"baselined": 3, "unchanged": 1}
    assert ann(time) == (9_100, 3, 50)
    assert fates(time.sync({ANN: 9_200, BOB: 15, CAT: 30_000}))["gained"] == 1
    assert ann(time) == (9_200, 4, 50)
    assert time.cli("points", "verify").code == 0


@pytest.mark.parametrize("way", ["set", "unset", "import"])
def test_another_account_ends_a_hold(time: Timeline, way: str) -> None:
    member_id = str(books.members(time.cli)[ANN].id)
    if way == "import":
        text = f"member_id,discord_id\n{member_id},501\n"
        (time.cli.folder / "members.csv").write_text(text)
        time.ok("members", "import", "members.csv", "--by", "ann")
    else:
        account = "501" if way == "set" else ""
        time.ok("members", "set", member_id, "--discord-id", account, "--by", "ann")
    assert ends(time) == [("relinked", "ann")]
    assert time.ok("members", "show", member_id)["member"]["held_at"] is None
    time.sync({ANN: 9_000, "501": 70_000, **OTHERS})
    assert time.ok("members", "show", member_id)["member"]["points"] == 3
    assert len(holds(time.cli)) == 1
    assert time.cli("points", "verify").code == 0


def test_accept_increase_books_gains_and_no_losses(time: Timeline) -> None:
    board = {ANN: 9_000, BOB: 100, CAT: 40_000}
    assert fates(time.sync(board, "--accept-increase")) == {"gained": 2, "held": 1, "unchanged": 1}
    assert ann(time) == (9_000, 43, 50)
    assert books.ledger(time.cli, CAT) == [100]
    (ending, by), other = ends(time)
    assert (ending, other) == ("accepted", (None, None))
    run = time.ok("history", "show", books.runs(time.cli)[-1].id)["run"]
    assert run["stats"]["decided"] == ["accept_increase"]
    assert run["stats"]["made_by"] == by
    assert fates(time.sync(board, "--accept-decrease")) == {"lost": 1, "unchanged": 3}
    assert ends(time)[-1] == ("accepted", by)


def test_both_are_accepted_at_once(time: Timeline) -> None:
    board = {ANN: 9_000, BOB: 100, CAT: 40_000}
    document = time.sync(board, "--accept-increase", "--accept-decrease")
    assert fates(document) == {"gained": 2, "lost": 1, "unchanged": 1}
    assert time.cli("points", "verify").code == 0


def test_accept_decrease_books_no_gain(time: Timeline) -> None:
    assert fates(time.sync({ANN: 9_000, **OTHERS}, "--accept-decrease"))["held"] == 1


def test_to_accept_and_to_rebaseline_exclude_each_other(sqlite_cli: Cli) -> None:
    for option in ("--accept-increase", "--accept-decrease"):
        result = sqlite_cli("sync", option, "--rebaseline")
        assert result.code == 2
        assert option in result.err


def test_rebaseline_ends_all_holds_seen_or_not(time: Timeline) -> None:
    time.sync({ANN: 9_000, BOB: 10, CAT: 30_000})
    show(time.mee6, {ANN: 9_000, CAT: 30_000})
    document = time.ok("sync", "--rebaseline", after=TICK)
    assert "held" not in fates(document)
    assert document["holds"]["ended"] == 2
    assert {ending for ending, _ in ends(time)} == {"rebaselined"}
    assert time.ok("members", "held")["total"] == 0
    assert fates(time.sync({ANN: 9_000, BOB: 90_000, CAT: 30_000})) == {
        "baselined": 1,
        "unchanged": 2,
        "deferred": 1,
        "awaiting_baseline": 1,
    }
    assert time.cli("points", "verify").code == 0


def test_a_wrong_clock_makes_no_gain_plausible(time: Timeline) -> None:
    right = time.now
    time.now = right - timedelta(days=9000)
    time.ok("sync")
    time.now = right
    document = time.sync({ANN: 9_000, BOB: 900_000, CAT: 30_000})
    assert fates(document)["held"] == 2
    assert document["points"]["awarded"] == 0


def test_a_hold_that_began_without_a_limit_has_one_when_it_is_set(time: Timeline) -> None:
    time.cli.environment["MEE6_MAX_GAIN"] = "off"
    assert fates(time.sync({ANN: 9_000, **OTHERS}))["gained"] == 1
    assert fates(time.sync({ANN: 20, **OTHERS}))["held"] == 1
    del time.cli.environment["MEE6_MAX_GAIN"]
    assert fates(time.sync({ANN: 90_000_000, **OTHERS}))["held"] == 1
    assert time.ok("members", "held")["members"][0]["kind"] == "gain"


def test_a_login_name_that_is_no_text(time: Timeline) -> None:
    time.cli.environment["LOGNAME"] = "\udcff"
    (accepted,) = time.ok("members", "accept", f"discord:{ANN}")["members"]
    assert accepted["accepted_by"] == f"uid {os.getuid()}"
