"""The MEE6 leaderboard: asking for it, checking it, reading it from a file (design, section 3)."""
