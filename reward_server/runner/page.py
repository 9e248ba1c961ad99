"""The page of memory that the judge shares with the control process: where it is, and what it has found.

The control process needs no message to know which test runs and since when; and what the judge found before it was
ended is not lost. Layout: a counter of intervals with the clocks at its begin, then a row for each test.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mmap

HEADER = struct.Struct("<Qddd")
ROW = struct.Struct("<Bxxxxxxxdd")
ROWS_AT = 64
MAX_LOOKS = 1000
"""Who writes without a pause, as a submission may that shares the page, keeps the reader for so long."""
UNREACHED, PASSED, FAILED = 0, 1, 2


def size(rows: int) -> int:
    return ROWS_AT + rows * ROW.size


class Page:
    def __init__(self, memory: mmap.mmap) -> None:
        self.memory = memory

    def clear(self, rows: int) -> None:
        self.memory[: size(rows)] = bytes(size(rows))

    def begin(self, interval: int, submission_s: float, judge_s: float, clock_s: float, *, inside: bool) -> None:
        """Begin an interval. `inside`: a test runs, so that the judge's own processor time counts as well."""
        HEADER.pack_into(self.memory, 0, 2 * interval + inside, submission_s, judge_s, clock_s)

    def reset(self) -> None:
        """Back to interval 0: the judge has not yet begun to wait for its submission."""
        HEADER.pack_into(self.memory, 0, 0, 0.0, 0.0, 0.0)

    def interval(self) -> tuple[int, bool, float, float, float]:
        """The interval's number, if it is inside a test, and at its begin the seconds of submission, judge, clock."""
        for _ in range(MAX_LOOKS):
            seen = self.memory[: HEADER.size]
            if self.memory[: HEADER.size] == seen:
                break
        number, submission_s, judge_s, clock_s = HEADER.unpack(seen)
        return number // 2, bool(number % 2), submission_s, judge_s, clock_s

    def write(self, row: int, status: int, cpu_s: float, wall_s: float) -> None:
        """A row that has no room is left out: the number of tests may turn out larger than was known."""
        at = ROWS_AT + row * ROW.size
        if at + ROW.size <= len(self.memory):
            ROW.pack_into(self.memory, at, status, cpu_s, wall_s)

    def read(self, row: int) -> tuple[int, float, float]:
        return ROW.unpack_from(self.memory, ROWS_AT + row * ROW.size)
