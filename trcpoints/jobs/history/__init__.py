"""Every run of every job: what is on record of it, and how long."""
