"""A judging process: holds a share of the slots, and judges what runs in them. `python -m` of this is for the server.

Promises: ends with its channel, which is its stdin, and its sandboxes with it, also when the server was killed; a
signal to the whole process group does not end it, as the server still waits for what runs here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import pickle
import signal
import socket
from typing import TYPE_CHECKING, Any, Final

import uvloop

from reward_server import json_log
from reward_server.apart import Apart
from reward_server.backends import BACKENDS
from reward_server.errors import BackendUnavailable, SandboxLost, Unjudged
from reward_server.evaluating import Unfinished, evaluate
from reward_server.processes.channel import Channel
from reward_server.processes.kept import Kept
from reward_server.processes.plain import begun_of, begun_plain, plain, rows

if TYPE_CHECKING:
    from reward_server.backends.base import Backend, Slot
    from reward_server.judging.calibration import Calibration
    from reward_server.processes.channel import Message
    from tasks.schema import Problem

    Known = tuple[Problem, Calibration | None]

LOOK_S: Final = 1.0
"""How often idle slots are looked at."""

log = logging.getLogger(__name__)


class Held:
    """A slot of this process, from its opening to its end, and the one task that serves it."""

    def __init__(self, number: int, process: JudgingProcess) -> None:
        self.number = number
        self.process = process
        self.slot: Slot | None = None
        self.told_spent = False
        self.asked: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        """What is to be done next."""
        self.closing = False
        self.task = asyncio.create_task(self.serve())
        self.task.add_done_callback(self.on_ended)

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.task.cancel()

    def on_ended(self, _: asyncio.Task[None]) -> None:
        """Whatever ended it, before its first step or after."""
        self.process.held.pop(self.number, None)
        self.process.channel.send("closed", self.number)

    @property
    def idle(self) -> bool:
        return self.slot is not None and not self.asked.done()

    async def serve(self) -> None:
        send = self.process.channel.send
        try:
            try:
                self.slot = await self.process.backend.open_slot()
            except Exception as error:  # noqa: BLE001 whatever it is, the server's pool backs off and tries again
                send("failed", self.number, str(error) or type(error).__name__)
                return
            send("opened", self.number)
            while True:
                message = await self.asked
                told = await self.answer(*message)
                self.asked = asyncio.get_running_loop().create_future()
                try:
                    send("done", self.number, self.slot.wear, *told)
                except ValueError as error:
                    send("done", self.number, self.slot.wear, "failed", f"an answer that cannot be sent: {error}")
        finally:
            if self.slot is not None:
                await self.slot.close()

    async def answer(self, verb: str, *rest: Any) -> tuple[Any, ...]:
        assert self.slot is not None
        try:
            if verb == "run":
                return "observed", plain(await self.slot.run(pickle.loads(rest[0])))  # noqa: S301 the server's own
            return await self.evaluated(self.slot, *rest)
        except Unjudged as error:
            return "unjudged", str(error), rows(error.results), error.cause
        except SandboxLost as error:
            return "lost", str(error), error.loss, error.cause
        except Exception as error:
            log.exception("work_failed")
            return "failed", f"{type(error).__name__}: {error}"

    async def evaluated(
        self, slot: Slot, digest: bytes, known: Known | None, code: str, stop: bool, told: tuple[Any, ...] | None
    ) -> tuple[Any, ...]:
        if known is None:
            return "unknown", digest
        problem, calibration = known
        if slot.spent:  # it ended while it waited: nothing has begun
            return "elsewhere", told
        outcome = await evaluate(
            slot, problem, code, calibration, stop=stop, apart=self.process.apart, begun=begun_of(told)
        )
        if isinstance(outcome, Unfinished):
            return "elsewhere", begun_plain(outcome)
        return "judged", rows(outcome)


class JudgingProcess:
    """This end of the channel."""

    def __init__(self) -> None:
        self.channel = Channel(self.on_message, self.on_end)
        self.ended = asyncio.Event()
        self.backend: Backend
        self.problems: Kept[Known] = Kept()
        self.held: dict[int, Held] = {}
        self.apart = Apart()

    def on_message(self, message: Message) -> None:
        verb, *rest = message
        if verb == "evaluate":
            number, digest, pickled, *of_submission = rest
            if pickled is not None:
                self.problems.put(digest, pickle.loads(pickled), len(pickled))  # noqa: S301 the server's own
            self.ask(number, "evaluate", digest, self.problems.use(digest), *of_submission)
        elif verb == "run":
            self.ask(rest[0], "run", rest[1])
        elif verb == "open":
            self.held[rest[0]] = Held(rest[0], self)
        elif verb == "sit":
            slot = self.held[rest[0]].slot
            assert slot is not None
            slot.sit(rest[1])
        elif verb == "close":
            if rest[0] in self.held:
                self.held[rest[0]].close()
        elif verb == "ping":
            self.channel.send("pong", self.backend.runs.told())
        elif verb == "begin":
            self.begin(*rest)
        else:
            raise ValueError(f"an unknown message: {verb!r}")

    def ask(self, number: int, *message: Any) -> None:
        held = self.held.get(number)
        if held is not None and not held.asked.done():
            held.asked.set_result(message)

    def begin(self, pickled: bytes, backend: str, part: int, parts: int) -> None:
        settings = pickle.loads(pickled)  # noqa: S301 the server's own
        json_log.set_up(settings)
        try:
            made = BACKENDS[backend](settings)
        except BackendUnavailable as error:
            self.channel.send("unavailable", str(error))
            return
        made.configs.share(part, parts)
        self.backend = made
        gc.freeze()
        self.channel.send("begun")

    def on_end(self) -> None:
        self.ended.set()

    async def serve(self, channel: socket.socket) -> None:
        await asyncio.get_running_loop().create_unix_connection(lambda: self.channel, sock=channel)
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self.ended.wait()
            self.look()
        left = list(self.held.values())
        for each in left:
            each.close()
        await asyncio.gather(*(each.task for each in left), return_exceptions=True)
        self.apart.close()

    def look(self) -> None:
        """Tell of slots that have ended while they waited."""
        for each in self.held.values():
            if not each.told_spent and each.idle and each.slot is not None and each.slot.spent:
                each.told_spent = True
                self.channel.send("spent", each.number, each.slot.wear)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # not SIG_IGN: what is started here would inherit that
    # What is started here must not get hold of the channel by its stdin.
    channel = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    with channel, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(channel))


async def _serve(channel: socket.socket) -> None:
    await JudgingProcess().serve(channel)


if __name__ == "__main__":
    main()
