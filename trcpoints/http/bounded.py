"""The HTTP of libraries that do their own: bounded, and never led elsewhere (section 14)."""

from __future__ import annotations

from typing import Any

import requests

from trcpoints.http.straight import StraightSession

_MOST = 1024 * 1024
_CHUNK = 16_384


class _ShortSession(StraightSession):
    """Fails, as when a connection does, where an answer is a redirect or large.

    Whoever sends a message otherwise takes the page that they are led to for the receipt.
    """

    # Any: the arguments are passed through as they come.
    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        response = super().send(request, **{**kwargs, "stream": True})
        with response:
            if 300 <= response.status_code < 400:
                raise requests.TooManyRedirects("redirects are not followed", response=response)
            body = bytearray()
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > _MOST:
                    raise requests.ConnectionError("its answer is too large", response=response)
        # There is no other way to give it one.
        response._content = bytes(body)
        return response


def bound_sessions() -> None:
    """From now on every new session of requests, in the whole process, is such a one.

    To be called before whoever opens sessions is imported. Our own Transport is as it was.
    """
    for module in (requests, requests.sessions):
        vars(module)["Session"] = _ShortSession
