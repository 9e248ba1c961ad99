"""Warnings and log records of the submission, given out again in the judge's process.

They are what the submission says, as its printed text is. Their file is a fixed one: `warnings` reads a line of it.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

from reward_server.runner import values

if TYPE_CHECKING:
    from reward_server.runner.wall import Wall

MOST, MOST_TEXT, MOST_NAME = 10_000, 100_000, 200
FILE = "solution.py"


class Replayed:
    def __init__(self, wall: Wall) -> None:
        self.wall = wall
        self.warned: list[Any] = []
        self.logged: list[Any] = []

    def forget(self) -> None:
        self.warned, self.logged = [], []

    def take(self, told: dict[str, Any]) -> None:
        """Keep what arrives ahead of an answer until that has been read: decoding an exception may ask for its type."""
        for key, kept in (("warned", self.warned), ("logged", self.logged)):
            rows = told.get(key)
            if type(rows) is list:
                kept.extend(rows[: MOST - len(kept)])

    def run(self) -> None:
        """Raises: a warning that the test's filters make an exception."""
        warned, logged = self.warned, self.logged
        if not (warned or logged) or self.wall.gone:
            return
        self.forget()
        try:
            for record in logged:
                self.log(record)
            for row in warned:
                self.warn(row)
        except values.Unfit as error:
            raise self.wall.refused(error) from None

    def exception(self, encoded: Any) -> BaseException:
        """One with plain arguments: no object of the submission arrives in this way. Raises: values.Unfit."""
        match encoded:
            case ["x", _, arguments, *_]:
                values.decode(arguments)
                raised = self.wall.decode(encoded)
                if isinstance(raised, BaseException):
                    return raised
        raise values.Unfit("an exception that was not understood")

    def warn(self, row: Any) -> None:
        match row:
            case [encoded, int(line)] if isinstance(warning := self.exception(encoded), Warning):
                warnings.warn_explicit(warning, type(warning), FILE, line, registry={})
            case _:
                self.wall.evidence.doubt("a warning of the submission that was not understood")

    def log(self, row: Any) -> None:
        match row:
            case [str(name), int(level), str(level_name), str(text), int(line), str(function), error, dict(more)] if (
                len(name) <= MOST_NAME and 0 <= level <= 1000
            ):
                raised = self.exception(error) if error is not None else None
                info = (type(raised), raised, None) if raised is not None else None
                told = text[:MOST_TEXT]
                record = logging.LogRecord(name, level, FILE, line, told, None, info, function)
                record.levelname = level_name[:MOST_NAME]
                for key, value in more.items():
                    if key.isidentifier() and key[0] != "_" and key not in vars(record) and type(value) in values.ATOMS:
                        setattr(record, key, value)
                logging.getLogger(name).handle(record)
            case _:
                self.wall.evidence.doubt("a log record of the submission that was not understood")
