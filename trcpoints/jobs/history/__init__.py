"""The runs of sync and streaks: what is on record of them, and how long."""
