"""Federations: outside membership systems that members come from (design, section 8)."""
