"""Honest cases whose tests need the submission's process, and why: their problems say `isolation: shared`.

Each fails across the wall, and a test says so: a line that is no longer needed has to go.
"""

# ruff: noqa: E501 - a row each

from __future__ import annotations

ONE_PROCESS: dict[str, str] = {
    "keyboard_interrupt": "it would end all tests where none expects it, and so arrives as another type",
    "result_compared_with_a_plain_value": "an object that no class made is never equal to a plain value, lest it equal everything",
    "container_asked_for_a_plain_value": "a submission's container is not asked for a plain value, unless the test shows that it is a class",
    "container_of_a_function_asked_for_a_plain_value": "a submission's container is not asked for a plain value",
    "made_object_handed_back_and_compared": "an object that the submission handed back is never equal to a plain value",
    "module_listed": "a stand-in for a module lists its own names",
}  # fmt: skip
