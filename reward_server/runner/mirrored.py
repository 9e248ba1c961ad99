"""Carries to the submission what test code does around it: files, seeds, patches, environment, warning filters, levels.

Before each message to the submission, what has changed goes ahead of it as `["s", changes]`. Back come changed files,
warnings and log records, as printed text does: a test that only looks at these rests on what the submission says. No
state of a random generator comes back: a submission must not choose what the test draws next.
"""

from __future__ import annotations

import base64
import os
import sys
from os import chdir, getcwd
from posixpath import basename, dirname, lexists
from typing import TYPE_CHECKING, Any

from reward_server.runner import link, mirrored_parts, naming, scratch, values
from reward_server.runner.replayed import Replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import FrameType

    from reward_server.runner.wall import Wall


class Files:
    """The scratch folder.

    A file that the test made is shown to the submission once the test has named it there, or a folder that holds it, or
    where a relative path finds it. A problem's own data file is shown once it is named.
    """

    def __init__(self, wall: Wall, own: Collection[str], *, swapped: bool, takes: bool) -> None:
        """`own`: the names of the problem's data files. `takes`: whether the submission's files come to the test."""
        self.wall, self.takes = wall, takes
        self.turns = scratch.Turns(swapped=swapped)
        self.scratch = scratch.Scratch(scratch.ROOT)
        self.names = naming.Names(own)
        self.withheld: set[str] = set()
        """The paths of what the submission has made or changed and the test does not get."""
        self.tests = 0
        os.mkdir(naming.TEMPORARY)
        chdir(scratch.ROOT)
        os.environ["TMPDIR"] = naming.TEMPORARY
        self.restart()

    def restart(self) -> None:
        self.scratch.forget()
        self.told_folder = ""

    def is_shown(self, path: str) -> bool:
        whole = f"{scratch.ROOT}/{path}"
        if self.names.is_told(whole) or whole in self.names.own:
            return self.names.is_told(whole)
        here = getcwd()
        return whole.startswith(f"{here}/") and (here != scratch.ROOT or not whole.startswith(f"{naming.TEMPORARY}/"))

    def changes(self, message: bytes) -> list[Any] | None:
        """The folder to be in, if that is new, and what has changed below the root."""
        self.begin_test()
        self.names.tell(message)
        try:
            changed = self.scratch.changes(self.is_shown)
            here = getcwd()
        except (scratch.TooMuch, OSError) as error:
            note = self.wall.evidence.doubt if self.names.made else self.wall.evidence.cannot_carry
            note(str(error))
            return None
        unshown = {f"{scratch.ROOT}/{path}" for path in self.scratch.unshown}
        self.names.withhold(unshown, [message, *(base64.b64decode(row[2]) for row in changed if row[0] == "w")])
        folder = here if here != self.told_folder and f"{here}/".startswith(f"{scratch.ROOT}/") else ""
        self.told_folder = folder or self.told_folder
        return [folder, changed] if folder or changed else None

    def take(self, changes: Any) -> None:
        """Raises: scratch.TooMuch, OSError."""
        if self.takes:
            self.scratch.apply(changes)
        else:
            self.withheld |= {self.scratch.checked(str(path)) for _, path, *_ in changes if self.is_shown(str(path))}
            if len(self.withheld) > scratch.MOST_FILES:
                raise scratch.TooMuch(f"more than {scratch.MOST_FILES} files")

    def hear(self, message: list[Any]) -> None:
        """Note what a message of the submission names."""
        self.begin_test()
        self.names.hear(message, getcwd(), self.scratch.received)

    def begin_test(self) -> None:
        if self.tests != self.wall.evidence.tests:
            self.tests = self.wall.evidence.tests
            self.names.begin_test()

    # What the test's own code does, by `guarding.py`.

    def opens_for_them(self, path: str) -> None:
        """It opens, moves or removes a file on behalf of the submission. Raises: PermissionError."""
        if self.names.is_kept(path):
            raise PermissionError(f"the submission has not been shown this file: {path}")
        if not lexists(path):
            self.names.made.add(path)

    def looks_at(self, path: str, *, changes: bool) -> None:
        """It opens, lists or asks for a file or folder for itself. `changes`: as it wants to write."""
        if changes:
            self.names.made.discard(path)
            self.withheld.discard(path)
        if path in self.names.given:
            self.wall.evidence.doubt("the submission gives the test the path of a file that it was not shown")
        if any(held == path or dirname(held) == path for held in self.withheld) and self.is_asked_by_the_test():
            self.misses()

    def is_asked_by_the_test(self) -> bool:
        """Whether code of the test is running: pytest looks at its folders as well."""
        frame: FrameType | None = sys._getframe()
        while frame is not None and basename(frame.f_code.co_filename) not in self.wall.evidence.files:
            frame = frame.f_back
        return frame is not None

    def misses(self) -> None:
        """The test looks for a file of the submission, and does not get it."""
        self.wall.evidence.cannot_carry("the test may run what a file says, so that it gets no files of the submission")


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
        return {**begin, "root": [scratch.ROOT, naming.TEMPORARY]} if self.files is not None else begin

    def receive(self, receive: Callable[[], list[Any]]) -> list[Any]:
        """The next message. What comes ahead of it is taken. Raises: link.Gone."""
        while True:
            try:
                message = receive()
            finally:
                if self.files is not None:
                    self.files.turns.take()
            if message[0] != "s":
                if self.files is not None:
                    self.files.hear(message)
                return message
            self.take(message[1])

    def take(self, told: Any) -> None:
        if type(told) is not dict:
            self.wall.lose()
        self.replayed.take(told)
        if self.files is not None and "files" in told:
            try:
                self.files.take(told["files"])
            except (scratch.TooMuch, OSError, ValueError, TypeError, LookupError) as error:
                self.wall.evidence.doubt(f"a file of the submission was not taken: {error}")
