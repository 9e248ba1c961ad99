"""The connections of the server: each must get on, and a new one always gets in.

Promises: a head ends within `slow_client_s` and 64 KiB; after as long a grace a body comes, and an answer is taken, at
10 kB/s at least; whatever is slower is cut off, and its work dropped. There are at most `max_connections`: one more,
and the one that has been idle longest is closed. A client that vanished is found out by the kernel (`keep_alive`).
Time in which this process stood still is nobody's: the watch counts its own looks, not the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import resource
import socket
import struct
import sys
import termios
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from starlette.types import Receive, Scope, Send  # noqa: TC002 - of a signature that uvicorn calls
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reward_server.answers import say
from reward_server.turns import beside

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

MAX_HEAD_BYTES: Final = 64 << 10
MAX_HEADERS: Final = 100
LEAST_BYTES_A_S: Final = 10_000
LOOKS: Final = 20
"""How often a slow client is looked at before it is cut off."""
SPARE_DESCRIPTORS: Final = 256
"""For sandboxes, files and what else is not a connection, besides twice the number of slots."""
DESCRIPTORS_A_SLOT: Final = 8
BYTES_ACKED: Final = struct.Struct("=Q")
"""Of the kernel's `tcp_info`, at 120."""
AT_ONCE: Final = struct.pack("ii", 1, 0)
VANISHED_S: Final = 60
"""A client that says nothing, not even that it is there, is taken for gone after so long."""

log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """One connection, as the watch sees it."""

    watch: Watch

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_bytes = 0
        """Of a head that has not ended."""
        self.body_bytes = 0
        self.in_body = False
        self.patience = 0
        """Looks since it last got on with what it sends."""
        self.unread_looks = 0
        """Looks since there was nothing to read for it, or since it last got on."""
        self.taken_when_enough = 0.0
        self.watch.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.remove(self)
        super().connection_lost(exc)

    @property
    def answering(self) -> bool:
        """Whether it waits for us: its request has come, and has no answer yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def cut_off(self) -> None:
        """End it at once, with what is left to read for it: the kernel, too, would keep megabytes of that."""
        with contextlib.suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.in_body:
            self.body_bytes += len(data)
        else:
            self.head_bytes += len(data)
        super().data_received(data)
        if not self.in_body and self.head_bytes > MAX_HEAD_BYTES:
            self.cut_off()  # there may be no end of it

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self.app = refuse_head
        self.in_body = True
        self.head_bytes = self.body_bytes = self.patience = 0
        super().on_headers_complete()
        self.watch.note_busy(self)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.in_body = False
        self.head_bytes = self.patience = 0

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.patience = 0
        if not self.answering:  # another request may wait in line
            self.watch.note_idle(self)


class Watch:
    """Looks after the connections. `running` it is what cuts off the slow ones."""

    def __init__(self, max_connections: int, slow_client_s: float) -> None:
        self._max = max_connections
        self._look_s = slow_client_s / LOOKS
        self._all: set[Connection] = set()
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        """The longest first."""

    def __len__(self) -> int:
        return len(self._all)

    def protocol(self) -> type[asyncio.Protocol]:
        """Return the class of connections that this watch looks after."""
        return type("WatchedConnection", (Connection,), {"watch": self})

    def running(self) -> AbstractAsyncContextManager[None]:
        return beside(self._look_on())

    def add(self, connection: Connection) -> None:
        while len(self._all) >= self._max and self._idle:
            longest, _ = self._idle.popitem(last=False)
            longest.cut_off()
            self._all.discard(longest)
        self._all.add(connection)
        self._idle[connection] = None

    def remove(self, connection: Connection) -> None:
        self._all.discard(connection)
        self._idle.pop(connection, None)

    def note_busy(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    def note_idle(self, connection: Connection) -> None:
        if connection in self._all:
            self._idle[connection] = None

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            for connection in list(self._all):
                if self._is_slow_to_send(connection) or self._is_slow_to_read(connection):
                    log.info("slow_client_cut_off")
                    connection.cut_off()

    def _is_slow_to_send(self, connection: Connection) -> bool:
        if connection.in_body:
            # It is not asked to send while we have enough of it.
            connection.patience += not connection.flow.read_paused
            allowed = LOOKS + connection.body_bytes / LEAST_BYTES_A_S / self._look_s
            return connection.patience > allowed
        if connection.answering:
            return False
        connection.patience += 1
        return connection.patience > LOOKS

    def _is_slow_to_read(self, connection: Connection) -> bool:
        """By what its machine has acknowledged of what was there for it to read."""
        unread, taken = unread_and_taken(connection.transport)
        if not unread:
            connection.unread_looks = 0
            return False
        if not connection.unread_looks:
            enough = min(unread, LEAST_BYTES_A_S * self._look_s * LOOKS)
            connection.taken_when_enough = taken + enough
        connection.unread_looks += 1
        if connection.unread_looks <= LOOKS:
            return False
        connection.unread_looks = 0
        return taken < connection.taken_when_enough


def unread_and_taken(transport: asyncio.Transport) -> tuple[int, int]:
    """Count the bytes that wait for a client, here and in the kernel, and those that its machine has acknowledged."""
    sock = transport.get_extra_info("socket")
    if transport.is_closing() and sock.fileno() < 0:
        return 0, 0
    queued = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    (taken,) = BYTES_ACKED.unpack_from(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128), 120)
    return transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder), taken


async def refuse_head(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for the application where the head of a request is too large."""
    message = f"the head has more than {MAX_HEAD_BYTES} bytes or {MAX_HEADERS} headers"
    answer = say(431, "head_too_large", message, headers={"connection": "close"})
    await answer(scope, receive, send)


def keep_alive(listener: socket.socket) -> None:
    """Have the kernel find out which clients have vanished without a word. Connections inherit it."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, VANISHED_S // 2)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, VANISHED_S // 6)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_S * 1000)


def connections_here(wanted: int, slots: int) -> int:
    """Raise this process's limit of descriptors as far as it goes, and say how many connections it leaves room for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    others = SPARE_DESCRIPTORS + DESCRIPTORS_A_SLOT * slots
    soft = wanted + others if hard == resource.RLIM_INFINITY else min(wanted + others, hard)
    soft = max(soft, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(16, min(wanted, soft - others))


def headers_of_every_answer() -> list[tuple[str, str]]:
    """Nothing of an answer is kept, guessed at, framed or sent on; /docs may load what it is made of."""
    return [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Content-Security-Policy", POLICY),
    ]


CDN: Final = "https://cdn.jsdelivr.net"
POLICY: Final = (
    f"default-src 'none'; script-src 'unsafe-inline' {CDN}; style-src 'unsafe-inline' {CDN}; "
    "img-src data: https://fastapi.tiangolo.com; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
