"""`trcpoints federation deliveries`: what came, and what was refused (design, section 8)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.support.cli import Cli
from trcpoints.db.database import Access, open_database

pytestmark = pytest.mark.slow_on_postgresql

AT = "2026-01-19T12:00:{:02}.000000Z"
MINUTE = "2026-01-{:02}T12:00:00.000000Z"

DELIVERY = (
    *("connector", "form", "delivery_id", "received_at", "organization", "external_id"),
    *("event", "outcome", "reason", "job_id"),
)


def keep(cli: Cli, table: str, columns: Iterable[str], *rows: tuple[object, ...]) -> None:
    with open_database(cli.environment["DATABASE_URL"], Access.WRITE) as engine, engine.books():
        engine.insert_rows(table, list(columns), rows)


def fill(cli: Cli) -> None:
    keep(
        cli,
        "webhook_delivery",
        DELIVERY,
        ("gaa", "headers", "m1", AT.format(1), "st-judes", "M1", "updated", "queued", None, 7),
        ("gaa", "headers", "m1", AT.format(2), "st-judes", "M1", "updated", "duplicate", None, 7),
        ("gaa", "body", "d", AT.format(3), "st-judes", "\x1b[31mM2", None, "rejected", "r", None),
    )
    keep(
        cli,
        "webhook_refusal",
        ("connector", "reason", "minute", "count"),
        ("", "unknown_connector", MINUTE.format(18), 1000),
        ("", "unknown_connector", MINUTE.format(20), 5),
        ("gaa", "wrong_signature", MINUTE.format(19), 2),
    )


def test_what_came_and_what_was_refused(cli: Cli) -> None:
    fill(cli)
    listed = cli.ok("federation", "deliveries")
    assert (listed["total"], listed["refused"]) == (3, 1007)
    assert [row["outcome"] for row in listed["deliveries"]] == ["rejected", "duplicate", "queued"]
    assert listed["deliveries"][2] == {
        "received_at": "2026-01-19T12:00:01Z",
        "connector": "gaa",
        "organization": "st-judes",
        "external_id": "M1",
        "event": "updated",
        "outcome": "queued",
        "reason": None,
        "job_id": "7",
        "signed_by": "headers",
        "delivery_id": "m1",
    }
    assert listed["refusals"][0] == {
        "connector": None,
        "reason": "unknown_connector",
        "count": 1005,
        "first_at": "2026-01-18T12:00:00Z",
        "last_at": "2026-01-20T12:00:00Z",
    }
    second = cli.ok("federation", "deliveries", "--limit", "2", "--page", "2")
    assert [row["outcome"] for row in second["deliveries"]] == ["queued"]


def test_filters(cli: Cli) -> None:
    fill(cli)

    def found(*options: str) -> tuple[int, int, int]:
        listed = cli.ok("federation", "deliveries", *options)
        return listed["total"], len(listed["deliveries"]), listed["refused"]

    assert found("--outcome", "duplicate") == (1, 1, 0)
    assert found("--outcome", "refused") == (0, 0, 1007)
    assert found("--since", "2026-01-19T12:00:02") == (2, 2, 7)
    assert found("--since", "2026-01-20", "--outcome", "refused") == (0, 0, 5)
    assert cli("federation", "deliveries", "--since", "soon").code == 2


def test_for_a_person(cli: Cli) -> None:
    assert "0 webhooks" in cli("federation", "deliveries").out
    fill(cli)
    shown = cli("federation", "deliveries").out
    assert "\x1b" not in shown
    for word in ("rejected (r)", "3 webhooks", "unknown connector", "1,005", "2026-01-18 12:00"):
        assert word in shown
