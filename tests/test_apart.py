"""Large answers are judged in processes of their own, in bounded time, and the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reward_server import apart
from reward_server.apart import Apart, Incomparable
from reward_server.backends.fake import FakeBackend
from reward_server.errors import SandboxLost
from reward_server.extraction import Needs, extract
from reward_server.jobs import Observation, Observations
from reward_server.judging import follow_up, judge
from reward_server.models import Submission
from reward_server.runner import values
from tests.contract.support import asserts, call, children, returns, stdio
from tests.test_scoring import batch_of, scored, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reward_server.extraction import Unfenced
    from tasks.schema import Problem

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MB = 1 << 20
ONE_HASH = 2**61 - 1
DIGITS = random.Random(1).randbytes(131072).hex().encode()
CHECKED = stdio(("", "1"), compare={"checker": "def check(stdin, expected, actual): return True"})
FLOAT = stdio(("", "1 2"), compare={"float": 1e-6})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def opened(processes: int = 1) -> AsyncIterator[Apart]:
    judged_apart = Apart(processes)
    try:
        yield judged_apart
    finally:
        judged_apart.close()


def returned(answer: bytes) -> Observations:
    return Observations((Observation("returned", value=b"=" + answer),))


def printed(text: bytes) -> Observations:
    return Observations((Observation("exited", stdout=text),))


def numbers(count: int) -> tuple[Problem, Observations]:
    """A right answer, and a long one."""
    right = list(range(count))
    return call(returns(right)), returned(values.dumps(values.encode(right)))


def workers() -> list[int]:
    """The processes of this module that this process has started."""
    return [pid for pid in children(os.getpid()) if apart.MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


HOSTILE: dict[str, tuple[Problem, Observations]] = {
    "lists": (call(returns([1])), returned(b'["l",' + b'["l"],' * MB + b'["l"]]')),
    "atoms": (call(returns([1])), returned(b'["L",[' + b"1," * (4 * MB) + b"1]]")),
    "not_atoms": (call(returns([1])), returned(b'["L",[' + b"[]," * (2 * MB) + b"1]]")),
    "fraction": (call(returns(1)), returned(b'["fr",["i","%b"],["i","%b"]]' % (DIGITS[:131072], DIGITS[131072:]))),
    "small_fraction": (call(returns(1)), returned(b'["fr",["i","%b"],["i","%b"]]' % (DIGITS[:7900], DIGITS[-7900:]))),
    "integer": (call(returns(1)), returned(b'["i","%b"]' % (b"7" * (8 * MB)))),
    "integer_in_a_list": (call(returns([1])), returned(b'["l",["i","%b"]]' % (b"7" * (8 * MB)))),
    "set": (call(returns([1])), returned(b'["S",[%b]]' % b",".join(b"%d" % (n * ONE_HASH) for n in range(10_000)))),
    "half_of_a_set": (
        call(returns([1])),
        returned(b'["S",[%b]]' % b",".join(b"%d,%d" % (n, (n + 1) * ONE_HASH) for n in range(10_000))),
    ),
    "keys": (
        call(returns({})),
        returned(b'["d",["L",[%b]],["L",[]]]' % b",".join(b"%d" % (n * ONE_HASH) for n in range(9000))),
    ),
    "within": (call(returns([1], 1), compare={"float": 0.1}), returned(b'["l",["i","%b"]]' % (b"7" * (8 * MB)))),
    "tokens": (stdio(("", "1 2")), printed(b"1 " * (8 * MB))),
    "white_space": (stdio(("", "1 2")), printed(b" " * (16 * MB))),
    "no_text": (stdio(("", "1 2")), printed(b"\xff" * (16 * MB))),
    "exact": (stdio(("", "1 2"), compare="exact"), printed(b"\xff" * (16 * MB))),
    "digits": (FLOAT, printed(b"9" * (8 * MB) + b" " + b"8" * (8 * MB))),
    "exponents": (FLOAT, printed(b"1e999999999 -1e-999999999")),
    "words": (FLOAT, printed(b"1" * (8 * MB) + b"x 2")),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_answer_is_wrong(name: str) -> None:
    problem, seen = HOSTILE[name]
    began = time.process_time()
    async with opened() as judged_apart:
        (result,) = await judged_apart.call(judge, problem, seen)
    assert result.verdict == "wrong_answer"
    assert len(result.message) <= 500
    assert time.process_time() - began < 1  # of this process


async def test_the_event_loop_goes_on() -> None:
    """The goal is 50 ms; this machine may be busy with other tests. Red without processes: some of these take 4 s."""
    gaps = []

    async def beat() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - began)

    beating = asyncio.create_task(beat())
    async with opened(2) as judged_apart:
        await asyncio.gather(*(judged_apart.call(judge, *each) for each in HOSTILE.values()))
    beating.cancel()
    assert max(gaps) < 0.5


async def test_right_answers_of_any_size_pass() -> None:
    async with opened() as judged_apart:
        for count in (10, 10_000, 300_000):
            (result,) = await judged_apart.call(judge, *numbers(count))
            assert result.verdict == "passed"
        assert (await judged_apart.call(judge, stdio(("", "a " * MB)), printed(b"a\n" * MB)))[0].verdict == "passed"
        assert len(workers()) == 1  # the same process again
    assert not workers()


async def test_small_answers_and_test_code_need_no_process() -> None:
    async with opened() as judged_apart:
        await judged_apart.call(judge, *numbers(100))
        await judged_apart.call(judge, stdio(("", "a" * 99_999)), printed(b"a" * 99_999))
        await judged_apart.call(judge, asserts("assert f()"), printed(b"a" * (4 * MB)))
        assert not workers()


async def test_a_checker_gets_a_long_output() -> None:
    async with opened() as judged_apart:
        job = await judged_apart.call(follow_up, CHECKED, printed(b"a" * (2 * MB)))
    assert job is not None
    assert values.decode(values.loads(job.cases[0]))[0] == ("", "1", "a" * (2 * MB))


async def test_an_output_too_long_for_a_checker_is_wrong() -> None:
    async with opened() as judged_apart:
        with pytest.raises(Incomparable, match="too much memory"):
            await judged_apart.call(follow_up, CHECKED, printed(b"\xff" * (16 * MB)))


async def test_what_takes_too_long_is_wrong_and_the_next_one_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red without the limit on processor time: then it takes as long as it takes."""
    monkeypatch.setattr(apart, "MODULE", "tests.slow_apart")
    async with opened() as judged_apart:
        began = time.monotonic()
        with pytest.raises(Incomparable, match="takes too long"):
            await judged_apart.call(judge, *numbers(10_000))
        assert time.monotonic() - began < 60
        monkeypatch.undo()
        assert (await judged_apart.call(judge, *numbers(10_000)))[0].verdict == "passed"


async def test_what_takes_too_much_memory_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MODULE", "tests.slow_apart")
    async with opened() as judged_apart:
        with pytest.raises(Incomparable, match="too much memory"):
            await judged_apart.call(judge, *numbers(300_000))


@pytest.mark.parametrize("message", ["the answer takes too long to compare"])
async def test_such_an_answer_is_a_zero(monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    async def too_long(*_: Any) -> None:
        raise Incomparable(message)

    monkeypatch.setattr(Apart, "call", too_long)
    async with started(FakeBackend()) as service:
        (result,) = await scored(service, batch_of("good"))
    assert (result["reward"], result["verdict"], result["message"]) == (0.0, "wrong_answer", message)


async def test_a_process_that_is_killed_is_our_failure_and_replaced() -> None:
    async with opened() as judged_apart:
        await judged_apart.call(judge, *numbers(10_000))
        for pid in workers():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(SandboxLost):
            await judged_apart.call(judge, *numbers(10_000))
        assert (await judged_apart.call(judge, *numbers(10_000)))[0].verdict == "passed"


async def test_what_nobody_waits_for_ends() -> None:
    async with opened() as judged_apart:
        judging = asyncio.create_task(judged_apart.call(judge, *HOSTILE["lists"]))
        await asyncio.sleep(0.3)
        judging.cancel()
        await asyncio.gather(judging, return_exceptions=True)
        while workers():  # noqa: ASYNC110 nothing tells
            await asyncio.sleep(0.01)
        assert (await judged_apart.call(judge, *numbers(10_000)))[0].verdict == "passed"


LONG = "x" * apart.LARGE_COMPLETION
PROGRAM = "```python\ndef f(x): return x\n```\nFor example:\n```python\nprint(f(1))\n```\n"
NASTY = {
    "inline": "`` " * 300_000,
    "fences": "``` x" * 4000 + "`a` " * 200_000,
    "tildes": "a ~~ " * 200_000,
    "thinking": "<think></think>" * 60_000,
    "tags": "<" * 1_000_000,
    "lists": "1. a\n" * 200_000,
    "open": "```python\n" + "x = 1\n" * 160_000,
    "lines": "  ```python\n" + "   x = 1\n" * 110_000 + "  ```",
    "parsed": "```python\nx = " + ("(lambda:" * 80 + "1" + ")" * 80 + "\n```\n```python\nx = ") * 70,
    "brief": ("```python\nx = " + ("(lambda:" * 80 + "1" + ")" * 80 + "\n```\n```python\nx = ") * 9)[:8192],
}


@pytest.mark.parametrize("unfenced", ["no_code", "code"])
async def test_a_long_completion_is_read_apart_and_as_a_short_one_is(unfenced: Unfenced) -> None:
    asked = "python", lambda: Needs({"f"}, frozenset()), unfenced
    async with opened() as read_apart:
        assert (await read_apart.extract(PROGRAM, *asked)).code == "def f(x): return x\n"
        assert not workers()
        found = await read_apart.extract(f"<think>{LONG}</think>{PROGRAM}\ud800", *asked)
        assert found == extract(PROGRAM, *asked)
        assert len(workers()) == 1


@pytest.mark.parametrize("unfenced", ["no_code", "code"])
@pytest.mark.parametrize("name", NASTY)
async def test_no_completion_stops_the_event_loop(name: str, unfenced: Unfenced) -> None:
    """Red where long ones are read in this process: 100 to 250 ms. The goal is 50 ms for whoever else asks."""
    began = time.thread_time()
    async with opened() as read_apart:
        await read_apart.extract(NASTY[name], "python", Needs, unfenced)
    assert time.thread_time() - began < 0.05


async def test_a_completion_that_takes_too_long_to_read_has_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    async def too_long(*_: Any) -> None:
        raise Incomparable(apart.TOO_LONG)

    monkeypatch.setattr(Apart, "_ask", too_long)
    async with opened() as read_apart:
        assert await read_apart.extract(LONG + PROGRAM, "python", Needs, "no_code") == (None, apart.TOO_LONG_TO_READ)


async def test_a_completion_whose_reader_ended_has_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: Any) -> None:
        raise SandboxLost("gone")

    monkeypatch.setattr(Apart, "_ask", lost)
    completion = {"problem": "p", "completion": LONG + PROGRAM}
    async with started(FakeBackend()) as service:
        request = batch_of("good").model_copy(update={"submissions": (Submission.model_validate(completion),)})
        (result,) = await scored(service, request)
    assert (result["reward"], result["error"]) == (None, "gone")


async def test_a_bug_in_judging_is_no_verdict() -> None:
    problem, seen = numbers(10_000)
    broken = seen._replace(tests=(seen.tests[0]._replace(ending=[]),))  # type: ignore[arg-type]
    async with opened() as judged_apart:
        with pytest.raises(RuntimeError, match="Error"):
            await judged_apart.call(judge, problem, broken)
