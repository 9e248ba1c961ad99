"""A slot whose sandbox speaks the runner's protocol over a stream: what every real backend shares."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from bisect import bisect_right
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, get_args

import orjson

from reward_server.backends.sandbox_channel import SandboxChannel
from reward_server.errors import BackendUnavailable, SandboxLost, cause_named
from reward_server.jobs import Ending, Observation, Observations
from reward_server.runner import frames
from reward_server.runs import kind_of_dirt

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator, Sequence

    from reward_server.backends.base import Wear
    from reward_server.jobs import Job
    from reward_server.runs import Runs

CPU_S = attrgetter("cpu_s")
CAP_FACTOR, CAP_EXTRA_S = 3.0, 30.0
"""A test that is not through after this many times its wall limit, and then some, says nothing about the submission."""

MESSAGE_BYTES = 1 << 16
"""What several jobs of one message may have together: a sandbox holds all of them at once."""

MOST_LEARNED_CHARS = 1 << 20
"""Of a test with more call sites nothing is learned: each submission to its problem would carry that."""

ENDINGS = frozenset(get_args(Ending))
ROWS = {(str, int, cpu, wall, int, str, bool, str, int) for cpu in (float, int) for wall in (float, int)}
"""The types that the first fields of an `Observation` may have."""

KERNEL = "passrate needs Linux 5.3 or later with CONFIG_SCHED_INFO; gVisor's kernel is not supported"


class SandboxProcess(Protocol):
    """What keeps the sandbox alive."""

    async def end(self) -> None:
        """Kill it and all that is in it, and wait for that. May be called twice."""
        ...


class SandboxedSlot:
    """One warm sandbox, at the server's end of its channel."""

    together = 16

    def __init__(
        self,
        connection: socket.socket,
        process: SandboxProcess,
        runs: Runs,
        *,
        uses: int,
        age_s: float,
        silence_s: float,
    ) -> None:
        self.channel, self.process, self.runs = SandboxChannel(connection), process, runs
        self.silence_s = silence_s
        self.seat = 0
        self.uses_left = uses
        self.dies_at = time.monotonic() + age_s
        self.broken: Wear | None = None
        """Why its last run was its last."""
        self.why_spent = ""

    @property
    def spent(self) -> bool:
        return self.wear is not None

    @property
    def wear(self) -> Wear | None:
        if self.broken is not None:
            return self.broken
        if self.uses_left <= 0:
            return "uses"
        if time.monotonic() > self.dies_at:
            return "age"
        return "ended" if self.channel.ended else None

    def sit(self, seat: int) -> None:
        self.seat = seat

    async def start(self, bundle: bytes, within_s: float) -> None:
        """Send the runner in and wait for its hello.

        Raises: OSError, EOFError, TimeoutError, ValueError; BackendUnavailable where the kernel there will not do.
        """
        async with asyncio.timeout(within_s):
            header, _ = await self.channel.ask(bundle, within_s, within_s)
        if header.get("hello") != 1:
            raise ValueError("the sandbox speaks another protocol")
        if missing := header.get("lacks"):
            raise BackendUnavailable(f"the kernel in the sandbox has no {' and no '.join(missing)}: {KERNEL}")

    async def run(self, job: Job) -> Observations:
        """Raises: SandboxLost; then the slot is spent, and nothing is known about the submission."""
        [seen] = [seen async for _, seen in self.run_all([job])]
        assert seen is not None  # the first of a message is never given back
        return seen

    async def run_all(self, jobs: Sequence[Job]) -> AsyncGenerator[tuple[int, Observations | None], None]:
        """As in `base.Slot`."""
        left, question = self._question(jobs)
        self.uses_left -= len(left)
        broken: Wear | None = "lost"
        try:
            for at in range(len(left), len(jobs)):
                yield at, None
            header, body = await self.channel.ask(
                question, self.silence_s, max(map(longest_s, jobs)), answers=len(left)
            )
            while True:
                at = left.pop(header["job"], -1)
                if at < 0:
                    raise SandboxLost("the sandbox broke its protocol: an answer to another job", "protocol", "reply")
                if at and header.get("unbegun") is True:
                    yield at, None
                else:
                    seen, worn = self._seen(header, body)
                    broken = "lost" if left else worn
                    yield at, seen
                    if left and worn is not None:
                        raise SandboxLost(
                            "the sandbox broke its protocol: it went on where it is not clean", "protocol", "reply"
                        )
                if not left:
                    break
                header, body = await self.channel.hear(len(left) - 1)
        except (OSError, EOFError) as error:
            if self.channel.found:
                raise SandboxLost(self.channel.found, "late") from None
            raise SandboxLost(f"the sandbox is gone: {str(error) or 'it closed its channel'}", "gone") from None
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            told = f"the sandbox broke its protocol: {type(error).__name__}: {error}"
            raise SandboxLost(told, "protocol", "reply") from None
        finally:
            self.broken = self.broken or broken

    def _question(self, jobs: Sequence[Job]) -> tuple[dict[int, int], bytes]:
        """Make one message of the first job and of as many others as fit. Returns also: their places, by number."""
        sizes = accumulate(len(job.submission) + len(job.judge) + sum(map(len, job.cases)) for job in jobs)
        fitting = jobs[: max(1, bisect_right(list(sizes), MESSAGE_BYTES))]
        numbers = [self.uses_left - 1 - at for at in range(len(fitting))]
        asked = [
            request(job, self.seat, number, more=number != numbers[-1])
            for job, number in zip(fitting, numbers, strict=True)
        ]
        return {number: at for at, number in enumerate(numbers)}, b"".join(asked)

    def _seen(self, header: dict[str, Any], body: bytes) -> tuple[Observations, Wear | None]:
        """Read an answer. Returns also: why the slot may not run another job. Raises: SandboxLost, ValueError, ..."""
        if header["broken"] is not None:
            raise SandboxLost(header["broken"], cause=cause_named(header.get("cause")))
        seen = observations(header, body)
        self.runs.add(float(header["run_s"]), sum(map(CPU_S, seen.tests)), float(header["clean_s"]))
        if header["dirty"] is not None:
            self.why_spent = header["dirty"]
            self.runs.dirty[kind_of_dirt(header["dirty"])] += 1
            return seen, "dirty"
        return seen, "uses" if header["spent"] else None

    async def close(self) -> None:
        """End the sandbox. It ends by itself when its channel closes; this does not rely on it."""
        self.broken = self.broken or "closed"
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


def request(job: Job, seat: int, number: int, *, more: bool) -> bytes:
    """`number`: the answer carries it, so that none is taken for that to another job. `more`: another one follows."""
    limits, tests = job.limits, tests_of(job)
    return frames.pack(
        {
            "job": number,
            "more": more,
            "kind": job.kind,
            "pure": job.pure,
            "shared": job.shared,
            "package": job.package,
            "seat": seat,
            "stdin": job.stdin,
            "stop": job.stop,
            "timeouts": job.timeouts,
            "cases_cpu_s": job.cpu_s if job.kind == "program" else (),
            "fresh": job.fresh,
            "tests": tests,
            "limits": {
                "cpu_s": job.cpu_s[0] if job.cpu_s else limits.cpu_s,
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
    if any([tuple(map(type, row)) not in ROWS or row[0] not in ENDINGS for row in rows]):  # noqa: C419 faster
        raise ValueError("a row of another form")
    if not parts:  # nothing was printed, and nothing returned
        seen = [Observation._make((*row, b"", b"", b"")) for row in rows]
    elif len(parts) == 3 * len(rows):
        seen = [Observation._make((*row, *parts[3 * at : 3 * at + 3])) for at, row in enumerate(rows)]
    else:
        raise ValueError("each row has three parts")
    if header["failed_load"]:
        return Observations((), seen[0])
    return Observations(tuple(seen), learned=learned_of(header.get("learned")), cpu_s=float(header.get("cpu_s", 0.0)))


def learned_of(told: Any) -> str | None:
    """Read what the judge learned, which goes back to it unread. Raises: ValueError, KeyError, TypeError."""
    if told is None:
        return None
    sites = told["sites"]
    if type(sites) is not list:
        raise ValueError("what was learned has another form")
    text = json.dumps(sites, separators=(",", ":"))
    return text if len(text) <= MOST_LEARNED_CHARS else None
