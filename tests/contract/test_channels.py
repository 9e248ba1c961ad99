"""The submission's end of its channel, in hostile hands: silent, flooded, held by a child. It earns its 0 all the same.

No verdict would be a way out: a submission that cannot pass would have its failure left out of its group's mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reward_server.backends import sandboxed
from tasks.schema import Limits
from tests.contract.support import asserts, call, pytest_files, returns

if TYPE_CHECKING:
    from tasks.schema import Problem
    from tests.contract.support import Sandbox

LIMITS = Limits(cpu_s=0.5, wall_s=0.5, memory_mb=128)
PROBLEMS = {
    "call": call(*[returns(number, number) for number in range(3)], limits=LIMITS),
    "asserts": asserts("assert solve(0) == 0\nassert solve(1) == 1", "solve", limits=LIMITS),
    "pytest": pytest_files("from solution import solve\ndef test_it():\n    assert solve(1) == 1", limits=LIMITS),
}
LEAVES = "import os, time\nif os.fork():\n    os._exit(0)\ntime.sleep(60)"
ATTEMPTS = {
    "a_child_holds_it": f"def solve(x):\n    return x\n{LEAVES}",
    "a_child_holds_it_in_a_call": f"def solve(x):\n    {LEAVES.replace(chr(10), chr(10) + '    ')}",
    "closed": "import os, time\ndef solve(x):\n    os.close(3)\n    time.sleep(60)",
    "flooded": "import os\ndef solve(x):\n    while True:\n        os.write(3, bytes(65536))",
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slot that does not answer at all is lost soon, and not only after all that its tests may take."""
    monkeypatch.setattr(sandboxed, "longest_s", lambda _: 20.0)


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("kind", PROBLEMS)
def test_what_is_done_to_the_channel_is_a_failure_of_the_submission(sandbox: Sandbox, kind: str, attempt: str) -> None:
    """Red, for the children that hold it: kind `call` waited for half an hour, and the others had no verdict."""
    problem: Problem = PROBLEMS[kind]
    verdicts = sandbox.verdicts(problem, ATTEMPTS[attempt])
    assert "sandbox_error" not in verdicts
    assert "passed" not in verdicts
    if kind == "call":
        assert len(verdicts) == 3


def test_answers_that_nobody_asked_for_do_not_stop_the_control_process(sandbox: Sandbox) -> None:
    """It sends what is to be called without waiting for it to be read. Red with a channel that blocks."""
    code = (
        "import os, struct, time\n"
        "def solve(x):\n"
        "    while True:\n"
        "        os.write(3, struct.pack('>I', 2) + b'=1')\n"
        "        time.sleep(0.0005)\n"
    )
    problem = call(*[returns(0, 0)] * 1000, limits=Limits(cpu_s=5, wall_s=5, memory_mb=128))
    assert set(sandbox.verdicts(problem, code)) <= {"wrong_answer", "runtime_error", "wall_timeout"}


SAID = {
    "a_name_that_ends_the_process_that_asks": (
        "import sys, types\n"
        "class Module(types.ModuleType):\n"
        "    def __getattr__(self, name):\n"
        "        raise SystemExit(0)\n"
        "sys.modules[__name__].__class__ = Module\n"
    ),
    "a_failed_load_that_nests_deep": (
        "import os, socket\n"
        'text = b\'["failed", \' + b\'{"text": \' * 986 + b"1" + b"}" * 986 + b"]"\n'
        'socket.socket(fileno=os.dup(3)).sendall(len(text).to_bytes(4, "big") + text)\n'
        "os._exit(0)\n"
    ),
    "a_failure_that_cannot_be_told": (
        "import sys\n"
        "class Failure(AssertionError):\n"
        "    def __str__(self):\n"
        "        raise KeyboardInterrupt\n"
        "def solve(x):\n"
        "    raise Failure\n"
    ),
}


@pytest.mark.parametrize("attempt", SAID)
@pytest.mark.parametrize(
    "source", ["assert solve(0) == 0", "value = solve(0)\nassert value == 0", "import os\nsolve(0)\nassert os.sep"]
)
def test_what_ends_the_judge_or_breaks_its_report_is_a_failure_of_the_submission(
    sandbox: Sandbox, source: str, attempt: str
) -> None:
    """Each was a way to no verdict: the judge ended without a report, or the control process could not read it."""
    verdicts = sandbox.verdicts(asserts(source, "solve", limits=LIMITS), SAID[attempt])
    assert verdicts
    assert not {"passed", "sandbox_error"} & {*verdicts}
