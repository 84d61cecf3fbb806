"""trcpoints turns the XP of a MEE6 leaderboard into points and keeps the books."""

__version__ = "0.2.1"
