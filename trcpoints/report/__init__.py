"""The page people look at: what `trcpoints report` writes (design, section 4).

`community` and `operators` read, `shaping` decides what is shown, `plots` and `quarters` draw,
`page` makes one HTML file of it all. Reads only.
"""
