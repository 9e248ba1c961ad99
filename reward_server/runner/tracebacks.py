"""Tracebacks across the wall: names and lines of the submission's functions, as the test may print them.

The submission says which of its functions an exception went through; the judge makes frames of no code for them.
"""

from __future__ import annotations

import os
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FRAMES = 20
MOST_LINES = 1 << 30
FILE = "solution.py"
"""What the frames of the submission are said to be in, whatever it says."""
OTHER_NAMES = frozenset({"<module>", "<lambda>", "<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>"})


def rows_of(error: BaseException, file: str) -> list[list[Any]]:
    """Name and line of the innermost frames of this file that an exception went through, outermost first."""
    rows = []
    place = error.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        if code.co_filename == file:
            rows.append([code.co_name, place.tb_lineno])
        place = place.tb_next
    return rows[-MOST_FRAMES:]


def line_of(error: BaseException, file: str) -> int:
    """The line of the innermost frame of this file that an exception went through; 0 if there is none."""
    rows = rows_of(error, file)
    return int(rows[-1][1]) if rows else 0


def place_of(error: BaseException) -> str:
    """Where in the submission an exception was raised, as `at_line` words it."""
    place, line = error.__traceback__, 0
    while place is not None:
        if os.path.basename(place.tb_frame.f_code.co_filename) == FILE:
            line = place.tb_lineno
        place = place.tb_next
    return at_line(line)


def at_line(line: int) -> str:
    """What a message says of a line of the submission; the server adds the text of the line."""
    return f" ({FILE}:{line})" if line else ""


def made_of(rows: Any) -> types.TracebackType | None:
    """A traceback that shows these rows."""
    trace = None
    for name, line in reversed(rows[-MOST_FRAMES:]):
        if (
            type(name) is str
            and type(line) is int
            and 0 < line < MOST_LINES
            and (name.isidentifier() or name in OTHER_NAMES)
        ):
            trace = types.TracebackType(trace, frame(name, line), 0, line)
    return trace


def frame(name: str, line: int) -> types.FrameType:
    code = nothing.__code__.replace(co_name=name, co_qualname=name, co_filename=FILE, co_firstlineno=line)
    made: types.FrameType = types.FunctionType(code, {"__name__": "solution"})().gi_frame
    return made


def nothing() -> Iterator[None]:
    yield
