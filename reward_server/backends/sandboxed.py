"""A slot whose sandbox speaks the runner's protocol over a stream: what every real backend shares."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from reward_server.errors import SandboxLost
from reward_server.jobs import Observation, Observations
from reward_server.runner import frames
from reward_server.runs import kind_of_dirt

if TYPE_CHECKING:
    from reward_server.backends.base import Wear
    from reward_server.jobs import Job
    from reward_server.runs import Runs

MAX_REPLY_BYTES = 1 << 30
CPU_S = attrgetter("cpu_s")
CAP_FACTOR, CAP_EXTRA_S = 3.0, 30.0
"""A test that is not through after this many times its wall limit, and then some, says nothing about the submission."""


class SandboxProcess(Protocol):
    """What keeps the sandbox alive."""

    async def end(self) -> None:
        """Kill it and all that is in it, and wait for that. May be called twice."""
        ...


class SandboxedSlot:
    """One warm sandbox, at the server's end of its channel."""

    def __init__(self, channel: socket.socket, process: SandboxProcess, runs: Runs, *, uses: int, age_s: float) -> None:
        channel.setblocking(False)
        self.channel, self.process, self.runs = channel, process, runs
        self.poll = select.poll()
        self.poll.register(channel, select.POLLIN)
        self.buffered = bytearray()
        self.listening = self.asked = False
        self.gone: Exception | None = None
        """Why nothing more can come."""
        self.wanted_bytes = 0
        self.news: asyncio.Future[None] | None = None
        """Done when so many bytes are there, or nothing more can come."""
        self.seat = 0
        self.uses_left = uses
        self.dies_at = time.monotonic() + age_s
        self.broken: Wear | None = None
        """Why its last run was its last."""
        self.why_spent = ""

    @property
    def spent(self) -> bool:
        return self.broken is not None or self.uses_left <= 0 or time.monotonic() > self.dies_at or self.ended

    @property
    def wear(self) -> Wear | None:
        if self.broken is not None:
            return self.broken
        if self.uses_left <= 0:
            return "uses"
        if time.monotonic() > self.dies_at:
            return "age"
        return "ended" if self.ended else None

    @property
    def ended(self) -> bool:
        """True when the sandbox has something to say that nobody asked for: its end."""
        return bool(self.poll.poll(0))

    def sit(self, seat: int) -> None:
        self.seat = seat

    async def start(self, bundle: bytes, within_s: float) -> None:
        """Send the runner in and wait for its hello. Raises: OSError, EOFError, TimeoutError, ValueError."""
        async with asyncio.timeout(within_s):
            header, _ = await self.ask(bundle)
        if header.get("hello") != 1:
            raise ValueError("the sandbox speaks another protocol")

    async def run(self, job: Job) -> Observations:
        """Raises: SandboxLost; then the slot is spent, and nothing is known about the submission."""
        self.uses_left -= 1
        late = False
        broken: Wear | None = "lost"
        began = time.monotonic()

        def give_up() -> None:
            nonlocal late
            late = True
            self.channel.shutdown(socket.SHUT_RDWR)  # at which whatever waits for it fails

        alarm = asyncio.get_running_loop().call_later(longest_s(job), give_up)
        try:
            header, body = await self.ask(request(job, self.seat))
            if header["broken"] is not None:
                raise SandboxLost(header["broken"])
            seen = observations(header, body)
            cpu_s = sum(map(CPU_S, seen.tests))
            self.runs.add(time.monotonic() - began, cpu_s, float(header["clean_s"]))
            broken = "uses" if header["spent"] else None
            if self.buffered:  # more than was asked for
                broken = "ended"
            if header["dirty"] is not None:
                broken, self.why_spent = "dirty", header["dirty"]
                self.runs.dirty[kind_of_dirt(header["dirty"])] += 1
        except (OSError, EOFError) as error:
            if late:
                raise SandboxLost("the sandbox did not answer in time", "late") from None
            raise SandboxLost(f"the sandbox is gone: {str(error) or 'it closed its channel'}", "gone") from None
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise SandboxLost(f"the sandbox broke its protocol: {type(error).__name__}: {error}", "protocol") from None
        else:
            return seen
        finally:
            alarm.cancel()
            self.broken = self.broken or broken

    async def ask(self, frame: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a frame and wait for the answer. Raises: OSError, EOFError, ValueError."""
        loop = asyncio.get_running_loop()
        if not self.listening:  # for good: the loop's sock_recv would tell the kernel to watch and to stop each time
            self.listening = True
            loop.add_reader(self.channel, self.on_readable)
        self.asked = True
        sent = self.channel.send(frame)
        if sent < len(frame):
            await loop.sock_sendall(self.channel, memoryview(frame)[sent:])
        await self.fill(frames.LENGTHS.size)
        head_size, body_size = frames.LENGTHS.unpack_from(self.buffered)
        if head_size + body_size > MAX_REPLY_BYTES:
            raise ValueError("a reply of more bytes than any job may have")
        begin, end = frames.LENGTHS.size + head_size, frames.LENGTHS.size + head_size + body_size
        await self.fill(end)
        self.asked = False
        header = orjson.loads(memoryview(self.buffered)[frames.LENGTHS.size : begin])
        body = bytes(self.buffered[begin:end])
        del self.buffered[:end]
        return header, body

    async def fill(self, size: int) -> None:
        """Wait until that many bytes are there: a short reply comes whole with the first read."""
        while len(self.buffered) < size:
            if self.gone is not None:
                raise self.gone
            self.wanted_bytes, self.news = size, asyncio.get_running_loop().create_future()
            await self.news

    def on_readable(self) -> None:
        try:
            piece = self.channel.recv(max(1 << 16, min(self.wanted_bytes - len(self.buffered), 1 << 20)))
        except BlockingIOError:
            return
        except OSError as error:
            self.gone = error
        else:
            self.buffered += piece
            self.gone = None if piece else EOFError()
        if not self.asked:  # its end, or what is never read on
            self.broken = self.broken or "ended"
        if self.gone is not None or not self.asked:
            self.stop_listening()
        if self.news and not self.news.done() and (self.gone is not None or len(self.buffered) >= self.wanted_bytes):
            self.news.set_result(None)

    def stop_listening(self) -> None:
        if self.listening:
            self.listening = False
            asyncio.get_running_loop().remove_reader(self.channel)

    async def close(self) -> None:
        """End the sandbox. It ends by itself when its channel closes; this does not rely on it."""
        self.broken = self.broken or "closed"
        self.stop_listening()
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
        orjson.dumps,
    )


def observations(header: dict[str, Any], body: bytes) -> Observations:
    """Raises: ValueError, KeyError, TypeError."""
    parts, rows = frames.split(body, header["parts"]), header["rows"]
    if not parts:  # nothing was printed, and nothing returned
        seen = [Observation._make((*row, b"", b"", b"")) for row in rows]
    elif len(parts) == 3 * len(rows):
        seen = [Observation._make((*row, *parts[3 * at : 3 * at + 3])) for at, row in enumerate(rows)]
    else:
        raise ValueError("each row has three parts")
    if header["failed_load"]:
        return Observations((), seen[0])
    return Observations(tuple(seen))
