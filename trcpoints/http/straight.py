"""Sessions of requests that follow no redirect (design, section 14)."""

from __future__ import annotations

import requests


class StraightSession(requests.Session):
    """A session that is never led elsewhere."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Never anywhere. Even when told not to follow, requests would parse the target, and read
        the whole body before it hands the answer over."""
