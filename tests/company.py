"""Tests in several processes at once, and those that bear no company.

`InPieces` deals the tests out; `Company` keeps all others waiting while a test marked `alone` runs. Neither does anything
in a run of one process.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from xdist.remote import Producer

PIECE = 40


class InPieces(LoadScopeScheduling):  # type: ignore[misc]
    """Deals out the tests in the order of their collection: a file at once, or a piece of a long one.

    Those of one file mostly share what its fixtures make.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self.pieces: dict[str, str] = {}
        self.tests_of = Counter[str]()

    def _split_scope(self, nodeid: str) -> str:
        if nodeid not in self.pieces:
            file = nodeid.partition("::")[0]
            self.pieces[nodeid] = f"{file} {self.tests_of[file] // PIECE}"
            self.tests_of[file] += 1
        return self.pieces[nodeid]


class Company:
    """Two locks that the processes of one run share: who wants to be alone closes the gate and waits until the room is empty."""

    def __init__(self, folder: Path) -> None:
        self.gate, self.room = (os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("gate", "room"))

    @contextmanager
    def kept(self, *, alone: bool) -> Iterator[None]:
        # Not flock: a child that a test leaves behind would hold that too.
        how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        fcntl.lockf(self.gate, how)
        try:
            fcntl.lockf(self.room, how)
        finally:
            if not alone:
                fcntl.lockf(self.gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.lockf(self.room, fcntl.LOCK_UN)
            fcntl.lockf(self.gate, fcntl.LOCK_UN)
