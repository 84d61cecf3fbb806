"""Webhooks: a federation says that a member has changed (design, section 8).

`app` is the WSGI application, for `gunicorn trcpoints.federation.webhook:app`; the same is a CGI
script by `python -m trcpoints.federation.webhook`.
"""

from trcpoints.federation.webhook.wsgi import app

__all__ = ["app"]
