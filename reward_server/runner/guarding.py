"""Keeps a submission from the judge's files and descriptors, which code of the test might open for it.

Runs in the judge's process. A function that opens what it is given is harmless in a test until the submission gets it,
and calls it with a path or a descriptor of its own choice.
"""

from __future__ import annotations

import sys
from os import fsdecode
from posixpath import realpath
from typing import TYPE_CHECKING, Any

from reward_server.runner import containment, scratch

if TYPE_CHECKING:
    from reward_server.runner.wall import Wall

GUARDED = frozenset(
    f"os.{name}"
    for name in ("listdir", "scandir", "remove", "rename", "link", "symlink", "truncate", "chmod", "mkdir", "rmdir")
) | {"open"}
"""Audit events whose arguments are files."""


def guard(wall: Wall) -> None:
    """Refuse the judge's own files and all descriptors while a request of the submission is served."""

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event in GUARDED and wall.serving:
            for place in arguments[: 1 if event == "open" else 2]:
                refuse(place)

    sys.addaudithook(check)


def refuse(place: Any) -> None:
    """Raises: PermissionError."""
    if type(place) is int and place >= 0:
        raise PermissionError("the judge's descriptors are not for the submission")
    if type(place) in (str, bytes):
        path = realpath(fsdecode(place))
        if not f"{path}/".startswith(f"{scratch.ROOT}/") and f"{path}/".startswith(
            (f"{containment.JUDGE_BOX}/", "/proc/", "/dev/fd/")
        ):
            raise PermissionError(f"the test's own files are not for the submission: {path}")
