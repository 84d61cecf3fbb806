"""The simulated MEE6: what the demo shows and the tests fetch from (design, sections 4 and 12)."""
