"""The command line: one file per command group. Parse, call one function, render."""
