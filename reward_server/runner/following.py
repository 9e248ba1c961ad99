"""The submission's side of what the test does around it: does as `mirrored.py` tells, and tells what is to go back.

Runs in the submission's process. Nothing here is a defence.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any

from reward_server.runner import library_values, link, scratch, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reward_server.runner.served import Served

MISSING = object()
PLAIN_RECORD = frozenset({"message", "asctime", "taskName"})


class Following:
    def __init__(self, served: Served, files: Mapping[str, str]) -> None:
        """`files`: those of the problem, which lie in the folder where the submission was loaded."""
        self.served, self.own_files = served, files
        self.scratch: scratch.Scratch | None = None
        self.originals: dict[tuple[str, str], Any] = {}
        self.levels: dict[str, int] = {}
        self.argv, self.stdin = list(sys.argv), sys.stdin
        self.warned: list[Any] = []
        self.logged: list[Any] = []

    def apply(self, told: dict[str, Any]) -> None:
        for key, value in told.items():
            getattr(self, f"apply_{key}")(value)

    def before(self) -> bytes | None:
        """What goes ahead of a message, if anything does."""
        told: dict[str, Any] = {}
        if self.warned:
            told["warned"], self.warned = self.warned, []
        if self.logged:
            told["logged"], self.logged = self.logged, []
        if self.scratch is not None:
            try:
                changes = self.scratch.changes()
            except (scratch.TooMuch, OSError):
                changes = []
            if changes:
                told["files"] = changes
        return values.dumps(["s", told]) if told else None

    # Files.

    def apply_root(self, places: list[str]) -> None:
        root, temporary = places
        os.makedirs(root, exist_ok=True)
        os.chdir(root)
        os.environ["TMPDIR"] = temporary
        if "tempfile" in sys.modules:
            setattr(importlib.import_module("tempfile"), "tempdir", None)  # noqa: B010 a module of no known type
        empty(root)
        for name, text in self.own_files.items():
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        self.scratch = scratch.Scratch(root)
        self.scratch.changes()  # which are no news

    def apply_files(self, told: list[Any]) -> None:
        folder, changes = told
        assert self.scratch is not None
        self.scratch.apply(changes)
        if folder:
            os.chdir(folder)

    # Seeds and patches.

    def apply_seeds(self, states: list[Any]) -> None:
        (version, words, gauss), more = states
        importlib.import_module("random").setstate((version, tuple(words), gauss))
        if more is not None:
            importlib.import_module("numpy.random").set_state(tuple(more))

    def apply_patches(self, told: list[Any]) -> None:
        for module, name, *value in told:
            home = library_values.named(module)
            self.originals.setdefault((module, name), getattr(home, name, MISSING))
            held = self.served.decode(value[0]) if value else self.originals.pop((module, name))
            if held is MISSING:
                delattr(home, name)
            else:
                setattr(home, name, held)

    def apply_environment(self, told: list[Any]) -> None:
        for name, value in told:
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def apply_argv(self, told: list[str]) -> None:
        sys.argv = told or list(self.argv)

    def apply_stdin(self, told: list[Any]) -> None:
        match told:
            case [str(text)]:
                sys.stdin = io.TextIOWrapper(
                    io.BytesIO(text.encode("utf-8", "surrogateescape")), encoding="utf-8", newline="\n"
                )
            case [None, encoded]:
                sys.stdin = self.served.decode(encoded)
            case _:
                sys.stdin = self.stdin

    # Warnings and log records.

    def apply_watch(self, kinds: list[str]) -> None:
        if "warnings" in kinds:
            setattr(importlib.import_module("warnings"), "showwarning", self.show_warning)  # noqa: B010 as above
        if "logs" in kinds:
            logger = importlib.import_module("logging").Logger
            call_handlers, note = logger.callHandlers, self.note_record

            def note_and_call(self: Any, record: Any) -> None:
                note(record)
                call_handlers(self, record)

            logger.callHandlers = note_and_call

    def apply_filters(self, rows: list[Any]) -> None:
        warnings = importlib.import_module("warnings")
        warnings.resetwarnings()
        for action, message, category, module, line in reversed(rows):
            kind = self.served.decode(category)
            warnings.filterwarnings(action, message, kind, module, line)

    def show_warning(self, message: Any, category: Any, filename: str, lineno: int, *_: Any) -> None:
        self.warned.append([self.plain(message), lineno])

    def apply_levels(self, rows: list[Any]) -> None:
        logging = importlib.import_module("logging")
        for name, level in rows:
            if not name:
                logging.disable(level or 0)
                continue
            logger = logging.getLogger(name)
            self.levels.setdefault(name, logger.level)
            logger.setLevel(self.levels.pop(name) if level is None else level)

    def note_record(self, record: Any) -> None:
        error = record.exc_info[1] if record.exc_info else None
        plain = vars(importlib.import_module("logging").makeLogRecord({})).keys() | PLAIN_RECORD
        more = {key: value for key, value in vars(record).items() if key not in plain and type(value) in values.ATOMS}
        described = None if error is None else self.plain(error)
        place = record.lineno, record.funcName or ""
        self.logged.append(
            [record.name, record.levelno, record.levelname, record.getMessage(), *place, described, more]
        )

    def plain(self, error: BaseException) -> Any:
        """An exception that holds no container: the account of those is ahead of this."""
        plain = all(type(each) in values.ATOMS for each in error.args)
        return self.served.encode(link.make_exception(type(error), error.args if plain else (str(error),)))


def empty(root: str) -> None:
    """Remove what an earlier process of this submission has left."""
    shutil = importlib.import_module("shutil")
    for entry in list(os.scandir(root)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)
