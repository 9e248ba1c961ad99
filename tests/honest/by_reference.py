"""Honest cases whose problems need a reference, and why: their text does not show that objects are needed."""

from __future__ import annotations

BY_REFERENCE: dict[str, str] = {
    "container_of_a_function": "`len`, `list` and an index of what a function returned are what tests do with a list",
}
