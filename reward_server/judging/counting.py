"""How many tests a problem has, what they are called and what they weigh."""

from __future__ import annotations

import ast
import json
from functools import lru_cache
from typing import TYPE_CHECKING

from reward_server.judging.asserts import rewrite
from reward_server.judging.names import class_names
from tasks.schema import AssertsTests, CallTests, PytestTests, StdioTests

if TYPE_CHECKING:
    from tasks.schema import Problem


def weights_of(problem: Problem) -> list[float]:
    """The weight of each test; for `pytest`, of each test function that the sources show."""
    match problem.tests:
        case StdioTests() | CallTests() as tests:
            return [case.weight for case in tests.cases]
        case AssertsTests() as tests:
            _, count, _ = asserts_payload(tests.source, problem.entry_point)
            given = list(tests.weights or ())[:count]
            return given + [1.0] * (count - len(given))
        case PytestTests() as tests:
            return [1.0] * len(pytest_names(tuple(tests.files.items())))


@lru_cache(maxsize=1024)
def asserts_payload(source: str, entry_point: str | None) -> tuple[bytes, int, bool]:
    """What the judge process gets, the number of tests, and whether the test code is pure."""
    rewritten = rewrite(source)
    payload = {
        "source": rewritten.source,
        "sites": [{"kind": site.kind, "name": f"line {site.line}"} for site in rewritten.sites],
        "entry_point": entry_point,
        "calls_check": rewritten.calls_check,
        "names": rewritten.names,
        "classes": sorted(class_names(source)),
        "modules": rewritten.modules,
    }
    return json.dumps(payload).encode(), len(rewritten.sites), rewritten.pure


@lru_cache(maxsize=1024)
def pytest_names(files: tuple[tuple[str, str], ...]) -> list[str]:
    """The node ids of the test functions that the sources show, before parametrization."""
    names = []
    for name, source in files:
        if not (name.startswith("test_") and name.endswith(".py")):
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                names.append(f"{name}::{node.name}")
            elif isinstance(node, ast.ClassDef):
                names += [
                    f"{name}::{node.name}::{inner.name}"
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name.startswith("test")
                ]
    return names or ["the test files"]
