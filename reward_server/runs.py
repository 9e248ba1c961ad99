"""What the runs of a backend's slots have taken and left behind, summed up. Each slot adds its own."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, get_args

from reward_server.tally import SHORT_SECONDS, Tally

Dirt = Literal["processes", "files", "unkillable", "zygote", "other"]

SAID: Final[dict[str, Dirt]] = {
    "processes are still there": "processes",
    "is not empty": "files",
    "did not end when it was killed": "unkillable",
    "a zygote ": "zygote",
}
"""What the control process says of a slot that is not clean. Its words name folders and numbers, metrics must not."""


class Runs:
    def __init__(self) -> None:
        self.wall = Tally()
        """Seconds from the job to the reply: the run, its clean-up and the way there and back."""
        self.cpu = Tally(SHORT_SECONDS)
        """Processor seconds of the tests of a run."""
        self.clean = Tally(SHORT_SECONDS)
        """Seconds in which the sandbox killed and reaped, emptied its folders, and proved that nothing is left."""
        self.dirty: Counter[Dirt] = Counter(dict.fromkeys(get_args(Dirt), 0))

    def add(self, wall_s: float, cpu_s: float, clean_s: float) -> None:
        self.wall.add(wall_s)
        self.cpu.add(cpu_s)
        self.clean.add(clean_s)


def kind_of_dirt(said: str) -> Dirt:
    """Class the words of a control process about what is left after a run."""
    return next((kind for words, kind in SAID.items() if words in said), "other")
