"""The problems that a judging process keeps, so that each is sent to it once.

Both ends hold such a table and do the same to it in the same order: so the server knows what is still there.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 2048
MOST_BYTES: Final = 64 << 20
"""As they are sent; those used last are kept, and one at least."""


class Kept(Generic[T]):
    """Values by digest."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[bytes, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    def use(self, digest: bytes) -> T | None:
        """Return what is kept under a digest, which was used last by this."""
        found = self._kept.get(digest)
        if found is None:
            return None
        self._kept.move_to_end(digest)
        return found[0]

    def put(self, digest: bytes, value: T, size: int) -> None:
        self.forget(digest)
        self._kept[digest] = (value, size)
        self._bytes += size
        while len(self._kept) > 1 and (len(self._kept) > self._most or self._bytes > self._most_bytes):
            self._bytes -= self._kept.popitem(last=False)[1][1]

    def forget(self, digest: bytes) -> None:
        _, size = self._kept.pop(digest, (None, 0))
        self._bytes -= size
