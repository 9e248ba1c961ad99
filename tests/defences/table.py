"""All defences, by what they are part of."""

from __future__ import annotations

from tests.defences import containment, doors, judging, kernel, processes, wall

DEFENCES = (*wall.ROWS, *judging.ROWS, *containment.ROWS, *kernel.ROWS, *doors.ROWS, *processes.ROWS)
