"""Keeps finished judgements for submissions that come again, as they do under low temperature and after retries.

Bounded by entries and by bytes; what was used last stays. Failures of ours never enter.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reward_server.verdicts import TestResult

RESULT_BYTES: Final = 300
"""What one `TestResult` takes besides its texts, about."""


class JudgementCache:
    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, tuple[tuple[TestResult, ...], int]] = OrderedDict()
        self._bytes = 0
        self.hits = self.misses = self.evictions = 0

    @property
    def size_bytes(self) -> int:
        """What it keeps takes so many, about."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: bytes) -> bool:
        return key in self._kept

    def get(self, key: bytes) -> tuple[TestResult, ...] | None:
        found = self._kept.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: bytes, results: tuple[TestResult, ...]) -> None:
        if not self._max_entries:
            return
        size = sum([RESULT_BYTES + len(each.message) + len(each.stdout) + len(each.stderr) for each in results])
        if size > self._max_bytes:
            return
        if key in self._kept:
            self._bytes -= self._kept.pop(key)[1]
        self._kept[key] = results, size
        self._bytes += size
        while len(self._kept) > self._max_entries or self._bytes > self._max_bytes:
            self._bytes -= self._kept.popitem(last=False)[1][1]
            self.evictions += 1
