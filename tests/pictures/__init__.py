"""What README shows: `python -m tests.pictures` makes it anew, from an invented community."""
