"""The error of `tasks`.

ValueError
└── ProblemSetError   a set of problems cannot be loaded; names the file, the line, the field and the fix
"""

from __future__ import annotations


class ProblemSetError(ValueError):
    """A set of problems cannot be loaded, or a row of it is not a problem."""
