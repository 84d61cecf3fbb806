"""The sync: from the XP on the leaderboard to points in the ledger (design, sections 2.1-2.5).

`job` leads through it, `plan` decides, `guard` may refuse, `books` reads and writes.
"""
