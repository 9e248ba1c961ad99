"""The form of an honest case, and how it runs without any sandbox: one plain process, as its author ran it.

A theme's cases stand in one text. Each begins with `[case name]`, or `[case name entry_point]`; below it stands the
code, and below `[tests]` the test code. So neither needs escapes, and both read as they were written.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.support import ROOMY, asserts, pytest_files
from tests.honest.by_reference import BY_REFERENCE
from tests.honest.one_process import ONE_PROCESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from reward_server.verdicts import TestResult
    from tasks.schema import Isolation, Problem

HEAD = re.compile(r"^\[case (\w+)(?: ([\w.]+))?\]\n", re.MULTILINE)

ASSERTS = """
import json, sys, types
code, tests, entry_point = json.load(sys.stdin)
module = sys.modules["solution"] = types.ModuleType("solution")
exec(compile(code, "solution.py", "exec"), module.__dict__)
test = sys.modules["test"] = types.ModuleType("test")
test.__dict__.update({name: value for name, value in vars(module).items() if not name.startswith("__")})
exec(compile(tests, "tests.py", "exec"), test.__dict__)
if entry_point:
    test.check(eval(entry_point.replace(".", "()."), test.__dict__))
"""
CALL = """
import asyncio, inspect, json, sys, types
code, entry_point, args, kwargs = json.load(sys.stdin)
module = sys.modules["solution"] = types.ModuleType("solution")
exec(compile(code, "solution.py", "exec"), module.__dict__)
first, _, method = entry_point.partition(".")
solve = getattr(getattr(module, first)(), method) if method else getattr(module, first)
result = solve(*args, **kwargs)
result = asyncio.run(result) if inspect.iscoroutine(result) else result
with open("result", "w") as file:
    json.dump(result, file)
"""


@dataclass(frozen=True)
class Case:
    name: str
    code: str
    tests: str
    entry_point: str | None = None


def cases(text: str) -> list[Case]:
    parts = HEAD.split(text)
    assert not parts[0].strip(), parts[0]
    found = []
    for name, entry_point, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        code, tests = body.split("[tests]\n")
        found.append(Case(name, code, tests, entry_point or None))
    return found


def rows(held: Iterable[Any]) -> list[Any]:
    """Parameters of a test, by name."""
    return [pytest.param(case, id=case.name) for case in held]


def isolation(case: Case) -> Isolation:
    """What the problem of a case says of it."""
    return "shared" if case.name in ONE_PROCESS else "separate"


def problem(case: Case) -> Problem:
    reference = case.code if case.name in BY_REFERENCE else None
    return asserts(case.tests, case.entry_point, limits=ROOMY, isolation=isolation(case), reference=reference)


def suite(case: Case) -> Problem:
    """The problem of a case whose tests are for pytest."""
    return pytest_files(case.tests, limits=ROOMY, isolation=isolation(case))


def failures(results: Iterable[TestResult]) -> list[str]:
    """What to say of the tests that did not pass."""
    return [f"{result.name} {result.verdict}: {result.message}" for result in results if result.verdict != "passed"]


INTERPRETER = {
    "PYTHONUTF8": "1",
    "PYTHONUNBUFFERED": "",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}
"""Settings of that process, whatever those of the tests are."""


def plain(arguments: Sequence[str], stdin: str, folder: Path) -> str:
    """What a process prints that has no wall, no limits and no judge. It must end well."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        input=stdin.encode("utf-8", "surrogatepass"),
        capture_output=True,
        cwd=folder,
        timeout=100,
        env={**os.environ, **INTERPRETER},
    )
    assert ended.returncode == 0, ended.stderr.decode(errors="replace")
    return ended.stdout.decode()


def run_asserts(case: Case, folder: Path) -> None:
    plain(["-c", ASSERTS], json.dumps([case.code, case.tests, case.entry_point]), folder)


class Hollow(ast.NodeTransformer):
    """Takes all that a function does out of it."""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.body = [ast.copy_location(ast.Pass(), node)]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return ast.copy_location(ast.Lambda(node.args, ast.Constant(None)), node)


def fails_when_hollow(case: Case, folder: Path) -> bool:
    hollow = ast.unparse(ast.fix_missing_locations(Hollow().visit(ast.parse(case.code))))
    try:
        run_asserts(replace(case, code=hollow), folder)
    except AssertionError:
        return True
    return False


def run_call(code: str, entry_point: str, args: Sequence[Any], kwargs: dict[str, Any], folder: Path) -> Any:
    plain(["-c", CALL], json.dumps([code, entry_point, args, kwargs]), folder)
    return json.loads((folder / "result").read_text())


def run_pytest(case: Case, folder: Path) -> None:
    (folder / "solution.py").write_text(case.code)
    (folder / "test_it.py").write_text(case.tests)
    plain(["-m", "pytest", "-q", "-c", os.devnull, "--rootdir=.", "-p", "no:cacheprovider", "test_it.py"], "", folder)
