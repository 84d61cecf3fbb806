"""The connectors of the federations, for commands that show how they stand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trcpoints.cli.session import Session

if TYPE_CHECKING:
    from trcpoints.documents import ErrorInfo
    from trcpoints.jobs.status_federation import Configured


def configured_connectors(session: Session) -> tuple[Sequence[Configured], Sequence[ErrorInfo]]:
    """Those of the file of the federations, and what is wrong with it."""
    # Without federations, as for most, nothing of them is imported.
    if session.settings.federation_config is None:
        return [], []
    from trcpoints.config import environment
    from trcpoints.federation.checking import configured

    return configured(session.settings, environment(os.environ, session.env_file))
