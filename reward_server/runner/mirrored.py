"""Carries to the submission what test code does around it: files, seeds, patches, environment, warning filters, levels.

Before each message to the submission, what has changed goes ahead of it as `["s", changes]`. Back come changed files,
warnings and log records, as printed text does: a test that only looks at these rests on what the submission says. No
state of a random generator comes back: a submission must not choose what the test draws next.
"""

from __future__ import annotations

import json
import os
import re
from os import chdir, getcwd
from typing import TYPE_CHECKING, Any

from reward_server.runner import link, mirrored_parts, scratch, values
from reward_server.runner.replayed import Replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from reward_server.runner.wall import Wall

TEMPORARY = f"{scratch.ROOT}/tmp"
"""Where `tmp_path` and `tempfile` lie."""
PATHS = re.compile(re.escape(scratch.ROOT.encode()) + rb'[^"]*')
END_OF_PATH = re.compile(r"[\s,:;'=|&]")


class Files:
    """The scratch folder.

    A file that the test made is shown to the submission once the test has named it there, or a folder that holds it, or
    where a relative path finds it. A problem's own data file is shown once it is named.
    """

    def __init__(self, wall: Wall, own: Collection[str], *, swapped: bool, takes: bool) -> None:
        """`own`: the names of the problem's data files. `takes`: whether the submission's files come to the test."""
        self.wall, self.own, self.takes = wall, frozenset(own), takes
        self.turns = scratch.Turns(swapped=swapped)
        self.scratch = scratch.Scratch(scratch.ROOT)
        self.named: set[str] = set()
        os.mkdir(TEMPORARY)
        chdir(scratch.ROOT)
        os.environ["TMPDIR"] = TEMPORARY
        self.restart()

    def restart(self) -> None:
        self.scratch.forget()
        self.told_folder = ""

    def name(self, message: bytes) -> None:
        """Note the paths that a message to the submission names."""
        for found in PATHS.findall(message):
            try:
                path = json.loads(b'"' + found + b'"')
            except ValueError:
                continue
            self.named |= {path.rstrip("/"), END_OF_PATH.split(path)[0].rstrip("/")}
        self.named |= {f"{scratch.ROOT}/{name}" for name in self.own if name.encode() in message}

    def is_shown(self, path: str) -> bool:
        whole = f"{scratch.ROOT}/{path}"
        if whole in self.named:
            return True
        if path in self.own:
            return False
        folder = whole
        while folder != scratch.ROOT:
            folder = folder.rpartition("/")[0]
            if folder in self.named:
                return True
        here = getcwd()
        return whole.startswith(f"{here}/") and (here != scratch.ROOT or not whole.startswith(f"{TEMPORARY}/"))

    def changes(self, message: bytes) -> list[Any] | None:
        """The folder to be in, if that is new, and what has changed below the root."""
        self.name(message)
        try:
            changed = self.scratch.changes(self.is_shown)
            here = getcwd()
        except (scratch.TooMuch, OSError) as error:
            self.wall.evidence.blame_test(str(error))
            return None
        folder = here if here != self.told_folder and f"{here}/".startswith(f"{scratch.ROOT}/") else ""
        self.told_folder = folder or self.told_folder
        return [folder, changed] if folder or changed else None

    def take(self, changes: Any) -> None:
        """Raises: scratch.TooMuch, OSError."""
        if self.takes:
            self.scratch.apply(changes)
        elif any(type(each) is list and len(each) > 1 and self.is_shown(str(each[1])) for each in changes):
            self.wall.evidence.blame_test(
                "the test may run what a file says, so that it gets no files of the submission"
            )


class Mirrored:
    """All that is carried, by what the test's text names."""

    def __init__(self, wall: Wall, found: dict[str, Any], files: Collection[str], *, nested: bool) -> None:
        """`found`: as `judging/surroundings.py` makes it. `files`: the names of the test files that are no code."""
        kinds = found["kinds"]
        self.wall, self.kinds = wall, [kind for kind in kinds if kind in ("warnings", "logs")]
        self.files: Files | None = None
        if "files" in kinds:
            self.files = Files(wall, files, swapped=not nested, takes=found["takes_files"])
        self.parts: dict[str, mirrored_parts.Part] = {}
        if "seeds" in kinds:
            self.parts["seeds"] = mirrored_parts.Seeds(numpy=found["numpy"])
        if "patches" in kinds:
            self.parts["patches"] = mirrored_parts.Patches(wall, [(module, name) for module, name in found["targets"]])
            self.parts |= {
                "environment": mirrored_parts.Environment(),
                "argv": mirrored_parts.Arguments(),
                "stdin": mirrored_parts.Stdin(wall),
            }
        if "warnings" in kinds:
            self.parts["filters"] = mirrored_parts.Filters(wall)
        if "logs" in kinds:
            self.parts["levels"] = mirrored_parts.Levels()
        self.replayed = Replayed(wall)
        self.has_begun = False

    def restart(self) -> None:
        self.has_begun = False
        self.replayed.forget()
        for part in self.parts.values():
            part.restart()
        if self.files is not None:
            self.files.restart()

    def before(self, message: bytes) -> None:
        """Tell what has changed, and give the turn away."""
        told: dict[str, Any] = {}
        for key, part in self.parts.items():
            if (changed := part.changes()) is not None:
                told[key] = changed
        if self.files is not None and (files := self.files.changes(message + values.dumps(told))) is not None:
            told["files"] = files
        if not self.has_begun:
            told = {**self.first(), **told}
            self.has_begun = True
        if self.files is not None:
            self.files.turns.give()
        if told:
            link.Link.send_bytes(self.wall, link.short(values.dumps(["s", told])))

    def first(self) -> dict[str, Any]:
        begin: dict[str, Any] = {"watch": self.kinds} if self.kinds else {}
        return {**begin, "root": [scratch.ROOT, TEMPORARY]} if self.files is not None else begin

    def receive(self, receive: Callable[[], list[Any]]) -> list[Any]:
        """The next message. What comes ahead of it is taken. Raises: link.Gone."""
        while True:
            try:
                message = receive()
            finally:
                if self.files is not None:
                    self.files.turns.take()
            if message[0] != "s":
                return message
            self.take(message[1])

    def take(self, told: Any) -> None:
        if type(told) is not dict:
            self.wall.lose()
        self.replayed.take(told)
        if self.files is not None and "files" in told:
            try:
                self.files.take(told["files"])
            except (scratch.TooMuch, OSError, ValueError) as error:
                self.wall.evidence.doubt(f"a file of the submission was not taken: {error}")
