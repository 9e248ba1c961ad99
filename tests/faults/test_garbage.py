"""A runner that speaks garbage now and then: its job goes to another one, and nobody believes what it said."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from reward_server.app import create_app
from reward_server.backends.embedded import EmbeddedBackend
from reward_server.backends.sandbox_channel import SandboxChannel
from reward_server.runner import frames
from reward_server.settings import Settings
from tests.faults.fire import PROBLEMS, submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_server.backends.sandboxed import SandboxedSlot

EVERY = 5
"""A reply is garbled, then four are not: none is tried twice in vain."""


def changed(reply: bytes, **fields: object) -> bytes:
    head_size, _ = frames.LENGTHS.unpack_from(reply)
    begin, end = frames.LENGTHS.size, frames.LENGTHS.size + head_size
    header = {**json.loads(reply[begin:end]), **fields}
    parts = header.pop("parts")
    return frames.pack(header, frames.split(reply[end:], parts))


PASSED = ["returned", 0, 0.0, 0.0, 0, "", True, ""]
GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "noise": lambda reply: bytes(range(255, -1, -1)) * 8,
    "text": lambda reply: b"Traceback (most recent call last):\n" * 4,
    "huge_length": lambda reply: frames.LENGTHS.pack(0xFFFF_FFFF, 0xFFFF_FFFF) + reply,
    "cut": lambda reply: reply[: len(reply) // 2],
    "no_object": lambda reply: frames.LENGTHS.pack(4, 0) + b"null",
    "deep": lambda reply: frames.LENGTHS.pack(100_000, 0) + b"[" * 100_000,
    "twice": lambda reply: reply + reply,
    "of_another_job": lambda reply: changed(reply, job=-1, rows=[PASSED], failed_load=False),
    "rows_of_text": lambda reply: changed(reply, rows=["passed"], failed_load=False),
    "text_for_truth": lambda reply: changed(reply, rows=[["returned", 0, 0, 0, 0, "", "no", ""]], failed_load=False),
    "fewer_parts": lambda reply: changed(reply, rows=[PASSED] * 50, failed_load=False),
}


class Garbling(EmbeddedBackend):
    """Real sandboxes, between which and the server some replies turn into garbage."""

    def __init__(self, settings: Settings, garble: Callable[[bytes], bytes]) -> None:
        super().__init__(settings)
        self.garble, self.replies, self.garbled = garble, 0, 0
        self.carriers: set[asyncio.Task[None]] = set()

    async def open_slot(self) -> SandboxedSlot:
        slot = await super().open_slot()
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        slot.channel._stop_listening()
        real, slot.channel = slot.channel._connection, SandboxChannel(ours)
        task = asyncio.create_task(self.carry(theirs, real))
        self.carriers.add(task)
        task.add_done_callback(self.carriers.discard)
        return slot

    async def carry(self, server: socket.socket, sandbox: socket.socket) -> None:
        with server, sandbox:
            await asyncio.gather(self.carry_jobs(server, sandbox), self.carry_replies(sandbox, server))

    async def carry_jobs(self, source: socket.socket, sink: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while piece := await loop.sock_recv(source, 1 << 16):
                await loop.sock_sendall(sink, piece)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    async def carry_replies(self, source: socket.socket, sink: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        held = bytearray()
        with contextlib.suppress(OSError):
            while piece := await loop.sock_recv(source, 1 << 16):
                held += piece
                while len(held) >= 8 and len(held) >= (size := 8 + sum(frames.LENGTHS.unpack_from(held))):
                    reply = bytes(held[:size])
                    del held[:size]
                    self.replies += 1
                    if self.replies % EVERY == 0:
                        self.garbled += 1
                        reply = self.garble(reply)
                    await loop.sock_sendall(sink, reply)
                    if len(reply) < size:  # cut short: the rest never comes
                        sink.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("how", GARBAGE)
def test_a_garbled_reply_costs_no_reward_and_buys_none(how: str) -> None:
    """Red, each on its own: without the number of the job, the look for more than one reply, the types of a row."""
    settings = Settings(slots=2, spares=0, problems="", cache_entries=0)
    backend = Garbling(settings, GARBAGE[how])

    async def ask() -> list[float | None]:
        app = create_app(settings, backend)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server", timeout=60) as client,
        ):
            body = {"problems": PROBLEMS, "submissions": [each for each, _ in sent]}
            answer = await client.post("/v1/score", json=body)
        while backend.carriers:
            await asyncio.gather(*backend.carriers)
        return [each["reward"] for each in answer.json()["results"]]

    sent = [submission(sleep_s=0.0) for _ in range(12)]
    assert asyncio.run(ask()) == pytest.approx([right for _, right in sent])
    assert backend.garbled >= 2
