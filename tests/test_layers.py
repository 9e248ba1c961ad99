"""Imports point one way, so that a part can be read, tested and replaced without those above it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ROWS: list[set[str]] = [
    {"tasks.checkers", "tasks.checks", "tasks.errors", "tasks.preludes"},
    {"tasks.schema"},
    {"tasks"},
    {"reward_server.verdicts"},
    {
        "reward_server.jobs",
        "reward_server.errors",
        "reward_server.tally",
        "reward_server.request_id",
        "reward_server.turns",
    },
    {"reward_server.fences", "reward_server.lru"},
    {"reward_server.clients", "reward_server.keys", "reward_server.request_log", "reward_server.answers"},
    {
        "reward_server.suspicion",
        "reward_server.rewards",
        "reward_server.extraction",
        "reward_server.identity",
        "reward_server.cache",
        "reward_server.disk_cache",
        "reward_server.complaints",
        "reward_server.large_bodies",
        "reward_server.expectations",
        "reward_server.runs",
    },
    {"reward_server.fair_queue", "reward_server.settings", "reward_server.backends.base"},
    {
        "reward_server.judging",
        "reward_server.backends.fake",
        "reward_server.backends.sandbox_channel",
        "reward_server.json_log",
    },
    {"reward_server.backends.sandboxed", "reward_server.backends.contents", "reward_server.apart"},
    {
        "reward_server.backends.embedded",
        "reward_server.backends.docker_daemon",
        "reward_server.backends.docker_channels",
        "reward_server.evaluating",
    },
    {"reward_server.backends.docker", "reward_server.images"},
    {"reward_server.backends"},
    {
        "reward_server.pool",
        "reward_server.models",
        "reward_server.door",
        "reward_server.connections",
        "reward_server.tickets",
    },
    {
        "reward_server.dispatch",
        "reward_server.programs",
        "reward_server.problems",
        "reward_server.wire",
        "reward_server.calibrating",
    },
    {"reward_server.batch", "reward_server.canary"},
    {"reward_server.scoring"},
    {"reward_server.metrics"},
    {"reward_server.service", "reward_server.openapi"},
    {"reward_server.endpoints"},
    {"reward_server.app", "reward_server.interpreter"},
    {"reward_server.serve"},
    {"trainer"},
]
"""From the bottom up. A package stands for all of its modules that have no row of their own."""

RUNNER = "reward_server.runner"
"""Travels into the sandbox: it knows nothing of the rest, and nothing but the standard library."""

FOREIGN = {"reward_server.runner.judge_pytest": {"pytest"}}
"""What a module of the runner may import besides. It is itself imported only for tests of kind `pytest`."""

TOP = ("reward_server", "tasks", "trainer")


def modules() -> list[str]:
    found = []
    for top in TOP:
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [name for name in found if name != "reward_server"]


def imports_of(module: str) -> set[str]:
    base = ROOT.joinpath(*module.split("."))
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if base.is_dir() else module.split(".")[:-1]
            prefix = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (prefix, node.module)))
            found.update(
                f"{source}.{alias.name}" if is_module(f"{source}.{alias.name}") else source for alias in node.names
            )
    return found


def is_module(name: str) -> bool:
    base = ROOT.joinpath(*name.split("."))
    return base.with_suffix(".py").exists() or (base / "__init__.py").exists()


def row_of(module: str) -> tuple[int, str]:
    """Return the height of a module and the name under which it stands in the table."""
    name = module
    while name:
        for height, row in enumerate(ROWS):
            if name in row:
                return height, name
        name = name.rpartition(".")[0]
    raise AssertionError(f"{module} has no row: add it to ROWS")


@pytest.mark.parametrize("module", [name for name in modules() if not name.startswith(RUNNER)])
def test_imports_point_down(module: str) -> None:
    """An import within one package is its own affair; an import of a neighbour in the same row is not down."""
    height, own = row_of(module)
    ours = {name for name in imports_of(module) if name.split(".")[0] in TOP and not name.startswith(RUNNER)}
    for name in ours - {"reward_server"}:
        below, other = row_of(name)
        assert below < height or other == own, f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in modules() if name.startswith(RUNNER)])
def test_the_runner_needs_only_the_standard_library(module: str) -> None:
    for name in imports_of(module):
        top = name.split(".")[0]
        known = top in sys.stdlib_module_names or top in FOREIGN.get(module, set())
        assert known or name.startswith(RUNNER), f"{module} imports {name}"


@pytest.mark.parametrize("module", ["reward_server.rewards", "reward_server.extraction", "reward_server.identity"])
def test_pure_parts_do_no_io(module: str) -> None:
    assert not imports_of(module) & {"asyncio", "time", "os", "socket", "pathlib", "logging", "subprocess", "random"}
