"""Fuzzing: of the HTTP contract, of the runner's protocol in both directions, and of what judges. See `__main__`."""
