"""Column types that both engines share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import peewee

V = TypeVar("V")

if TYPE_CHECKING:

    class _Field(peewee.Field[V]): ...
else:

    class _Field(peewee.Field):
        def __class_getitem__(cls, _value_type: object) -> type:
            return cls  # fields are generic in peewee's stubs only


def to_text(moment: datetime) -> str:
    """The one spelling of a time in the database: UTC, microseconds, fixed width, `Z`.

    Fixed width so that text order is time order on SQLite; PostgreSQL reads it as timestamptz.
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_driver(value: object) -> datetime | None:
    """An aware UTC datetime of what either driver gives for a time: text, a datetime, or None."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else None


class TimeField(_Field[V]):
    """An aware UTC datetime: TEXT on SQLite, TIMESTAMPTZ on PostgreSQL."""

    field_type = "UTCTIME"

    if TYPE_CHECKING:
        # The constructor's keywords are peewee's own, which its stubs leave open.
        @overload
        def __new__(
            cls, *args: Any, null: Literal[True], **kwargs: Any
        ) -> TimeField[datetime | None]: ...
        @overload
        def __new__(
            cls, *args: Any, null: Literal[False] = ..., **kwargs: Any
        ) -> TimeField[datetime]: ...
        def __new__(cls, *args: Any, **kwargs: Any) -> TimeField[Any]: ...

    def db_value(self, value: datetime | None) -> str | None:
        """The text that both engines store."""
        return None if value is None else to_text(value)

    def python_value(self, value: object) -> datetime | None:
        """An aware UTC datetime, whatever the driver made of it."""
        return from_driver(value)
