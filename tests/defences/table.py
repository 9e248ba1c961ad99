"""All defences, by what they are part of."""

from __future__ import annotations

from tests.defences import (
    containment,
    doors,
    evidence,
    exports,
    judging,
    kernel,
    sources,
    surroundings,
    wall,
)

DEFENCES = (
    *wall.ROWS,
    *exports.ROWS,
    *surroundings.ROWS,
    *evidence.ROWS,
    *judging.ROWS,
    *sources.ROWS,
    *containment.ROWS,
    *kernel.ROWS,
    *doors.ROWS,
)
