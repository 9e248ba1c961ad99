"""Tests in several processes at once, and those that bear no company.

`InPieces` deals the tests out; `Company` keeps all others waiting while a test marked `alone` runs. A run of one
process needs neither.
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
ONE_BY_ONE = ("tests/contract/test_unprivileged.py", "tests/test_train_runs.py")
"""Files whose tests take long and share nothing."""
BY_BACKEND = ("tests/hostile/test_payloads.py",)
"""Files whose tests share one run for each backend, which the first parameter names."""


class Pieces:
    """Files, a long one in several pieces: what goes to one process as a whole, to share what its fixtures make."""

    def __init__(self) -> None:
        self.tests_of = Counter[str]()
        self.known: dict[str, str] = {}

    def of(self, test: str) -> str:
        """The piece of a test, by its id. Tests are asked for in their order."""
        if test not in self.known:
            file = test.partition("::")[0]
            number = self.tests_of[file] // (1 if file in ONE_BY_ONE else PIECE)
            backend = test.partition("[")[2].partition("-")[0]
            self.known[test] = f"{file} {backend if file in BY_BACKEND else number}"
            self.tests_of[file] += 1
        return self.known[test]


class InPieces(LoadScopeScheduling):  # type: ignore[misc]
    """Deals out the pieces in the order in which the tests were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else by size
        self.pieces = Pieces()

    def _split_scope(self, nodeid: str) -> str:
        return self.pieces.of(nodeid)


class Company:
    """Two locks that the processes of a run share: who has to be alone shuts the gate, and waits for an empty room."""

    def __init__(self, folder: Path) -> None:
        self.gate, self.room = (os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in ("gate", "room"))

    @contextmanager
    def kept(self, *, alone: bool) -> Iterator[None]:
        # Not flock: what a test leaves running would hold that too.
        how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        fcntl.lockf(self.gate, how)
        try:
            fcntl.lockf(self.room, how)
            if not alone:
                fcntl.lockf(self.gate, fcntl.LOCK_UN)
            yield
        finally:
            for lock in (self.room, self.gate):
                fcntl.lockf(lock, fcntl.LOCK_UN)
