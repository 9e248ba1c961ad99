"""What passes between the server and a judging process, and what both remember of it."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from reward_server.processes.channel import LENGTH, MAX_BYTES, Channel
from reward_server.processes.kept import Kept


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_what_was_used_last_is_kept_within_the_bounds() -> None:
    kept: Kept[str] = Kept(most=2, most_bytes=100)
    kept.put(b"a", "A", 10)
    kept.put(b"b", "B", 10)
    assert kept.use(b"a") == "A"
    kept.put(b"c", "C", 10)
    assert [kept.use(name) for name in (b"a", b"b", b"c")] == ["A", None, "C"]
    kept.put(b"d", "D", 1000)
    assert [kept.use(name) for name in (b"a", b"c", b"d")] == [None, None, "D"]
    kept.put(b"d", "E", 5)
    kept.put(b"e", "F", 95)
    assert [kept.use(name) for name in (b"d", b"e")] == ["E", "F"]


class Ends:
    """A channel, the other end of it as a bare socket, and what came."""

    def __init__(self) -> None:
        self.came: list[tuple[Any, ...]] = []
        self.ended = asyncio.Event()
        self.channel = Channel(self.came.append, self.ended.set)
        ours, self.other = socket.socketpair()
        self.connecting = asyncio.get_running_loop().create_unix_connection(lambda: self.channel, sock=ours)

    async def __aenter__(self) -> Self:
        await self.connecting
        return self

    async def __aexit__(self, *_: object) -> None:
        self.other.close()
        async with asyncio.timeout(5):
            await self.ended.wait()


@pytest.mark.anyio
async def test_messages_cross_whole_however_they_are_cut() -> None:
    async with Ends() as ends:
        told = ("done", 7, 0.5, "é\udcff", b"\x00\xff", ((None, True), ()))
        ends.channel.send(*told)
        await asyncio.sleep(0.01)
        for byte in ends.other.recv(1 << 16) * 2:
            ends.other.send(bytes([byte]))
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while len(ends.came) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert ends.came == [told, told]


@pytest.mark.anyio
async def test_what_is_sent_in_one_turn_is_one_write() -> None:
    """A system call and a wake-up each would cost more than what is said."""
    written: list[bytes] = []
    channel = Channel(lambda _: None, lambda: None)
    channel.connection_made(cast("Any", SimpleNamespace(write=written.append, is_closing=lambda: False)))
    for number in range(5):
        channel.send("done", number)
    await asyncio.sleep(0)
    channel.send("done", 5)
    await asyncio.sleep(0)
    assert [piece.count(b"done") for piece in written] == [5, 1]


@pytest.mark.anyio
@pytest.mark.parametrize("bad", [LENGTH.pack(MAX_BYTES + 1), LENGTH.pack(3) + b"???"], ids=["too long", "no message"])
async def test_a_message_that_cannot_be_read_ends_the_channel(bad: bytes) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with Ends() as ends:
        ends.other.send(bad)
        async with asyncio.timeout(5):
            await ends.ended.wait()
        assert ends.came == []
