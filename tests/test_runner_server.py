"""What the control process tells the server, and when."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from reward_server.runner import frames, server
from reward_server.runner.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ends() -> Iterator[tuple[Server, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        made = Server()
        made.channel = frames.Channel(theirs.fileno(), theirs.fileno())
        ours.setblocking(False)
        yield made, ours


def send(ours: socket.socket, *numbers: int) -> None:
    ours.send(b"".join(frames.pack({"job": n, "more": n != numbers[-1]}, [b"body"]) for n in numbers))


def told(ours: socket.socket) -> list[dict[str, Any] | None]:
    """What has come: headers, and None for a sign."""
    found: list[dict[str, Any] | None] = []
    try:
        received = ours.recv(1 << 20)
    except BlockingIOError:
        return found
    while received:
        head, body = frames.LENGTHS.unpack_from(received)
        found.append(orjson.loads(received[8 : 8 + head]) if head else None)
        received = received[8 + head + body :]
    return found


def run(made: Server, *, fit: bool = True, more: str = "") -> None:
    header, _ = made.jobs.popleft()
    made.answer(frames.pack({"job": header["job"], "seen": more}), fit=fit)


def answered(number: int) -> dict[str, Any]:
    return {"job": number, "seen": "", "parts": []}


def back(number: int) -> dict[str, Any]:
    return {"job": number, "unbegun": True, "parts": []}


def test_what_came_together_is_answered_together(ends: tuple[Server, socket.socket]) -> None:
    """Red where each answer is sent at once: the server wakes for each."""
    made, ours = ends
    send(ours, 9, 8, 7)
    made.hear()
    for _ in range(2):
        run(made)
        assert told(ours) == []
    run(made)
    assert told(ours) == [answered(9), answered(8), answered(7)]


def test_where_no_other_job_may_run_the_rest_goes_back(ends: tuple[Server, socket.socket]) -> None:
    """Red where a sandbox that is not clean goes on: the server would have closed it."""
    made, ours = ends
    send(ours, 9, 8, 7)
    made.hear()
    run(made, fit=False)
    assert told(ours) == [back(8), back(7), answered(9)]
    assert not made.jobs


@pytest.mark.parametrize(("after_s", "size"), [(server.TOGETHER_S + 0.01, 0), (0, server.MOST_BYTES)])
def test_answers_wait_neither_long_nor_large(ends: tuple[Server, socket.socket], after_s: float, size: int) -> None:
    made, ours = ends
    send(ours, 9, 8)
    made.hear()
    made.asked_at -= after_s
    run(made, more="x" * size)
    assert [each is not None and each["job"] for each in told(ours)] == [8, 9]


def test_while_a_job_goes_on_no_other_waits_for_it(ends: tuple[Server, socket.socket]) -> None:
    made, ours = ends
    send(ours, 9, 8, 7)
    made.hear()
    run(made)
    made.jobs.popleft()  # it runs
    made.sign(made.asked_at + server.TOGETHER_S / 2)
    assert told(ours) == []
    made.sign(made.asked_at + server.TOGETHER_S * 2)
    assert told(ours) == [back(7), answered(9)]
    made.sign(made.told_at + server.SIGN_S * 2)
    assert told(ours) == [None]
