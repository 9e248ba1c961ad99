"""A slot whose sandbox speaks the runner's protocol over a stream: what every real backend shares."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Protocol, get_args

from reward_server.errors import SandboxLost
from reward_server.jobs import Ending, Observation, Observations
from reward_server.runner import frames

if TYPE_CHECKING:
    from reward_server.jobs import Job

MAX_REPLY_BYTES = 1 << 30
CAP_FACTOR, CAP_EXTRA_S = 3.0, 30.0
"""A test that is not through after this many times its wall limit, and then some, says nothing about the submission."""

ENDINGS = frozenset(get_args(Ending))
ROW_TYPES = [[str, int, cpu_s, wall_s, int, str, bool, str] for cpu_s in (float, int) for wall_s in (float, int)]


class SandboxProcess(Protocol):
    """What keeps the sandbox alive."""

    async def end(self) -> None:
        """Kill it and all that is in it, and wait for that. May be called twice."""
        ...


class SandboxedSlot:
    """One warm sandbox, at the server's end of its channel."""

    def __init__(self, channel: socket.socket, process: SandboxProcess, *, uses: int, age_s: float) -> None:
        channel.setblocking(False)
        self.channel, self.process = channel, process
        self.poll = select.poll()
        self.poll.register(channel, select.POLLIN)
        self.buffered = bytearray()
        self.seat = 0
        self.uses_left = uses
        self.dies_at = time.monotonic() + age_s
        self.broken = False
        self.why_spent = ""

    @property
    def spent(self) -> bool:
        return self.broken or self.uses_left <= 0 or time.monotonic() > self.dies_at or self.ended

    @property
    def ended(self) -> bool:
        """True when the sandbox has something to say that nobody asked for: its end."""
        return bool(self.poll.poll(0))

    def sit(self, seat: int) -> None:
        self.seat = seat

    async def start(self, bundle: bytes, within_s: float) -> None:
        """Send the runner in and wait for its hello. Raises: OSError, EOFError, TimeoutError, ValueError."""
        async with asyncio.timeout(within_s):
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(self.channel, bundle)
            header, _ = await self.receive()
        if header.get("hello") != 1:
            raise ValueError("the sandbox speaks another protocol")

    async def run(self, job: Job) -> Observations:
        """Raises: SandboxLost; then the slot is spent, and nothing is known about the submission."""
        self.uses_left -= 1
        finished = late = False
        loop = asyncio.get_running_loop()

        def give_up() -> None:
            nonlocal late
            late = True
            self.channel.shutdown(socket.SHUT_RDWR)  # at which whatever waits for it fails

        alarm = loop.call_later(longest_s(job), give_up)
        try:
            await loop.sock_sendall(self.channel, request(job, self.seat))
            header, body = await self.receive()
            if header["broken"] is not None:
                raise SandboxLost(header["broken"])
            seen = observations(header, body)
            finished = header["dirty"] is None and not header["spent"]
            self.why_spent = str(header["dirty"] or "")
            return seen  # noqa: TRY300 - what goes wrong before is a broken protocol
        except (OSError, EOFError) as error:
            if late:
                raise SandboxLost("the sandbox did not answer in time") from None
            raise SandboxLost(f"the sandbox is gone: {str(error) or 'it closed its channel'}") from None
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise SandboxLost(f"the sandbox broke its protocol: {type(error).__name__}: {error}") from None
        finally:
            alarm.cancel()
            self.broken = self.broken or not finished

    async def receive(self) -> tuple[dict[str, Any], bytes]:
        """Raises: EOFError, ValueError."""
        await self.fill(frames.LENGTHS.size)
        head_size, body_size = frames.LENGTHS.unpack_from(self.buffered)
        if head_size + body_size > MAX_REPLY_BYTES:
            raise ValueError("a reply of more bytes than any job may have")
        begin, end = frames.LENGTHS.size + head_size, frames.LENGTHS.size + head_size + body_size
        await self.fill(end)
        try:
            header = json.loads(self.buffered[frames.LENGTHS.size : begin].decode())
        except RecursionError:
            raise ValueError("a header that nests too deep") from None
        if type(header) is not dict:
            raise ValueError("a header that is no object")
        body = bytes(self.buffered[begin:end])
        del self.buffered[:end]
        return header, body

    async def fill(self, size: int) -> None:
        """Read until that many bytes are there: a short reply comes whole with the first read."""
        loop = asyncio.get_running_loop()
        while len(self.buffered) < size:
            piece = await loop.sock_recv(self.channel, max(1 << 16, min(size - len(self.buffered), 1 << 20)))
            if not piece:
                raise EOFError
            self.buffered += piece

    async def close(self) -> None:
        """End the sandbox. It ends by itself when its channel closes; this does not rely on it."""
        self.broken = True
        self.channel.close()
        with contextlib.suppress(OSError):
            await self.process.end()


def tests_of(job: Job) -> int:
    """How many tests a job has, as far as its payload says."""
    return job.tests if job.judge else len(job.cases)


def longest_s(job: Job) -> float:
    """Seconds after which the sandbox must have answered, whatever the submission does."""
    each = CAP_FACTOR * job.limits.wall_s + CAP_EXTRA_S
    return 30.0 + each * (1 + 2 * max(1, tests_of(job)))


def request(job: Job, seat: int) -> bytes:
    limits, tests = job.limits, tests_of(job)
    return frames.pack(
        {
            "kind": job.kind,
            "pure": job.pure,
            "shared": job.shared,
            "package": job.package,
            "seat": seat,
            "stop": job.stop,
            "tests": tests,
            "limits": {
                "cpu_s": limits.cpu_s,
                "wall_s": limits.wall_s,
                "cap_s": CAP_FACTOR * limits.wall_s + CAP_EXTRA_S,
                "rlimit_cpu_s": limits.cpu_s * (1 if job.kind == "program" else 1 + 2 * max(1, tests)),
                "memory_bytes": limits.memory_mb << 20,
                "disk_bytes": limits.disk_mb << 20,
                "output_bytes": limits.output_bytes,
                "processes": limits.processes,
                "open_files": limits.open_files,
            },
        },
        (job.submission, job.judge, *job.cases),
    )


def observations(header: dict[str, Any], body: bytes) -> Observations:
    """Raises: ValueError, KeyError, TypeError."""
    parts, rows = frames.split(body, header["parts"]), header["rows"]
    if len(parts) != 3 * len(rows):
        raise ValueError("each row has three parts")
    if type(rows) is not list or not all(map(is_row, rows)):
        raise ValueError("a row of another form")
    seen = [Observation._make((*row, *parts[3 * at : 3 * at + 3])) for at, row in enumerate(rows)]
    if header["failed_load"]:
        return Observations((), seen[0])
    return Observations(tuple(seen))


def is_row(row: Any) -> bool:
    """Whether these are the first fields of an `Observation`: a row that was none would stop a batch at its end."""
    if type(row) is not list or [*map(type, row)] not in ROW_TYPES:
        return False
    ending, _, cpu_s, wall_s, memory_bytes, *_ = row
    return ending in ENDINGS and 0 <= cpu_s < math.inf and 0 <= wall_s < math.inf and memory_bytes >= 0
