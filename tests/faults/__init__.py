"""Faults on purpose: what is done to a server and its sandboxes, and what must be true of every reward all the same."""
