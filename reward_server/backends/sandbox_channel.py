"""The server's end of a sandbox's channel: a question, its answers, and silence that does not last for ever."""

from __future__ import annotations

import asyncio
import select
import socket
from typing import Any, Final

import orjson

from reward_server.runner import frames

MAX_REPLY_BYTES: Final = 1 << 30
PIECE_BYTES, LARGE_PIECE_BYTES = 1 << 16, 1 << 20


class SandboxChannel:
    """One question at a time. What comes unasked is the end, and is never read on."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.found = ""
        """What was wrong, where this side gave up on the answer."""
        self._connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._buffered = bytearray()
        self._asking = self._listening = self._unasked = False
        self._gone: Exception | None = None
        """Why nothing more can come."""
        self._alarm: asyncio.TimerHandle | None = None
        self._wanted_bytes = 0
        self._news: asyncio.Future[None] | None = None
        """Done when so many bytes are there, or nothing more can come."""

    @property
    def ended(self) -> bool:
        """True when the sandbox has something to say that nobody asked for: its end."""
        return self._unasked or (not self._asking and bool(self._poll.poll(0)))

    async def ask(
        self, question: bytes, silence_s: float, longest_s: float, *, answers: int = 1
    ) -> tuple[dict[str, Any], bytes]:
        """Send a question and wait for the first of so many answers. Returns: its header and body.

        Raises: OSError, EOFError, also where nothing was heard for `silence_s`, or no answer came within `longest_s`
        (then `found` says so); ValueError, RecursionError for what is no answer.
        """
        loop = asyncio.get_running_loop()
        if not self._listening:  # for good: the loop's sock_recv would tell the kernel to watch and to stop each time
            self._listening = True
            loop.add_reader(self._connection, self._on_readable)
        self._asking, self._heard_at = True, loop.time()
        self._silence_s, self._ends_at = silence_s, self._heard_at + longest_s
        self._watch_until(loop, self._heard_at + min(silence_s, longest_s))
        try:
            sent = self._connection.send(question)
            if sent < len(question):
                await loop.sock_sendall(self._connection, memoryview(question)[sent:])
        except BaseException:
            self._asking = False
            raise
        return await self.hear(answers - 1)

    async def hear(self, left: int) -> tuple[dict[str, Any], bytes]:
        """Wait for the next answer to what was asked; so many are left after it. Returns and raises as `ask`."""
        more = False
        try:
            answer = await self._answer()
            if self._buffered and not left:
                raise ValueError("more than one reply")
            more = left > 0
            return answer
        finally:
            self._asking = more

    def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._stop_listening()
        self._connection.close()

    async def _answer(self) -> tuple[dict[str, Any], bytes]:
        head_at = frames.LENGTHS.size
        while True:
            await self._fill(head_at)
            head_size, body_size = frames.LENGTHS.unpack_from(self._buffered)
            if head_size or body_size:
                break
            del self._buffered[:head_at]  # a sign that it is there
        if head_size + body_size > MAX_REPLY_BYTES:
            raise ValueError("a reply of more bytes than any job may have")
        await self._fill(head_at + head_size + body_size)
        with memoryview(self._buffered) as buffered:
            header = orjson.loads(buffered[head_at : head_at + head_size])
            body = bytes(buffered[head_at + head_size : head_at + head_size + body_size])
        del self._buffered[: head_at + head_size + body_size]
        if body_size > LARGE_PIECE_BYTES:
            await asyncio.sleep(0)  # to copy 64 MB takes 20 ms, and who reads it copies it again
        return header, body

    async def _fill(self, size: int) -> None:
        """Wait until that many bytes are there: a short reply comes whole with the first read."""
        while len(self._buffered) < size:
            if self._gone is not None:
                raise self._gone
            self._wanted_bytes, self._news = size, asyncio.get_running_loop().create_future()
            await self._news

    def _on_readable(self) -> None:
        if not self._asking:
            self._unasked = True
            self._stop_listening()
            return
        most = max(PIECE_BYTES, min(self._wanted_bytes - len(self._buffered), LARGE_PIECE_BYTES))
        try:
            piece = self._connection.recv(most)
        except BlockingIOError:
            return
        except OSError as error:
            self._gone = error
        else:
            self._buffered += piece
            self._gone = None if piece else EOFError()
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        if self._gone is not None:
            self._stop_listening()
        ready = self._gone is not None or len(self._buffered) >= self._wanted_bytes
        if ready and self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _watch_until(self, loop: asyncio.AbstractEventLoop, then: float) -> None:
        """Look by then. An alarm that is set already stays, from one question to the next: that costs less."""
        if self._alarm is None or then < self._alarm.when():
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = loop.call_at(then, self._watch, loop)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up where it is time to, and else look again when it may be."""
        self._alarm = None
        if not self._asking:
            return
        now, next_look = loop.time(), min(self._heard_at + self._silence_s, self._ends_at)
        if now < next_look:
            self._watch_until(loop, next_look)
            return
        self.found = "the sandbox did not answer in time" if now >= self._ends_at else "the sandbox hangs"
        self._connection.shutdown(socket.SHUT_RDWR)  # at which whatever waits for it fails

    def _stop_listening(self) -> None:
        if self._listening:
            self._listening = False
            asyncio.get_running_loop().remove_reader(self._connection)
