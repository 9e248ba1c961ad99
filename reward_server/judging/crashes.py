"""Says of a crash which line of the submission raised it. Words for a reader: they decide nothing.

The number of the line is what the submission's own process says; the text comes from the code that was sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reward_server.runner.rows import MAX_SAID
from reward_server.runner.tracebacks import FILE, at_line
from tasks.schema import StdioTests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reward_server.verdicts import TestResult
    from tasks.schema import Problem

MOST_CHARS: Final = 100
"""Of a line of code."""
ONE_PLACE: Final = rf" \({re.escape(FILE)}:(\d{{1,9}})\)"
PLACE: Final = re.compile(rf"{ONE_PLACE}(?!.*{ONE_PLACE})", re.DOTALL)
"""The last one in a message: an earlier one is part of what the exception says."""
IN_TRACEBACK: Final = re.compile(rf'^  File "[^"\n]*{re.escape(FILE)}", line (\d{{1,9}})', re.MULTILINE)


def located(problem: Problem, results: Iterable[TestResult], code: str) -> Iterator[TestResult]:
    """The results, with the text of the line in each message that names one."""
    lines = code.split("\n")
    for result in results:
        message = result.message
        if isinstance(problem.tests, StdioTests) and result.verdict == "runtime_error":
            message = message[:MAX_SAID] + place_in(result.stderr)
        yield result._replace(message=PLACE.sub(lambda found: shown(found, lines), message))


def place_in(stderr: str) -> str:
    """The innermost place in the submission that the last traceback shows."""
    lines = IN_TRACEBACK.findall(stderr)
    return at_line(int(lines[-1])) if lines else ""


def shown(place: re.Match[str], lines: Sequence[str]) -> str:
    """A place with the text of its line."""
    number = int(place[1])
    text = lines[number - 1].strip()[:MOST_CHARS] if 0 < number <= len(lines) else ""
    return f" ({FILE}:{number}: {text})" if text else place[0]


def without_place(message: str) -> str:
    return PLACE.sub("", message)
