"""Jobs that come in one message are run one after the other as if each had come alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reward_server.judging import judge, plan
from tests.contract.support import ROOMY, asserts, stdio
from tests.contract.test_cleanliness import CANARY

if TYPE_CHECKING:
    from reward_server.jobs import Observations
    from tests.contract.support import Sandbox

LEAVES = """
import os, time
for path in ("left", "/tmp/left", "/dev/shm/left"): open(path, "w").close()
if not os.fork():
    os.setsid(); time.sleep(60)
"""


def found(seen: Observations) -> list[object]:
    said = json.loads(seen.tests[0].stdout)
    return [said[name] for name in ("cwd", "files", "others", "descriptors", "children")]


def test_each_job_of_a_message_is_told_apart(sandbox: Sandbox) -> None:
    problem = asserts("assert f() % 2 == 0\nassert f() > 2", "f")
    left = {number: plan(problem, f"def f(): return {number}") for number in range(6)}
    verdicts: dict[int, list[str]] = {}
    while left:  # a busy machine takes so long that some come back
        numbers = list(left)
        for place, seen in sandbox.run_all(list(left.values())):
            if seen is not None:
                verdicts[numbers[place]] = [result.verdict for result in judge(problem, seen)]
                del left[numbers[place]]
    words = {True: "passed", False: "wrong_answer"}
    assert verdicts == {number: [words[number % 2 == 0], words[number > 2]] for number in range(6)}


def test_nothing_of_a_job_is_there_for_the_next_of_its_message(sandbox: Sandbox) -> None:
    """Red where the proof of cleanliness waits for the end of the message."""
    look, leave = (plan(stdio(("", ""), limits=ROOMY), code) for code in (CANARY, LEAVES))
    before = found(sandbox.run(look))
    after: Observations | None = None
    while after is None:
        ((_, after),) = [each for each in sandbox.run_all([leave, look]) if each[0] == 1]
    assert found(after) == before


def test_a_long_job_keeps_no_other_of_its_message(sandbox: Sandbox) -> None:
    """Red where all wait for the answers of all: what has not begun waits until the long one ends."""
    brief, long = (plan(stdio(("", ""), limits=ROOMY), code) for code in ("", "import time; time.sleep(0.5)"))
    began = False
    while not began:
        told = sandbox.run_all([brief, long, brief, brief])
        began = told[-1] == (1, told[-1][1]) and told[-1][1] is not None
    assert [(place, seen is None) for place, seen in told] == [(2, True), (3, True), (0, False), (1, False)]
    assert not sandbox.spent
