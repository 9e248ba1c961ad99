"""What a job asks for, and what was seen of it: the control process's own values."""

from __future__ import annotations

from typing import Any

from reward_server.runner import frames, tracebacks

MAX_MESSAGE = 500
MAX_SAID = 350
"""Of a message, for what an exception says; the rest is for its place in the submission."""
TIME_LIMITS = frozenset({"cpu", "wall"})
"""Endings at a limit of time."""
PROBLEM_FAULT = "the problem cannot be judged"
"""How a message begins where the problem's own tests are at fault, and no submission can have a reward."""


class Row:
    """What was seen of one test. Field names are those of `reward_server.jobs.Observation`."""

    def __init__(
        self,
        ending: str,
        code: int = 0,
        cpu_s: float = 0.0,
        wall_s: float = 0.0,
        memory_bytes: int = 0,
        message: str = "",
        passed: bool = False,
        name: str = "",
        checks: int = 0,
        stdout: bytes = b"",
        stderr: bytes = b"",
        value: bytes = b"",
    ) -> None:
        self.ending, self.code, self.message, self.passed, self.name = ending, code, message, passed, name
        self.cpu_s, self.wall_s, self.memory_bytes = cpu_s, wall_s, memory_bytes
        self.checks = checks
        self.stdout, self.stderr, self.value = stdout, stderr, value

    @property
    def good(self) -> bool:
        return self.passed or self.ending == "returned" or (self.ending == "exited" and self.code == 0)

    def facts(self) -> list[Any]:
        """The first fields of an `Observation`; the others are parts of the frame."""
        seconds = round(self.cpu_s, 6), round(self.wall_s, 6)
        return [self.ending, self.code, *seconds, self.memory_bytes, self.message, self.passed, self.name, self.checks]


class Seen:
    """What was seen of one job."""

    def __init__(self, rows: list[Row] | None = None, failed_load: Row | None = None, learned: Any = None) -> None:
        self.rows = rows or []
        self.failed_load = failed_load
        self.learned = learned
        """What the judge learned at the call sites, where the job asked for that."""


class Job:
    """A job as the server sent it; the parts of its body are in a memory file.

    `parts` are the start and size of the submission's payload, the judge's, then one for each case.
    """

    def __init__(self, header: dict[str, Any], body: int) -> None:
        self.kind: str = header["kind"]
        self.limits: dict[str, Any] = header["limits"]
        self.stop: bool = header["stop"]
        self.timeouts: int = header["timeouts"]
        """So many more time limits may be met; then the job is over."""
        self.cases_cpu_s: list[float] = header["cases_cpu_s"]
        """`program`: the limit of each case; empty where it is that of all."""
        self.fresh: bool = header["fresh"]
        self.tests: int = header["tests"]
        self.pure: bool = header["pure"]
        self.shared: bool = header["shared"]
        self.package: str = header["package"]
        self.seat: int = header["seat"]
        self.stdin: str = header["stdin"]
        self.body = body
        self.parts: list[tuple[int, int]] = []
        at = 0
        for size in header["parts"]:
            self.parts.append((at, size))
            at += size

    def part(self, number: int) -> int:
        return frames.slice_of(self.body, *self.parts[number])

    def ends_with(self, row: Row, good: bool) -> bool:
        """Whether no case is to follow this one, which counts against the time limits that the job may meet."""
        self.timeouts -= row.ending in TIME_LIMITS
        return self.timeouts <= 0 or (self.stop and not good)


def told_of(failure: dict[str, Any]) -> dict[str, Any]:
    """What a submission said of its failed load, in the form that the rest relies on.

    Nothing else of it goes further: what could be read here may nest too deep for the control process.
    """
    types, text = failure.get("types"), failure.get("text")
    return {
        "types": [row for row in map(type_row, types[:20]) if row] if type(types) is list else [],
        "text": text[:MAX_MESSAGE] if type(text) is str else "",
        "compile": failure.get("compile") is True,
        "line": line_in(failure),
    }


def line_in(failure: dict[str, Any]) -> int:
    """The line of the submission that it names; 0 where it names none."""
    line = failure.get("line")
    return line if type(line) is int and 0 < line < tracebacks.MOST_LINES else 0


def type_row(said: Any) -> list[str]:
    """Module and name of an exception's type; empty for anything else."""
    if type(said) is not list or [type(part) for part in said] != [str, str]:
        return []
    return [part[:MAX_MESSAGE] for part in said]
