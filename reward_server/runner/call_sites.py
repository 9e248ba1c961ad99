"""Where in the test code answers of the submission arrive, and what the reference gave back there.

Runs in the judge's process. Calibration runs the reference and learns, for each call site, whether an object of the
submission came back, itself (`OBJECT`) or in something else (`HELD`), or an empty array (`EMPTY`). Afterwards nothing
else may come back there.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from types import CodeType, FrameType

OBJECT, HELD, EMPTY = 1, 2, 4
MOST_SITES = 5000
Place = tuple[str, int, int, int, int]
"""File, first and last line, first and last column."""
Site = tuple[Place, str]
"""A place, and the name of what is asked for there: a helper of the test may call one function after another."""


class CallSites:
    def __init__(self, files: Collection[str], known: Iterable[Any] | None) -> None:
        """`files`: the names of the test code. `known`: what `rows` gave when the reference ran; None to learn it."""
        self.files = files
        self.learns = known is None
        self.flags: dict[Site, int] = {(tuple(row[:5]), row[5]): row[6] for row in known or ()}
        self.asked = ""
        """The name of what is asked for."""
        self.places: dict[tuple[CodeType, int], Place] = {}

    def here(self) -> Place | None:
        """The call site under way: where the innermost frame of the test code is."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            place = self.places.get((code, frame.f_lasti))
            if place is not None:
                return place
            name = os.path.basename(code.co_filename)
            if name in self.files:
                at = next(position for index, position in enumerate(code.co_positions()) if 2 * index == frame.f_lasti)
                first, last, begin, end = (number or 0 for number in at)
                place = self.places[code, frame.f_lasti] = name, first, last, begin, end
                return place
            frame = frame.f_back
        return None

    def answered(self) -> None:
        """An answer arrived here: while learning, the site is known to give plain values."""
        if self.learns and (place := self.here()) is not None and len(self.flags) < MOST_SITES:
            self.flags.setdefault((place, self.asked), 0)

    def allows(self, flag: int) -> bool | None:
        """Whether an object may arrive here in this way; None where the reference never came."""
        place = self.here()
        if place is None:
            return None
        site = place, self.asked
        if self.learns:
            self.flags[site] = self.flags.get(site, 0) | flag
            return True
        known = self.flags.get(site)
        return None if known is None else bool(known & flag)

    def rows(self) -> list[list[Any]]:
        return [[*place, asked, flags] for (place, asked), flags in self.flags.items()]
