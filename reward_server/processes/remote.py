"""The server's end of a judging process, and of each slot in it.

Promises: whatever becomes of the process, all that waits for it is told at once; one that says nothing for a minute is
killed; what is closed here ends there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from reward_server.errors import BackendUnavailable, JudgingFailed, SandboxLost, Unjudged
from reward_server.processes.channel import Channel
from reward_server.processes.kept import Kept
from reward_server.processes.plain import begun_of, begun_plain, judged, observed
from reward_server.runs import Runs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from reward_server.backends.base import Wear
    from reward_server.evaluating import Unfinished
    from reward_server.jobs import Job, Observations
    from reward_server.judging.calibration import Calibration
    from reward_server.processes.channel import Message
    from reward_server.settings import Settings
    from reward_server.verdicts import TestResult
    from tasks.schema import Problem

MODULE: Final = "reward_server.processes.judging"
BEGIN_S: Final = 30.0
STOP_S: Final = 10.0
PING_S: Final = 5.0
UNANSWERED: Final = 12
"""Pings without any answer after which a process is given up."""
GONE: Final = "the judging process ended"


class RemoteProcess:
    """One process, from its start to its end."""

    def __init__(self, settings: Settings, backend: str, part: int, parts: int) -> None:
        self._settings, self._backend, self._part, self._parts = settings, backend, part, parts
        self._channel = Channel(self._on_message, self._on_end)
        self._process: asyncio.subprocess.Process | None = None
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = False
        self._pings = 0
        self._pinger: asyncio.TimerHandle | None = None
        self._numbers = 0
        self.slots: dict[int, RemoteSlot] = {}
        self.problems: Kept[tuple[Calibration | None]] = Kept()
        """Those that the process has, each with the calibration that it was sent with."""
        self.runs = Runs()
        """What was run there, as it said last."""
        self.gone = asyncio.Event()
        self.began_at = time.monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Raises: BackendUnavailable."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", MODULE),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for the server, which then waits for what runs
                    env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
                )
            await asyncio.get_running_loop().create_unix_connection(lambda: self._channel, sock=ours)
        except BaseException as error:
            ours.close()
            await self.stop()
            if isinstance(error, OSError):
                raise BackendUnavailable(f"no judging process can be started: {error.strerror}") from None
            raise
        self.send("begin", pickle.dumps(self._settings), self._backend, self._part, self._parts)
        try:
            async with asyncio.timeout(BEGIN_S):
                await self._begun
        except TimeoutError:
            raise BackendUnavailable(f"a judging process did not begin within {BEGIN_S:g} s") from None
        finally:
            if not self._begun.done() or self._begun.cancelled() or self._begun.exception() is not None:
                await self.stop()
        self._ping()

    async def open_slot(self) -> RemoteSlot:
        """Raises: BackendUnavailable."""
        self._numbers += 1
        slot = self.slots[self._numbers] = RemoteSlot(self, self._numbers)
        try:
            await slot.open()
        except BaseException:
            await slot.close()
            raise
        return slot

    async def stop(self) -> None:
        """End the process and its slots, by its channel, and if that is not enough by a signal."""
        self._stopping = True
        self._channel.close()
        if self._process is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        self.kill()
        await self._process.wait()

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def send(self, *message: Any) -> None:
        self._channel.send(*message)

    def _ping(self) -> None:
        if self.gone.is_set():
            return
        if self._pings >= UNANSWERED:
            self.kill()
            return
        self._pings += 1
        self.send("ping")
        self._pinger = asyncio.get_running_loop().call_later(PING_S, self._ping)

    def _on_message(self, message: Message) -> None:
        self._pings = 0
        verb, *rest = message
        if verb in ("begun", "unavailable"):
            if self._begun.done():
                return
            if verb == "begun":
                self._begun.set_result(None)
            else:
                self._begun.set_exception(BackendUnavailable(*rest))
        elif verb == "pong":
            self.runs = Runs()
            self.runs.take(rest[0])
        else:
            number, *told = rest
            if number in self.slots:
                self.slots[number].on_message(verb, *told)

    def _on_end(self) -> None:
        self.gone.set()
        if not self._stopping:
            self.kill()  # it may have closed its channel and live
        if self._pinger is not None:
            self._pinger.cancel()
        if not self._begun.done():
            self._begun.set_exception(BackendUnavailable(f"{GONE} before it began: its log says why"))
        for slot in list(self.slots.values()):
            slot.on_gone()


class RemoteSlot:
    """A slot of a judging process: what it runs is judged there as well."""

    together = 1

    def __init__(self, process: RemoteProcess, number: int) -> None:
        self._process, self._number = process, number
        self.wear: Wear | None = None
        self._closing = False
        self._told: asyncio.Future[Message] | None = None
        """What the process says to what was asked last."""
        self._ended = asyncio.get_running_loop().create_future()

    @property
    def spent(self) -> bool:
        return self.wear is not None

    def sit(self, seat: int) -> None:
        self._process.send("sit", self._number, seat)

    async def open(self) -> None:
        """Raises: BackendUnavailable."""
        try:
            verb, *cause = await self._ask("open")
        except SandboxLost as error:
            raise BackendUnavailable(str(error)) from None
        if verb != "opened":
            raise BackendUnavailable(*cause)

    async def evaluate(
        self,
        digest: bytes,
        problem: Problem,
        code: str,
        calibration: Calibration | None = None,
        *,
        stop: bool,
        begun: Unfinished | None = None,
    ) -> tuple[TestResult, ...] | Unfinished | None:
        """As `evaluating.evaluate`. Returns also None, where the slot had ended before anything began."""
        kept = self._process.problems
        for _ in range(2):
            pickled = None
            if kept.use(digest) != (calibration,):
                pickled = pickle.dumps((problem, calibration))
                kept.put(digest, (calibration,), len(pickled))
            verb, rest = await self._ask_of_work("evaluate", digest, pickled, code, stop, begun_plain(begun))
            if verb == "judged":
                return judged(rest)
            if verb == "elsewhere":
                return begun_of(rest)
            kept.forget(digest)
        raise JudgingFailed("it does not keep a problem that it was sent")

    async def run(self, job: Job) -> Observations:
        """Raises: SandboxLost."""
        _, told = await self._ask_of_work("run", pickle.dumps(job))
        return observed(told)

    async def run_all(self, jobs: Sequence[Job]) -> AsyncGenerator[tuple[int, Observations | None], None]:
        for at, job in enumerate(jobs):
            yield at, await self.run(job)

    async def close(self) -> None:
        self.wear = self.wear or "closed"
        if not self._closing and not self._process.gone.is_set():
            self._closing = True
            self._process.send("close", self._number)
        if not self._process.gone.is_set():
            await asyncio.shield(self._ended)
        self._process.slots.pop(self._number, None)

    async def _ask_of_work(self, *message: Any) -> tuple[str, Any]:
        """Raises: SandboxLost, JudgingFailed."""
        wear: Wear | None = "lost"
        try:
            _, told_wear, verb, *rest = await self._ask(*message)
            if verb == "unjudged":
                wear = told_wear
                raise Unjudged(rest[0], judged(rest[1]), rest[2])
            if verb == "lost":
                raise SandboxLost(*rest)
            if verb == "failed":
                raise JudgingFailed(rest[0])
            wear = told_wear
            return verb, rest[0]
        finally:
            self.wear = self.wear or wear

    async def _ask(self, verb: str, *rest: Any) -> Message:
        """Raises: SandboxLost when the process is gone."""
        if self._process.gone.is_set():
            raise SandboxLost(GONE, "gone")
        self._told = asyncio.get_running_loop().create_future()
        self._process.send(verb, self._number, *rest)
        try:
            return await self._told
        finally:
            self._told = None

    def on_message(self, verb: str, *rest: Any) -> None:
        if verb == "spent":
            self.wear = self.wear or rest[0]
        elif verb == "closed":
            self._end(BackendUnavailable("closed") if self._closing else SandboxLost(GONE, "gone"))
        elif self._told is not None and not self._told.done():
            self._told.set_result((verb, *rest))

    def on_gone(self) -> None:
        self._end(SandboxLost(GONE, "gone"))

    def _end(self, cause: Exception) -> None:
        self.wear = self.wear or "ended"
        if self._told is not None and not self._told.done():
            self._told.set_exception(cause)
        if not self._ended.done():
            self._ended.set_result(None)
