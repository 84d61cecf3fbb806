"""Streaks of active weekdays (design, section 2.6).

`rules` decides, `rows` reads and writes, `repair` puts judged streaks right when the past changes,
`grace` keeps the days that break none.
"""
