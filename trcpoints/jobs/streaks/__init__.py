"""The streaks job: judging the weekdays that are over (design, section 2.6).

`job` leads through it, `judging` decides day by day and member by member.
"""
