"""Answers of which only the status and the headers matter (section 14)."""

from __future__ import annotations

import urllib3

_SHORT = 16_384


def without_body(answer: urllib3.BaseHTTPResponse) -> urllib3.HTTPResponse:
    """An answer without what follows; where that is short, its connection can be used again."""
    answer.read(_SHORT, decode_content=False)
    answer.close()
    return urllib3.HTTPResponse(body=b"", headers=answer.headers, status=answer.status)
