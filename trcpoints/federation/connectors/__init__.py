"""Reading the records of a federation: one file for each kind of source (design, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from trcpoints.federation.config import Connector
from trcpoints.federation.mapping import UnreadableRecord
from trcpoints.federation.sources import HttpJson

if TYPE_CHECKING:
    # Most commands of federations ask nobody, and need nothing of HTTP.
    from trcpoints.http.transport import Limits


class Source(Protocol):
    """Where the records of a connector are read, while it is open."""

    can_ask_for_one: bool
    """Whether `record` may be called."""

    def records(
        self, organization: str, beat: Callable[[], None]
    ) -> Generator[Mapping[str, object] | UnreadableRecord]:
        """All the records of an organization as the federation gives them, one by one.

        They have been read when the generator ends: what fails before that raises, and what was
        yielded is then not to be kept. A caller that stops earlier closes it. `beat` is called at
        least once for every page, or 1,000 rows. Raises SourceInvalid and other DataRefused for
        what cannot be trusted, SourceRefused for what only somebody can mend, RateLimited and
        SourceUnavailable for what may pass.
        """

    def record(self, organization: str, external_id: str) -> Mapping[str, object] | None:
        """One member's record; None where the federation says that it has no such member.

        Whose it is remains to be seen. Raises as `records`.
        """


def open_source(
    connector: Connector, now: Callable[[], datetime], *, limits: Limits | None = None
) -> AbstractContextManager[Source]:
    """Where a connector's records are; `now` is the aware wall clock, for HTTP dates only.

    `limits` are those of the kind unless given.
    """
    if isinstance(connector.source, HttpJson):
        from trcpoints.federation.connectors.http_json import HttpJsonSource

        return HttpJsonSource(connector, connector.source, now, limits)
    from trcpoints.federation.connectors.csv import CsvSource

    return CsvSource(connector, connector.source, now, limits)
