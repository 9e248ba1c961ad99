"""Keeps a submission from the judge's files and descriptors, which code of the test might open for it.

Runs in the judge's process. A function that opens what it is given is harmless in a test until the submission gets it,
and calls it with a path or a descriptor of its own choice.
"""

from __future__ import annotations

import functools
import os
import socket
from os import O_ACCMODE, PathLike, fsdecode, fspath, getcwd
from posixpath import dirname, join, normpath, realpath
from sys import addaudithook
from typing import TYPE_CHECKING, Any

from reward_server.runner import containment, scratch
from reward_server.runner.stand_ins import Remote

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_server.runner.mirrored import Files
    from reward_server.runner.wall import Wall

FOLDERS = frozenset({"os.listdir", "os.scandir"})
FILES = frozenset(
    f"os.{name}" for name in ("remove", "rename", "link", "symlink", "truncate", "chmod", "mkdir", "rmdir", "chdir")
) | {"open", "sqlite3.connect"}
GUARDED = FOLDERS | FILES
"""Audit events about files."""
PLACES = {
    **dict.fromkeys(("os.rename", "os.link"), (0, 1, 2, 3)),
    **dict.fromkeys(("os.remove", "os.rmdir"), (0, 1)),
    **dict.fromkeys(("os.mkdir", "os.chmod"), (0, 2)),
}
"""Which arguments are files, or descriptors of the folders where these lie; of all others the first."""
OF_DESCRIPTORS = frozenset({"open", "mmap.__new__", "fcntl.fcntl", "fcntl.ioctl", "fcntl.flock", "fcntl.lockf"})
"""Audit events whose first argument may be a descriptor."""
STARTING = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"})
UNHEARD = {
    **dict.fromkeys(("close", "ftruncate", "lseek", "pread", "preadv", "pwrite", "pwritev", "read", "readv"), 1),
    **dict.fromkeys(("dup", "set_blocking", "write", "writev"), 1),
    **dict.fromkeys(("copy_file_range", "dup2", "sendfile", "splice"), 2),
}
"""Functions of `os` that raise no audit event, by the number of descriptors that they begin with."""
MOST_DESCRIPTORS = 4096
KEYWORDS = frozenset({"fd", "fd2", "fileno", "in_fd", "out_fd", "src", "dst"})


def guard(wall: Wall, control: socket.socket) -> None:
    """Refuse the judge's channels, and while a request of the submission is served its files and all descriptors."""

    def is_channel(place: Any) -> bool:
        return isinstance(place, Remote) or (
            isinstance(place, int) and place in (control.fileno(), wall.channel.fileno())
        )

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event in OF_DESCRIPTORS and is_channel(arguments[0]):
            raise refusal()
        files = files_of(wall)
        if event in GUARDED:
            places = places_of(event, arguments)
            for place in places if wall.serving else ():
                refuse(place, files if event in FILES else None)
            if files is not None and not wall.serving:
                look(files, places, changes=event == "open" and bool(arguments[2] & O_ACCMODE))
        elif event in STARTING and wall.serving:
            wall.evidence.cannot_carry("the test starts processes on behalf of the submission")
            raise PermissionError("the judge starts no process for the submission")
        elif event in STARTING and files is not None and any(path in repr(arguments) for path in files.withheld):
            files.misses()

    replace_unheard(files_of(wall), is_channel)
    addaudithook(check)


def files_of(wall: Wall) -> Files | None:
    return wall.mirrored.files if wall.mirrored is not None else None


def replace_unheard(files: Files | None, is_channel: Callable[[Any], bool]) -> None:
    """Have the functions that raise no audit event look at what they get."""
    for name, count in UNHEARD.items():
        setattr(os, name, closed(getattr(os, name), slice(count), is_channel))
    close_range = os.closerange

    def closerange(low: int, high: int, /) -> None:
        if any(map(is_channel, range(low, min(high, MOST_DESCRIPTORS)))):
            raise refusal()
        close_range(low, high)

    os.closerange = closerange
    socket.close = closed(socket.close, slice(1), is_channel)
    socket.socket.__init__ = closed(socket.socket.__init__, slice(4, 5), is_channel)  # type: ignore[method-assign]
    if files is None:
        return
    for name in ("stat", "lstat"):
        found = getattr(os, name)
        setattr(os, name, watched := looked_at(found, files))
        for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if found in able:
                able.add(watched)


def closed(function: Callable[..., Any], places: slice, is_channel: Callable[[Any], bool]) -> Callable[..., Any]:
    """The function, for other descriptors than those of the judge's channels."""

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        if any(map(is_channel, arguments[places])) or any(
            name in KEYWORDS and is_channel(value) for name, value in keywords.items()
        ):
            raise refusal()
        return function(*arguments, **keywords)

    return call


def looked_at(function: Callable[..., Any], files: Files) -> Callable[..., Any]:
    """`os.stat`, which raises no audit event."""

    @functools.wraps(function)
    def call(path: Any, *arguments: Any, **keywords: Any) -> Any:
        if (files.withheld or files.names.given) and not files.wall.serving:
            look(files, [fspath(path) if isinstance(path, PathLike) else path], changes=False)
        return function(path, *arguments, **keywords)

    return call


def places_of(event: str, arguments: tuple[Any, ...]) -> list[Any]:
    """The files that an event names, and the descriptors of folders; -1 for none."""
    if event == "os.symlink" and type(arguments[0]) is type(arguments[1]) is str:
        return [join(dirname(arguments[1]), arguments[0]), *arguments[1:]]
    return [arguments[at] for at in PLACES.get(event, (0,))]


def refuse(place: Any, files: Files | None) -> None:
    """Raises: PermissionError."""
    if type(place) is int and place >= 0:
        raise refusal()
    if type(place) in (str, bytes):
        path = realpath(fsdecode(place))
        if f"{path}/".startswith(f"{scratch.ROOT}/"):
            if files is not None:
                files.opens_for_them(path)
        elif f"{path}/".startswith((f"{containment.JUDGE_BOX}/", "/proc/", "/dev/fd/")):
            raise PermissionError(f"the test's own files are not for the submission: {path}")


def look(files: Files, places: list[Any], *, changes: bool) -> None:
    """Note what the test does for itself."""
    for place in places:
        if type(place) in (str, bytes):
            files.looks_at(normpath(join(getcwd(), fsdecode(place))), changes=changes)


def refusal() -> PermissionError:
    return PermissionError("the judge's descriptors are not for the submission")
