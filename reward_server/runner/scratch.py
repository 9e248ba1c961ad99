"""The files of a test: each process has a folder of its own under one path, and changes are carried by value.

Only regular files and folders are carried. What else a submission makes of its own folder (links, fifos, permissions,
changes while the test reads) stays there.
"""

from __future__ import annotations

import base64
import os
import stat
import time
from builtins import open as open_file  # a test may patch these
from builtins import sorted  # noqa: A004
from os import chmod, lstat, makedirs, mkdir, rename, rmdir, scandir, unlink
from os.path import realpath
from typing import TYPE_CHECKING, Any

from reward_server.runner import containment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = f"{containment.JUDGE_BOX}/files"
ROOT = f"{FOLDER}/box"
"""What both sides call the folder."""
OURS, THEIRS = f"{FOLDER}/ours", f"{FOLDER}/theirs"
"""What it is called while it is the other side's turn, where both sides have one file system."""
MOST_FILES, MOST_BYTES, MOST_DEPTH = 500, 8 << 20, 20
SETTLED_NS = 100_000_000
"""A file written so shortly before it was looked at may have been written again without another time."""
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class TooMuch(Exception):
    """More files than are carried, or one that may not be."""


class Scratch:
    """One side's folder, and what of it the other side has as well."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.known: dict[str, int | None] = {}
        """By path: what stands for the content that both sides have; None for a folder."""
        self.settled: dict[str, tuple[int, int, int]] = {}
        """The time, size and inode of files that need not be read again."""
        self.received: dict[str, int] = {}
        """The sizes of files and folders that the other side has made or changed. They count as its own."""
        self.unshown: set[str] = set()
        """The files that were not shown to the other side at the last look."""

    def forget(self) -> None:
        """The other side has nothing, from now on."""
        self.known.clear()
        self.settled.clear()
        self.received.clear()

    def changes(self, shown: Callable[[str], bool] = lambda _: True) -> list[list[str]]:
        """What the other side has to do to its folder to have the same. Raises: TooMuch.

        `shown`: whether a file that the other side does not have may be shown to it. Folders always are.
        """
        entries = dict(self.entries())
        gone = [
            path for path in self.known if path not in entries or (entries[path] is None) != (self.known[path] is None)
        ]
        told = [["x", path] for path in sorted(gone, reverse=True)]
        for path in gone:
            del self.known[path]
            self.received.pop(path, None)
        size = 0
        self.unshown.clear()
        for path, status in entries.items():
            if status is None:
                if path not in self.known:
                    self.known[path] = None
                    told.append(["m", path])
                continue
            if path not in self.known and not shown(path):
                self.unshown.add(path)
                continue
            size += status.st_size - self.received.get(path, 0)
            if size > MOST_BYTES:
                raise TooMuch(f"the files of the test have more than {MOST_BYTES} bytes")
            content = self.content_if_changed(path, status)
            if content is not None:
                told.append(["w", path, base64.b64encode(content).decode()])
        return told

    def content_if_changed(self, path: str, status: os.stat_result) -> bytes | None:
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        if self.settled.get(path) == stamp:
            return None
        content = read(f"{self.root}/{path}")
        if status.st_mtime_ns < time.time_ns() - SETTLED_NS:
            self.settled[path] = stamp
        digest = hash(content)
        if self.known.get(path) == digest:
            return None
        self.known[path] = digest
        return content

    def entries(self) -> Iterator[tuple[str, os.stat_result | None]]:
        """The paths below the root, folders first; with what the system says of a file. Raises: TooMuch."""
        queue, count = [("", 0)], 0
        while queue:
            folder, depth = queue.pop()
            try:
                with scandir(f"{self.root}/{folder}") as held:
                    entries = sorted(held, key=lambda entry: entry.name)
            except OSError:  # one without permissions
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                count += path not in self.received
                if count > MOST_FILES or depth > MOST_DEPTH:
                    raise TooMuch(f"the test has more than {MOST_FILES} files, or deeper than {MOST_DEPTH} folders")
                if entry.is_dir(follow_symlinks=False):
                    yield path, None
                    queue.append((path, depth + 1))
                elif entry.is_file(follow_symlinks=False):
                    yield path, entry.stat(follow_symlinks=False)

    def apply(self, changes: Any) -> None:
        """Do as the other side tells. Raises: TooMuch for what no honest side tells, OSError."""
        if type(changes) is not list or len(changes) > 2 * MOST_FILES:
            raise TooMuch("changes that were not understood")
        for change in changes:
            match change:
                case ["x", str(path)]:
                    self.remove(self.checked(path), path)
                case ["m", str(path)]:
                    self.make_folder(self.checked(path), path)
                case ["w", str(path), str(text)] if len(text) <= 2 * MOST_BYTES:
                    self.write(self.checked(path), path, base64.b64decode(text))
                case _:
                    raise TooMuch("changes that were not understood")

    def checked(self, path: str) -> str:
        """The absolute path, if that lies below the root by no link. Raises: TooMuch."""
        parts = path.split("/")
        if len(parts) > MOST_DEPTH + 1 or any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise TooMuch("a path that leads elsewhere")
        whole = f"{self.root}/{path}"
        folder = whole.rpartition("/")[0]
        if realpath(folder) != folder:
            raise TooMuch("a path that leads elsewhere")
        return whole

    def remove(self, whole: str, path: str) -> None:
        if path not in self.known:
            return
        (rmdir if self.known.pop(path) is None else unlink)(whole)
        self.settled.pop(path, None)
        self.received.pop(path, None)

    def make_folder(self, whole: str, path: str) -> None:
        if kind_of(whole) is None:
            self.receive(path, 0)
            mkdir(whole)
        self.known[path] = None

    def write(self, whole: str, path: str, content: bytes) -> None:
        """A file that the other side has not been shown is not for it to replace."""
        kind = kind_of(whole)
        if kind is not None and (path not in self.known or kind != stat.S_IFREG):
            raise TooMuch("a file of the test that was not handed over")
        self.receive(path, len(content))
        with open_file(os.open(whole, WRITE, 0o644), "wb") as file:
            file.write(content)
        self.known[path] = hash(content)
        self.settled.pop(path, None)

    def receive(self, path: str, size: int) -> None:
        """Account for a file of the other side. Raises: TooMuch."""
        self.received[path] = size
        if len(self.received) > MOST_FILES or sum(self.received.values()) > MOST_BYTES:
            raise TooMuch(f"more than {MOST_FILES} files, or {MOST_BYTES} bytes")


def read(path: str) -> bytes:
    with open_file(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        return file.read(MOST_BYTES + 1)


def kind_of(path: str) -> int | None:
    try:
        return stat.S_IFMT(lstat(path).st_mode)
    except FileNotFoundError:
        return None


class Turns:
    """Gives both sides' folders one path where they share a file system: each stands there during its side's turn.

    Both lie in a folder of the judge's, so that no submission can rename them; the judge's own is closed to it.
    """

    def __init__(self, *, swapped: bool) -> None:
        """`swapped`: both sides have one file system. Made by the judge."""
        self.swapped, self.ours = swapped, True
        makedirs(ROOT, mode=0o700, exist_ok=True)
        if swapped:
            mkdir(THEIRS)
            chmod(THEIRS, 0o777)

    def give(self) -> None:
        """It is the submission's turn."""
        if self.swapped and self.ours:
            rename(ROOT, OURS)
            rename(THEIRS, ROOT)
        self.ours = False

    def take(self) -> None:
        """It is the test's turn."""
        if self.swapped and not self.ours:
            rename(ROOT, THEIRS)
            rename(OURS, ROOT)
        self.ours = True
