"""The time of day may jump: nothing but labels depends on it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.fire import Batch, is_whole, under_fire, until

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).resolve().parent.parent.parent / "reward_server"
TIME_OF_DAY = {"time", "time_ns", "now", "utcnow", "today", "localtime", "gmtime", "ctime", "CLOCK_REALTIME"}
LABELS = {"backends/docker_daemon.py", "runner/scratch.py"}
"""Containers are marked with when they were made, and those that never ran are removed after some minutes. The times of
files are times of day: one written just now is read once more."""
JUMPING = """
import random, sys, time
real = time.time
time.time = lambda: real() + random.choice((-1e7, -3600, 0, 3600, 1e7))
from trainer.cli import main
sys.argv[0] = "passrate"
sys.exit(main())
"""


def readers() -> Iterator[str]:
    for path in sorted(SERVER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or node.attr not in TIME_OF_DAY:
                continue
            if ast.unparse(node.value) in ("time", "datetime", "date"):
                yield str(path.relative_to(SERVER))


def test_only_labels_read_the_time_of_day() -> None:
    assert set(readers()) == LABELS


@pytest.mark.timeout(120)
def test_a_server_whose_time_of_day_jumps_judges_as_ever() -> None:
    with under_fire("embedded", program=("-c", JUMPING)) as target:
        batch = Batch(target.relay.url, 9)
        assert batch.check() == []
        until(lambda: is_whole(target))
