"""Hostile programs and what must come of each: `passrate doctor --attack` and `tests/hostile` run the same list."""
