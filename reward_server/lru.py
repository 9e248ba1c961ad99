"""A cache of values by digest, bounded by entries and by bytes, which evicts the least recently used."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class LRUCache(Generic[T]):
    def __init__(self, max_entries: int, max_bytes: int) -> None:
        """The newest entry stays, whatever its size."""
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._entries: OrderedDict[bytes, tuple[T, int]] = OrderedDict()
        self.size_bytes = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    def get(self, key: bytes) -> T | None:
        """Return a value and mark it as used."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: bytes, value: T, size_bytes: int) -> None:
        if key in self._entries:
            self.size_bytes -= self._entries.pop(key)[1]
        self._entries[key] = value, size_bytes
        self.size_bytes += size_bytes
        while len(self) > 1 and (len(self) > self._max_entries or self.size_bytes > self._max_bytes):
            self.size_bytes -= self._entries.popitem(last=False)[1][1]
            self.evictions += 1
