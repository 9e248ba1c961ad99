"""The page of memory that the judge shares with the control process: where it is, and what it has found.

The control process needs no message to know which test runs and since when; and what the judge found before it was
ended is not lost. Layout: a counter of intervals with the clocks at its begin, then a row for each test.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap

NUMBER, CLOCKS = struct.Struct("<Q"), struct.Struct("<ddd")
ROW = struct.Struct("<Bxxxxxxxdd")
ROWS_AT = 64
UNREACHED, PASSED, FAILED = 0, 1, 2
HALF_DONE = (1 << 64) - 1


def size(rows: int) -> int:
    return ROWS_AT + rows * ROW.size


class Page:
    def __init__(self, memory: mmap.mmap) -> None:
        self.memory = memory
        self.seen: tuple[int, bool, float, float, float] = (0, False, 0.0, 0.0, 0.0)

    def clear(self, rows: int) -> None:
        self.memory[: size(rows)] = bytes(size(rows))
        self.seen = (0, False, 0.0, 0.0, 0.0)

    def begin(self, interval: int, submission_s: float, judge_s: float, clock_s: float, *, inside: bool) -> None:
        """Begin an interval. `inside`: a test runs, so that the judge's own processor time counts as well."""
        # Its reader may run while this is half done, and for long if no processor is free: it must be able to tell.
        NUMBER.pack_into(self.memory, 0, HALF_DONE)
        CLOCKS.pack_into(self.memory, NUMBER.size, submission_s, judge_s, clock_s)
        NUMBER.pack_into(self.memory, 0, 2 * interval + inside)

    def reset(self) -> None:
        """Back to interval 0: the judge has not yet begun to wait for its submission."""
        self.begin(0, 0.0, 0.0, 0.0, inside=False)
        self.seen = (0, False, 0.0, 0.0, 0.0)

    def interval(self) -> tuple[int, bool, float, float, float]:
        """The interval's number, if it is inside a test, and at its begin the seconds of submission, judge, clock.

        While the next one is half begun, the one that was seen last.
        """
        (number,) = NUMBER.unpack_from(self.memory, 0)
        clocks = CLOCKS.unpack_from(self.memory, NUMBER.size)
        if number != HALF_DONE and NUMBER.unpack_from(self.memory, 0) == (number,):
            self.seen = number // 2, bool(number % 2), *clocks
        return self.seen

    def write(self, row: int, status: int, cpu_s: float, wall_s: float) -> None:
        """A row that has no room is left out: the number of tests may turn out larger than was known."""
        at = ROWS_AT + row * ROW.size
        if at + ROW.size <= len(self.memory):
            ROW.pack_into(self.memory, at, status, cpu_s, wall_s)

    def read(self, row: int) -> tuple[int, float, float]:
        return ROW.unpack_from(self.memory, ROWS_AT + row * ROW.size)
