"""Coroutines of the submission stop where they would wait, and say what for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reward_server.runner.coroutines import LONGEST_S, POLL_S, Tasks


class Home:
    """Takes values as they are."""

    def encode(self, value: Any) -> Any:
        return value

    decode = encode

    def describe_exception(self, error: BaseException) -> str:
        return type(error).__name__

    def exception(self, name: str) -> BaseException:
        return ValueError(name)


@pytest.fixture
def tasks() -> Any:
    held: Any = Tasks(Home())  # type: ignore[arg-type]
    yield held
    held.loop.close()


def test_what_waits_for_nothing_ends_in_its_first_turn(tasks: Tasks) -> None:
    async def add() -> int:
        await asyncio.sleep(0)
        return 3

    assert tasks.start(1, add())["ended"] == [[1, ["=", 3]]]


def test_a_timer_is_waited_for_by_the_other_side(tasks: Tasks) -> None:
    told = tasks.start(1, asyncio.sleep(LONGEST_S))
    assert told["ended"] == []
    assert 0 < told["rest"] <= LONGEST_S


def test_what_is_awaited_of_the_test_is_told_and_its_outcome_goes_on(tasks: Tasks) -> None:
    async def twice() -> int:
        held: int = await tasks.want("await", 7)
        return 2 * held

    told = tasks.start(1, twice())
    ((ticket, operation, number),) = told["wanted"]
    assert (operation, number, told["rest"]) == ("await", 7, None)
    assert tasks.turn([[ticket, ["=", 4]]])["ended"] == [[1, ["=", 8]]]


def test_a_failure_of_the_test_is_raised_where_it_is_awaited(tasks: Tasks) -> None:
    async def guarded() -> str:
        try:
            await tasks.want("await", 7)
        except ValueError as error:
            return str(error)
        return ""

    ((ticket, _, _),) = tasks.start(1, guarded())["wanted"]
    assert tasks.turn([[ticket, ["!", "KeyError"]]])["ended"] == [[1, ["=", "KeyError"]]]


def test_what_is_no_longer_awaited_is_dropped(tasks: Tasks) -> None:
    async def wait() -> None:
        await tasks.want("await", 7)

    ((ticket, _, _),) = tasks.start(1, wait())["wanted"]
    told = tasks.cancel(1)
    assert told["dropped"] == [ticket]
    assert told["ended"] == [[1, ["!", "CancelledError"]]]


def test_coroutines_run_side_by_side(tasks: Tasks) -> None:
    event = asyncio.Event()

    async def wait() -> str:
        await event.wait()
        return "set"

    async def put() -> None:
        event.set()

    assert tasks.start(1, wait())["ended"] == []
    assert tasks.start(2, put())["ended"] == [[1, ["=", "set"]], [2, ["=", None]]]


def test_a_thread_that_may_end_the_wait_is_asked_for(tasks: Tasks) -> None:
    async def work() -> int:
        return await asyncio.get_running_loop().run_in_executor(None, sum, [1, 2])

    told = tasks.start(1, work())
    for _ in range(1000):
        if told["ended"]:
            break
        assert told["rest"] == POLL_S
        told = tasks.turn([])
    assert told["ended"] == [[1, ["=", 3]]]
