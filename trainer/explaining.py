"""Words for what became of one submission: the program, each test beside what it expected, and what was used.

Promises: plain text of bounded length; nothing in it is markup, whatever the submission or the problem holds.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Final

from tasks.schema import AssertsTests, CallTests, PytestTests, StdioTests
from trainer.display import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from reward_server.verdicts import TestResult
    from tasks.schema import CallCase, Problem
    from trainer.wire import Result

MOST_CHARS: Final = 2000
"""Of one text: an input, an output, an error."""
MOST_LINES: Final = 60
"""Of a difference between two outputs, and of a traceback."""
NOT_RUN: Final = ("skipped", "sandbox_error")
NOT_TESTED: Final = ("no_code", "compile_error")
"""Verdicts that are the same for every test."""


def summary(problem: Problem, result: Result) -> str:
    """Say in a few lines what the reward is, why, and what it rests on."""
    reward = "no reward" if result.reward is None else f"reward {result.reward:g}"
    lines = [f"{problem.id or 'the problem'}: {reward}, {result.verdict}, {result.passed} of {result.total} tests pass"]
    lines += [f"why: {text}" for text in {result.error or result.message: None} if text]
    if result.reward is not None and result.assurance is not None:
        lines.append(f"rests on: {result.assurance}")
    if result.suspicion:
        lines.append(f"suspicion: {', '.join(result.suspicion)} (never changes the reward)")
    known = result.calibration
    if known is not None:
        lines.append(f"the reference: {known.fault or f'passes, needs {known.assurance}, {known.cpu_s:.3f} s of CPU'}")
        lines += [f"does not count, as the reference does not reach it: {name}" for name in known.unreached]
    return "\n".join(lines)


def program(result: Result) -> str:
    """Number the lines of the program that was judged."""
    if result.code is None:
        return "the program: none was found"
    lines = result.code.rstrip("\n").split("\n")
    numbered = [f"{number:4} | {line}" for number, line in enumerate(lines[:MOST_LINES], start=1)]
    left = len(lines) - MOST_LINES
    return "\n".join(["the program:", *numbered, *([f"     | ... {left} more lines"] if left > 0 else [])])


def tests_table(problem: Problem, result: Result) -> Table:
    """Make a table with one row for each test, and what it used of its limits."""
    limits = problem.limits
    made = table("Tests", "test", "verdict", numbers=("checks", "CPU s", "clock s", "MiB"))
    for index, test in enumerate(result.tests):
        used = (f"{test.cpu_s:.3f}", f"{test.wall_s:.3f}", f"{test.memory_bytes / 2**20:.1f}")
        made.add_row(_name(test, index), test.verdict, str(test.checks), *used)
    made.add_section()
    made.add_row("limit of each, at most", "", "", f"{limits.cpu_s:g}", f"{limits.wall_s:g}", f"{limits.memory_mb}")
    return made


def failures(problem: Problem, result: Result) -> Iterator[str]:
    """Yield a text for each test that ran and did not pass: what it was given, what it expected, what it got."""
    for index, test in enumerate(result.tests):
        if test.verdict == "passed" or test.verdict in NOT_RUN:
            continue
        yield "\n".join([f"{_name(test, index)}: {test.verdict}", *filter(None, _told(problem, index, test))])


def _name(test: TestResult, index: int) -> str:
    return test.name or f"case {index + 1}"


def _told(problem: Problem, index: int, test: TestResult) -> Iterator[str]:
    match problem.tests:
        case StdioTests(cases=cases) if index < len(cases):
            yield _block("input", cases[index].stdin)
            yield _difference(cases[index].stdout, test.stdout)
        case CallTests(cases=cases) if index < len(cases):
            yield _block("call", _call(problem.entry_point or "", cases[index]))
            yield _block("expected", _expected(cases[index]))
            yield _block("printed", test.stdout)
        case AssertsTests(source=source):
            yield _block("test", _line(source, test.name))
            yield _block("printed", test.stdout)
        case PytestTests():
            yield _block("printed", test.stdout)
    yield _block("message", test.message)
    yield _block("stderr", "\n".join(test.stderr.rstrip().split("\n")[-MOST_LINES:]))


def _block(title: str, text: str) -> str:
    if not text:
        return f"  {title}: (nothing)" if title == "input" else ""
    shown = text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}... {len(text) - MOST_CHARS} more characters"
    lines = shown.rstrip("\n").split("\n")
    if len(lines) == 1:
        return f"  {title}: {lines[0]}"
    return "\n".join([f"  {title}:", *(f"    {line}" for line in lines)])


def _difference(expected: str, got: str) -> str:
    """Compare two outputs line by line: `-` was expected, `+` was printed."""
    cut = 10 * MOST_CHARS
    lines = difflib.unified_diff(expected[:cut].splitlines(), got[:cut].splitlines(), n=2, lineterm="")
    shown = [line for number, line in enumerate(lines) if number > 1]  # without the names of two files
    if not shown:
        return _block("printed", got or "(nothing)")
    left = [f"... {len(shown) - MOST_LINES} more lines"] if len(shown) > MOST_LINES else []
    return "\n".join(["  - expected, + printed:", *(f"    {line}" for line in [*shown[:MOST_LINES], *left])])


def _call(entry_point: str, case: CallCase) -> str:
    given = [_literal(value) for value in case.args] + [f"{key}={_literal(each)}" for key, each in case.kwargs.items()]
    return f"{entry_point}({', '.join(given)})"


def _expected(case: CallCase) -> str:
    return f"raises {case.raises}" if case.raises is not None else _literal(case.expected)


def _literal(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # an integer too long to be written in decimal
        return json.dumps(None)


def _line(source: str, name: str) -> str:
    """Find the line of a test's source that `line N` names."""
    number = name.removeprefix("line ").split(" ")[0]
    lines = source.split("\n")
    return lines[int(number) - 1].strip() if number.isdigit() and int(number) <= len(lines) else ""
