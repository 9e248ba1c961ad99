"""Keeps finished judgements on disk, so that they outlast the server and several servers share them.

An SQLite file that its owner alone can read: it holds what submissions printed. Bounded by bytes, the oldest go first.
Promises: the event loop never waits for the disk; a file that cannot be read or written costs time, never a request;
judgements of another version of the judge, or of another sandbox, are never found. Timeouts are not kept: they say
something of the machine too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
from hashlib import blake2b
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from reward_server.errors import BadSetting
from reward_server.verdicts import TestResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    Judgement = tuple[TestResult, ...]
    Rows = Sequence[Any]
    """What is written of one key, as JSON."""

FLUSH_S: Final = 1.0
MOST_PENDING: Final = 50_000
"""Judgements that wait to be written; where the disk is slower than that, the newest are not kept."""
AT_ONCE: Final = 500
"""Keys in one query."""
WAIT_S: Final = 5.0
"""For another process that writes."""
EVICTED_SHARE: Final = 10
"""A tenth goes at a time."""
TABLES: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS judgements (number INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, results BLOB NOT NULL);
"""
TIMEOUTS: Final = frozenset({"cpu_timeout", "wall_timeout"})
JUDGES: Final = ("reward_server", "tasks")
"""Packages whose source decides verdicts, or may, with all that lies within them."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def version_of_judge(sandbox: str) -> bytes:
    """Digest what decides verdicts besides problem and code. `sandbox`: what the backend says programs run in."""
    digest = blake2b(f"{sandbox} pytest {metadata.version('pytest')}".encode(), digest_size=16)
    for package in JUDGES:
        with resources.as_file(resources.files(package)) as folder:
            for path in sorted(folder.rglob("*.py")):
                digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.digest()


class DiskCache:
    """`start` it, `close` it. The file is opened at once, so that a wrong name is told before the server starts."""

    def __init__(self, path: Path, version: bytes, max_bytes: int) -> None:
        """Raises: BadSetting where there can be no such file."""
        self._version = version
        self._max_bytes = max_bytes
        self._pending: dict[bytes, Rows] = {}
        self._flusher: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        """One thread at a time has the connection."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
            self._file = sqlite3.connect(path, timeout=WAIT_S, check_same_thread=False, isolation_level=None)
            self._file.executescript(TABLES)
        except (OSError, sqlite3.Error) as error:
            raise BadSetting(
                f"PASSRATE_CACHE_FILE: {path}: {error}; name a file that can be made, or remove it"
            ) from None

    async def start(self) -> None:
        self._flusher = asyncio.create_task(self._flush_for_ever())

    async def close(self) -> None:
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.gather(self._flusher, return_exceptions=True)
        await self._flush()
        await asyncio.to_thread(self._close)

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, Judgement]:
        """Return what is kept of these submissions."""
        return await self.read(keys, judgement_of)

    async def read(self, keys: Sequence[bytes], made_of: Callable[[list[Any]], T]) -> dict[bytes, T]:
        """Return what is kept under these keys, each made of its rows."""
        return await asyncio.to_thread(self._read, keys, made_of)

    def put(self, key: bytes, results: Judgement) -> None:
        """Keep a judgement; it is written within about a second."""
        if not any([result.verdict in TIMEOUTS for result in results]):  # noqa: C419
            self.keep(key, results)

    def keep(self, key: bytes, rows: Rows) -> None:
        """Keep plain values in the same way."""
        if len(self._pending) < MOST_PENDING:
            self._pending[key] = rows

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self._flush()

    async def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        if pending:
            await asyncio.to_thread(self._write, pending)

    def _read(self, keys: Sequence[bytes], made_of: Callable[[list[Any]], T]) -> dict[bytes, T]:
        found: dict[bytes, T] = {}
        stored = {self._stored(key): key for key in keys}
        names = list(stored)
        with self._lock, told_to_the_log():
            for at in range(0, len(names), AT_ONCE):
                some = names[at : at + AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, results FROM judgements WHERE key IN ({marks})"  # noqa: S608 question marks only
                for name, text in self._file.execute(query, some):
                    found[stored[name]] = made_of(orjson.loads(text))
        return found

    def _write(self, judgements: dict[bytes, Rows]) -> None:
        rows = list(rows_of((self._stored(key), results) for key, results in judgements.items()))
        with self._lock, told_to_the_log():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                self._file.executemany("INSERT OR REPLACE INTO judgements (key, results) VALUES (?, ?)", rows)
                if self._bytes() > self._max_bytes:
                    self._evict()
            except sqlite3.Error:
                self._file.rollback()
                raise
            self._file.commit()

    def _evict(self) -> None:
        (count,) = self._file.execute("SELECT count(*) FROM judgements").fetchone()
        oldest = "SELECT number FROM judgements ORDER BY number LIMIT ?"
        share = max(1, count // EVICTED_SHARE)
        self._file.execute(f"DELETE FROM judgements WHERE number IN ({oldest})", (share,))  # noqa: S608 no value in it

    def _bytes(self) -> int:
        """Of the pages in use: SQLite takes those that are free before it asks for more."""
        read = [
            self._file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        ]
        pages, free, size = read
        return int((pages - free) * size)

    def _close(self) -> None:
        with self._lock, told_to_the_log():
            self._file.close()

    def _stored(self, key: bytes) -> bytes:
        return blake2b(key, key=self._version, digest_size=20).digest()


def judgement_of(rows: list[Any]) -> Judgement:
    """Raises: TypeError."""
    return tuple(map(TestResult._make, rows))


def rows_of(judgements: Iterable[tuple[bytes, Rows]]) -> Iterable[tuple[bytes, bytes]]:
    for key, results in judgements:
        with contextlib.suppress(TypeError):  # a lone surrogate in a message: judged again next time
            yield key, orjson.dumps([list(row) if isinstance(row, TestResult) else row for row in results])


@contextlib.contextmanager
def told_to_the_log() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError) as error:
        log.warning("cache_file_failed", extra={"cause": f"{type(error).__name__}: {error}"})
