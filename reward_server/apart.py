"""Judges large answers and reads long completions in processes of their own: they would stop the event loop.

Promises: what is judged here takes bounded processor time and memory, or it is a wrong answer; a process that ended is
replaced; no process before it is needed; none is left after `close`, or when the server was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reward_server import judging
from reward_server.errors import SandboxLost
from reward_server.extraction import Extraction, Needs, extract
from reward_server.judging.payloads import is_remembered, remember
from reward_server.runner.rows import MAX_MESSAGE
from tasks.schema import CallTests, Checker, StdioTests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reward_server.extraction import Unfenced
    from reward_server.jobs import Observations
    from tasks.schema import Problem, Tests

    Asked = tuple[Any, ...]
    """What a function is called with, besides what was seen."""

T = TypeVar("T")

MODULE: Final = "reward_server.apart"
LARGE_BYTES: Final = 16 << 10
"""Answers of more bytes in all are judged here: so many take 20 ms at most, and 1 ms as a rule."""
LARGE_TEXT_BYTES: Final = 512 << 10
"""The same for text that is only cut into tokens, or handed to a checker."""
QUICK: Final = ("tokens", "exact", "verl")
"""Ways to compare that only cut texts."""
LARGE_COMPLETION: Final = 8 << 10
"""Longer completions are read here: so many characters take 25 ms at most (nested lambdas), and 0.2 ms as a rule."""
TEST_BYTES: Final = 64
"""What a test counts as besides its answer."""
PROCESSES: Final = 2
BASE_CPU_S: Final = 5
CPU_S_PER_MB: Final = 1
"""Four times what a list of small numbers takes, which is the slowest honest answer."""
MEMORY_BYTES: Final = 2 << 30
"""Of address space, for each process. 64 MB of numbers take 1 GB."""
MAX_REPLY_BYTES: Final = 80 << 20
"""What a checker is given may be longer than the answer: what is no ASCII is escaped."""
LENGTH: Final = struct.Struct("<Q")
ANALYSIS_FACTOR: Final = 40
"""Test code takes so much longer to look at than answers of the same size."""
TOO_INVOLVED: Final = "the test code takes too long to look at: split the problem"
TOO_LONG_TO_READ: Final = "the completion takes too long to read"
TOO_LONG: Final = "the answer takes too long to compare"
TOO_LARGE: Final = "the answer takes too much memory to compare"


class Incomparable(Exception):
    """An answer that takes too much to compare. Its text says what."""


class WrongSources(Exception):
    """Sources of a problem that are wrong."""

    def __init__(self, errors: list[Any]) -> None:
        """`errors`: as pydantic words them, with places within the problem."""
        super().__init__(errors)
        self.errors = errors


class Apart:
    """The processes of one event loop."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._free: list[Worker] = []
        self._room = asyncio.Semaphore(processes)

    async def call(self, function: Callable[..., T], problem: Problem, *seen: Observations) -> T:
        """Call `judge` or `follow_up`: here, or in a process where what was seen is large.

        Raises: Incomparable, SandboxLost.
        """
        size = answer_bytes(seen)
        if size <= room_here(problem.tests):
            return function(problem, *seen)
        return await self._ask(function, (problem,), seen, size)

    async def extract(self, text: str, language: str, needs: Callable[[], Needs], unfenced: Unfenced) -> Extraction:
        """Find the program of a completion: here, or in a process where that is long. Raises: SandboxLost."""
        if len(text) <= LARGE_COMPLETION:
            return extract(text, language, needs, unfenced)
        try:
            return await self._ask(extract, (text, language, partial(Needs, *needs()), unfenced), (), len(text))
        except Incomparable:
            return Extraction(None, TOO_LONG_TO_READ)

    async def analyse(self, problem: Problem) -> None:
        """Check long sources of a problem, and remember what its judge gets. Raises: WrongSources, SandboxLost."""
        size = sum(map(len, problem.sources))
        if not problem.has_long_sources or is_remembered(problem):
            return
        try:
            if size <= LARGE_BYTES:
                found = await asyncio.to_thread(judging.analyse, problem)
            else:
                found = await self._ask(judging.analyse, (problem,), (), size * ANALYSIS_FACTOR)
        except Incomparable:
            raise WrongSources([{"type": "value_error", "loc": ("tests",), "msg": TOO_INVOLVED}]) from None
        if isinstance(found, list):
            raise WrongSources(found)
        if found is not None:
            remember(problem, found)

    async def compute(self, function: Callable[..., T], *asked: Any, size: int) -> T:
        """Call a function of a module in a process. Raises: Incomparable, SandboxLost."""
        return await self._ask(function, asked, (), size)

    async def _ask(self, function: Callable[..., T], asked: Asked, seen: tuple[Observations, ...], size: int) -> T:
        async with self._room:
            worker = self._free.pop() if self._free else Worker()
            try:
                answer: T = await asyncio.to_thread(worker.ask, function, asked, seen, size)
            except BaseException:
                worker.kill()  # the thread sees its end
                raise
            self._free.append(worker)
        await asyncio.sleep(0)  # who waited for the interpreter's lock meanwhile comes first
        return answer

    def close(self) -> None:
        for worker in self._free:
            worker.end()
        self._free.clear()


class Worker:
    """One process, seen from the server."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 this interpreter
                (sys.executable, "-P", "-m", MODULE),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the server, which then waits for what runs
                env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            )

    def ask(self, function: Callable[..., Any], asked: Asked, seen: tuple[Observations, ...], size: int) -> Any:
        """Call a function of a module there. For a thread: answers are sent without the interpreter's lock.

        Raises: Incomparable, SandboxLost; then the process has ended.
        """
        try:
            send(self._channel, pickle.dumps((function, asked, [_bare(each) for each in seen], size)))
            for test in chain.from_iterable(each.tests for each in seen):
                for part in (test.stdout, test.stderr, test.value):
                    send(self._channel, part)
            verb, answer = pickle.loads(receive(self._channel))  # noqa: S301 our own
        except (OSError, EOFError):
            if self.end() == -signal.SIGXCPU:
                raise Incomparable(TOO_LONG) from None
            raise SandboxLost("a process that judges large answers ended", "failed") from None
        if verb == "answered":
            return answer
        self.end()
        raise Incomparable(TOO_LARGE) if verb == "full" else RuntimeError(answer)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        """Returns: how the process ended."""
        self._channel.close()
        self.kill()
        return self._process.wait()


def answer_bytes(seen: Iterable[Observations]) -> int:
    """How much there is to judge. Each test counts as some bytes, however short its answer is."""
    return sum(len(test.stdout) + len(test.value) + TEST_BYTES for each in seen for test in each.tests)


def room_here(tests: Tests) -> float:
    """Bytes of answers that are judged at once. Those of test code come judged."""
    match tests:
        case StdioTests():
            is_quick = isinstance(tests.compare, Checker) or tests.compare in QUICK
            return LARGE_TEXT_BYTES if is_quick else LARGE_BYTES
        case CallTests():
            return LARGE_BYTES
        case _:
            return math.inf


def send(channel: socket.socket, part: bytes) -> None:
    channel.sendall(LENGTH.pack(len(part)))
    channel.sendall(part)


def receive(channel: socket.socket) -> bytearray:
    """Raises: EOFError."""
    (size,) = LENGTH.unpack(_exactly(channel, LENGTH.size))
    return _exactly(channel, size)


def _exactly(channel: socket.socket, size: int) -> bytearray:
    held = bytearray(size)
    room = memoryview(held)
    while room:
        count = channel.recv_into(room)
        if not count:
            raise EOFError
        room = room[count:]
    return held


def _bare(seen: Observations) -> Observations:
    return seen._replace(tests=tuple(test._replace(stdout=b"", stderr=b"", value=b"") for test in seen.tests))


def _whole(bare: Observations, channel: socket.socket) -> Observations:
    def part() -> bytes:
        return bytes(receive(channel))

    return bare._replace(tests=tuple(test._replace(stdout=part(), stderr=part(), value=part()) for test in bare.tests))


def serve(channel: socket.socket) -> None:
    """Answer one call after another. Raises: EOFError at the end."""
    while True:
        function, asked, bare, size = pickle.loads(receive(channel))  # noqa: S301 the server's own
        seen = [_whole(each, channel) for each in bare]
        _allow_cpu(BASE_CPU_S + CPU_S_PER_MB * (size >> 20))
        try:
            reply = "answered", function(*asked, *seen)
        except MemoryError:
            reply = "full", None
        except Exception as error:  # noqa: BLE001 a bug of ours: the server raises it
            reply = "failed", f"{type(error).__name__}: {error}"[:MAX_MESSAGE]
        del seen
        pickled = pickle.dumps(reply)
        send(channel, pickled if len(pickled) <= MAX_REPLY_BYTES else pickle.dumps(("full", None)))


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + seconds)


def _limit(which: int, most: int) -> None:
    resource.setrlimit(which, (most, resource.getrlimit(which)[1]))


def main() -> None:
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    with socket.socket(fileno=os.dup(0)) as channel, contextlib.suppress(EOFError, ConnectionError):
        serve(channel)


if __name__ == "__main__":
    main()
