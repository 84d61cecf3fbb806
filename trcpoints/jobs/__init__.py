"""The jobs: what cron starts, and what operators ask about it."""

import trcpoints.db  # noqa: F401  (it hides the drivers as peewee loads, which modules here do)
