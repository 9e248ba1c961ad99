"""The errors of `tasks`.

ValueError
├── ProblemSetError   a set of problems cannot be loaded; names the file, the line, the field and the fix
└── WrongField        a field does not fit the others; pydantic raises its ValidationError from it
"""

from __future__ import annotations


class ProblemSetError(ValueError):
    """A set of problems cannot be loaded, or a row of it is not a problem."""


class WrongField(ValueError):
    """A field of an object does not fit the others."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        """`path`: the steps from the object to the field."""
        super().__init__(path, message)
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return self.message
