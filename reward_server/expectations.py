"""How long a submission to a problem may take, from those before it: the longest of a batch begin first.

So the end of a batch does not wait for one long run beside idle slots. Only time depends on it, never a verdict.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST_PROBLEMS: Final = 8192
NEWEST_SHARE: Final = 0.3
"""What the newest run counts for in a problem's expectation."""


class Expectations:
    """Seconds in a slot, by the judging digest of a problem; those asked for last are kept."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[bytes, float] = OrderedDict()

    def __getitem__(self, digest: bytes) -> float:
        """Seconds; infinite for a problem that nobody has tried, as it may be anything."""
        return self._seconds.get(digest, float("inf"))

    def note(self, digest: bytes, seconds: float) -> None:
        """Take a finished run into account."""
        before = self._seconds.pop(digest, seconds)
        self._seconds[digest] = before + NEWEST_SHARE * (seconds - before)
        if len(self._seconds) > MOST_PROBLEMS:
            self._seconds.popitem(last=False)
