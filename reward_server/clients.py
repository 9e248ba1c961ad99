"""Who asks: a client is the holder of a key or, where the server has no keys, an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Client:
    """Whose a request is, and how much of the server it may take at once."""

    name: str
    max_queued: int
    """Submissions that wait for a slot."""
    max_requests: int
    """Requests in flight."""
    owner: str = ""
    """Whose the problems are that it stores: the name of its key. All clients are one where there are no keys."""


NO_LIMIT: Final = 1 << 62
OURSELVES: Final = Client("", NO_LIMIT, NO_LIMIT)
"""The canary, and whoever uses the parts without a door before them."""
