"""The bench measures what it says: these check its instruments, not the numbers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tasks.schema import AssertsTests, CallTests, Problem
from tests.bench import processes, report, ways
from tests.bench.programs import Program, programs_of, whole_program

if TYPE_CHECKING:
    from pathlib import Path

PARENT = """
import os, sys, time
pid = os.fork()
while pid == 0 and time.process_time() < 30:
    pass
os.waitpid(pid, 0)
print("reaped", flush=True)
sys.stdin.read()
"""


def test_a_killed_child_is_counted() -> None:
    """What the runner kills at a limit has cost as much as what ends by itself."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        while sum(each.own_s for each in processes.tree(parent.pid) if each.depth == 1) < 0.3:
            time.sleep(0.02)
        (child,) = (each.pid for each in processes.tree(parent.pid) if each.depth == 1)
        os.kill(child, signal.SIGKILL)
        assert parent.stdout.readline() == b"reaped\n"
        (alone,) = processes.tree(parent.pid)
        assert alone.reaped_s >= 0.3
        assert processes.memory_bytes([parent.pid])
        parent.kill()


def problem(tests: CallTests | AssertsTests, entry_point: str, reference: str) -> Problem:
    return Problem(entry_point=entry_point, tests=tests, reference=reference)


ADD = "def add(a, b): return a + b"
CALLS = CallTests.model_validate({"kind": "call", "cases": [{"args": [1, "x"], "raises": "TypeError"}]})
PUSH = CallTests.model_validate({"kind": "call", "cases": [{"args": [[1]], "expected": [1]}]})
CHECK = AssertsTests(kind="asserts", source="def check(candidate):\n    assert candidate(1, 2) == 3\n")
PLAIN = AssertsTests(kind="asserts", source="assert add(1, 2) == 3")


@pytest.mark.parametrize(
    "made",
    [
        problem(CALLS, "add", ADD),
        problem(PUSH, "Box.push", "class Box:\n    def push(self, items): return items"),
        problem(CHECK, "add", ADD),
        problem(PLAIN, "add", ADD),
    ],
)
def test_a_whole_program_runs_its_tests(made: Problem, tmp_path: Path) -> None:
    whole = whole_program(made)
    assert whole is not None
    assert failures(made, whole, tmp_path) == (0, 0)


def test_a_whole_program_that_is_wrong_fails(tmp_path: Path) -> None:
    """A way that skipped the tests would be cheap."""
    made = problem(CHECK, "add", "def add(a, b): return a - b")
    whole = whole_program(made)
    assert whole is not None
    assert failures(made, whole, tmp_path) == (1, 1)


def failures(made: Problem, whole: str, folder: Path) -> tuple[int, int]:
    """By a bare fork, and by a new interpreter."""
    file = folder / "whole.py"
    file.write_text(whole)
    forked = ways.fork([Program(made, str(made.reference), whole)], sys.executable, 1)
    return forked.failed, ways.start_python([file], sys.executable, 1).failed


def test_no_two_programs_are_alike() -> None:
    """The server runs identical submissions once, which would make a batch look cheap."""
    _, programs = programs_of(None)
    assert len({(each.problem.id, each.code) for each in programs}) == len(programs) >= 150


def test_ratios_are_taken_round_by_round() -> None:
    served = [ways.Sample(cpu_s, 1.0, 0, {"server": cpu_s}) for cpu_s in (2.0, 30.0, 6.0)]
    forked = [ways.Sample(cpu_s, 1.0, 0) for cpu_s in (1.0, 10.0, 6.0)]
    shared = [ways.Sample(cpu_s, 1.0, 0) for cpu_s in (1.0, 10.0, 3.0)]
    rounds = {report.SERVED: served, report.FORKED: forked, report.STARTED: [ways.Sample(20.0, 1.0, 0)]}
    rounds[report.SHARED] = shared
    measured = report.Measured(
        "HumanEval", 10, 1, "", rounds, [0.5, 3.0, 1.0], {report.SERVED: None}, [0.01] * 9, [3e-5], [1e-4]
    )
    assert measured.ratio(report.SERVED, report.FORKED) == report.Spread(2.0, 1.0, 3.0)
    assert [goal.reached for goal in measured.goals] == [True, True, False, True, True, None]
    assert report.tables(measured)
    assert report.as_json(measured)["ways"][report.SERVED]["cpu_ms"]["median"] == 600.0


def test_paces_are_compared_by_the_clock_and_by_evaluation() -> None:
    """A round of `docker run` holds fewer programs than the others."""
    served, docker = [ways.Sample(1.0, 2.0, 0)], [ways.Sample(1.0, 2.5, 0)]
    contained = [ways.Sample(0.0, 8.0, 0, evaluations=2)]
    rounds = {report.SERVED: served, report.DOCKER: docker, report.FORKED: served, report.CONTAINED: contained}
    measured = report.Measured(
        "HumanEval", 10, 1, "", {**rounds, report.STARTED: served}, [0.5], {}, [0.01] * 9, [9e-5], [1e-4]
    )
    assert measured.pace(report.DOCKER, report.SERVED).median == 0.8
    assert measured.pace(report.DOCKER, report.CONTAINED).median == 16.0
    assert [goal.reached for goal in measured.goals] == [True, True, False, True, True, False]
    assert report.tables(measured)
