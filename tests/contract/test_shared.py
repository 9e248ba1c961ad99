"""Tests that share the submission's process, because their problem says `isolation: shared`: on every backend.

Such tests can be cheated. All else holds: how a submission ends is seen from outside and is a real verdict, limits end
it, and nothing that its process says can break what judges it or soil the next run.
"""

# ruff: noqa: E501 - a row each

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends import sandboxed
from tests.contract.support import LIMITS, ROOMY, Sandbox, asserts, pytest_files

if TYPE_CHECKING:
    from reward_server.verdicts import Verdict

ADD = "def add(a, b): return a + b"
CLOCK = """
import time
def stamp(): return time.time()
"""
PATCHED = """
import time
from unittest import mock
with mock.patch("time.time", lambda: 42.0):
    assert stamp() == 42.0
assert stamp() > 43
"""
FIXTURES = """
import pytest, solution
@pytest.mark.parametrize("now", [1.0, 2.0])
def test_clock(monkeypatch, now):
    monkeypatch.setattr("time.time", lambda: now)
    assert solution.stamp() == now
def test_prints(capsys):
    print("seen")
    assert capsys.readouterr().out == "seen\\n"
def test_wrong():
    assert solution.stamp() == 0
"""


def shared(source: str, entry_point: str | None = None, **fields: Any) -> Any:
    return asserts(source, entry_point, isolation="shared", **fields)


def test_a_patch_of_the_process_reaches_the_submission(sandbox: Sandbox) -> None:
    assert sandbox.verdicts(shared(PATCHED, limits=ROOMY), CLOCK) == ["passed", "passed"]
    assert sandbox.verdicts(asserts(PATCHED, limits=ROOMY), CLOCK) == ["passed", "passed"]


def test_each_assert_counts_on_its_own(sandbox: Sandbox) -> None:
    results = sandbox.judge(shared("assert add(1, 2) == 3\nassert add(1, 1) == 3\nassert add(2, 2) == 4"), ADD)
    assert [result.verdict for result in results] == ["passed", "wrong_answer", "passed"]
    assert [result.name for result in results] == ["line 1", "line 2", "line 3"]


def test_a_check_is_called_with_the_candidate(sandbox: Sandbox) -> None:
    problem = shared("def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(2, 2) == 5", "add")
    assert sandbox.verdicts(problem, ADD) == ["passed", "wrong_answer"]
    assert sandbox.verdicts(problem, "def other(): pass") == ["runtime_error"] * 2


def test_pytest_runs_beside_the_submission(sandbox: Sandbox) -> None:
    results = sandbox.judge(pytest_files(FIXTURES, isolation="shared", limits=ROOMY), CLOCK + "print('loaded')")
    assert {result.name.rpartition("::")[2]: result.verdict for result in results} == {
        "test_clock[1.0]": "passed",
        "test_clock[2.0]": "passed",
        "test_prints": "passed",
        "test_wrong": "wrong_answer",
    }
    assert results[0].stdout == "loaded\n"


def test_stop_skips_what_follows(sandbox: Sandbox) -> None:
    problem = shared("assert add(1, 2) == 4\nassert add(1, 2) == 3")
    assert sandbox.verdicts(problem, ADD, stop=True) == ["wrong_answer", "skipped"]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        pytest.param("def add(a, b: return", "compile_error", id="a syntax error"),
        pytest.param("1 / 0", "runtime_error", id="an error at import"),
        pytest.param("import os\nos._exit(0)", "runtime_error", id="an exit at import"),
        pytest.param("raise SystemExit(0)", "runtime_error", id="sys.exit at import"),
        pytest.param("import os\ndef add(a, b): os._exit(0)", "runtime_error", id="an early exit"),
        pytest.param("import os\ndef add(a, b): os.kill(os.getpid(), 9)", "runtime_error", id="its own end by a signal"),
        pytest.param("import sys\ndef add(a, b): sys.exit(0)", "runtime_error", id="sys.exit"),
        pytest.param("def add(a, b):\n    while True: pass", "cpu_timeout", id="a loop"),
        pytest.param("import time\ndef add(a, b): time.sleep(60)", "wall_timeout", id="a sleep"),
        pytest.param("def add(a, b): return len(bytearray(2 << 30))", "memory_exceeded", id="much memory"),
        pytest.param("def add(a, b):\n    while True: print('x' * 1000)", "cpu_timeout", id="much output"),
        # What it may try on what judges it:
        pytest.param("import os\ndef add(a, b): os.close(3)", "runtime_error", id="close the channel"),
        pytest.param("import os, socket\ndef add(a, b):\n    socket.socket(fileno=3).sendall(b'\\xff' * 100)\n    os._exit(0)", "runtime_error", id="garbage"),
        pytest.param("import os, socket, struct\ndef add(a, b):\n    t = b'[' * 100000\n    socket.socket(fileno=3).sendall(struct.pack('>I', len(t)) + t)\n    os._exit(0)", "runtime_error", id="deep nesting"),
        pytest.param("import os, socket, struct\ndef add(a, b):\n    t = b'{\"report\": [[true, \"lost\", 0, \"\", \"\", 1, 0, 0]] * 9, \"failed_load\": null}'\n    socket.socket(fileno=3).sendall(struct.pack('>I', len(t)) + t)\n    os._exit(0)", "runtime_error", id="forge an ending"),
        pytest.param("import gc, os\ndef add(a, b):\n    for n in range(3, 20):\n        try: os.ftruncate(n, 0)\n        except OSError: pass\n    os._exit(1)", "runtime_error", id="shorten the page"),
        pytest.param("import socket\ndef add(a, b):\n    s = socket.socket(fileno=3)\n    while True: s.sendall(bytes(1 << 20))", "cpu_timeout", id="flood the channel"),
    ],
)  # fmt: skip
def test_how_it_ends_is_a_verdict(sandbox: Sandbox, code: str, verdict: Verdict) -> None:
    """Early exits are no pass, and none of this is a failure of ours."""
    seen = sandbox.verdicts(shared("assert add(1, 2) == 3\nassert add(1, 1) == 2"), code)
    assert len(seen) == 2
    if verdict == "cpu_timeout":
        assert set(seen) <= {"cpu_timeout", "wall_timeout"}
    else:
        assert seen == [verdict] * 2
    assert sandbox.verdicts(shared("assert add(1, 2) == 3"), ADD) == ["passed"]


@pytest.mark.parametrize(
    "checks", ["3", "-1", pytest.param("10" * 30, id="huge"), "1e30", "true", "1.5", "NaN", '"9"', "null", "[]"]
)
def test_a_forged_number_of_checks_is_no_failure_of_ours(sandbox: Sandbox, checks: str) -> None:
    """Red without the bound: the control process told an integer of 60 digits, and the run was lost."""
    report = f'{{"report": [[true, "returned", 0, "", "", {checks}, 0, 0]], "failed_load": null}}'
    code = f"""
import os, socket, struct
def add(a, b):
    text = {report.encode()!r}
    socket.socket(fileno=3).sendall(struct.pack(">I", len(text)) + text)
    os._exit(0)
"""
    (result,) = sandbox.judge(shared("assert add(1, 2) == 3"), code)
    assert result.verdict in ("passed", "runtime_error")
    assert result.checks == (3 if checks == "3" else 0)


def test_what_passed_before_the_end_counts(sandbox: Sandbox) -> None:
    code = "import os\ndef add(a, b): return a + b if a < 2 else os._exit(0)"
    assert sandbox.verdicts(shared("assert add(1, 2) == 3\nassert add(2, 2) == 4\nassert add(1, 1) == 2"), code) == [
        "passed",
        "runtime_error",
        "runtime_error",
    ]


def test_the_limit_is_of_each_test(sandbox: Sandbox) -> None:
    """Four times 0.3 s are within a limit of 0.5 s, as no test goes over it."""
    code = "import time\ndef busy():\n    end = time.process_time() + 0.3\n    while time.process_time() < end: pass\n    return 1"
    assert sandbox.verdicts(shared("\n".join(["assert busy() == 1"] * 4), limits=LIMITS), code) == ["passed"] * 4


def test_a_forged_page_does_not_stop_the_clock(sandbox: Sandbox) -> None:
    """A submission that begins one interval after the other, and sleeps in each, comes to an end all the same."""
    code = """
import gc, time
from reward_server.runner.keeper import Keeper
def add(a, b):
    (keeper,) = [o for o in gc.get_objects() if isinstance(o, Keeper)] or [None]
    while True:
        time.sleep(0.1)
        if keeper: keeper.begin_interval()
"""
    assert sandbox.verdicts(shared("assert add(1, 2) == 3"), code) == ["wall_timeout"]


def test_a_module_that_this_python_lacks_is_not_the_submissions_fault(sandbox: Sandbox) -> None:
    """Seen red: the process ended with the judge's own exception, and the submission got a `runtime_error`."""
    problem = shared("assert add(1, 2) == 3\nassert winreg.OpenKey")
    assert sandbox.verdicts(problem, ADD) == ["sandbox_error"] * 2


@pytest.mark.parametrize("clock_s", ["nan", "inf", "-inf", "1e308", "-5.0"])
def test_a_page_of_odd_numbers_is_a_failure_of_the_submission(
    sandbox: Sandbox, clock_s: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red: NaN, which equals nothing, kept the control process at its second look for ever, and there was no verdict."""
    monkeypatch.setattr(sandboxed, "longest_s", lambda _: 20.0)
    code = f"""
import gc, struct, time
from reward_server.runner.page import Page
def add(a, b):
    (page,) = [each for each in gc.get_objects() if isinstance(each, Page)]
    number = 0
    while True:
        number += 1
        page.memory[:32] = struct.pack("<Qddd", 2 * number, *[float("{clock_s}")] * 3)
        time.sleep(0.01)
"""
    problem = asserts("assert add(1, 2) == 3", "add", isolation="shared", limits=LIMITS)
    (result,) = sandbox.judge(problem, code)
    assert result.verdict in ("wall_timeout", "cpu_timeout")
    assert math.isfinite(result.wall_s + result.cpu_s)
