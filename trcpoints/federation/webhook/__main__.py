"""The application as a CGI script: one process answers one request, and ends."""

from __future__ import annotations

from wsgiref.handlers import CGIHandler

from trcpoints.federation.webhook import app

if __name__ == "__main__":
    CGIHandler().run(app)
