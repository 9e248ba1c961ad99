"""Keeps finished judgements for submissions that come again, as they do under low temperature and after retries.

Bounded by entries and by bytes; what was used last stays. Failures of ours never enter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reward_server.lru import LRUCache

if TYPE_CHECKING:
    from reward_server.verdicts import TestResult

RESULT_BYTES: Final = 300
"""What one `TestResult` takes besides its texts, about."""


class JudgementCache:
    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._kept: LRUCache[tuple[TestResult, ...]] = LRUCache(max_entries, max_bytes)
        self.hits = self.misses = 0

    @property
    def size_bytes(self) -> int:
        """What it keeps takes so many, about."""
        return self._kept.size_bytes

    @property
    def evictions(self) -> int:
        return self._kept.evictions

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: bytes) -> bool:
        return key in self._kept

    def get(self, key: bytes) -> tuple[TestResult, ...] | None:
        found = self._kept.get(key)
        if found is None:
            self.misses += 1
        else:
            self.hits += 1
        return found

    def put(self, key: bytes, results: tuple[TestResult, ...]) -> None:
        size = sum([RESULT_BYTES + len(each.message) + len(each.stdout) + len(each.stderr) for each in results])
        if self._max_entries and size <= self._max_bytes:
            self._kept.put(key, results, size)
