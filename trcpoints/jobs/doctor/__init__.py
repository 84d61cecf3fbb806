"""Is everything set up, and what is to be mended first? One file for each group of checks."""
