"""Does load change a verdict? One set of programs, judged alone and then beside processes that spin.

All programs are sent at once, one a request, over so many connections. Each burns as much processor time as it is told
by its own clock, so that a machine that is slower under load cannot be what makes the difference.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.bench import serving
from trainer.display import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

SPINNERS, CONNECTIONS = 6, 64
LIMITS = {"cpu_s": 2.0, "wall_s": 3.0, "memory_mb": 256}
BURN = """import os, threading, time
def burn(s, clock=time.process_time):
    began = clock()
    while clock() - began < s: pass
"""
THREAD = "threading.Thread(target=burn, args=({}, time.thread_time))"
MIXED: dict[str, tuple[str, str]] = {
    "sleeps": ("time.sleep(2.6)", "passed"),
    "naps": ("for _ in range(200): time.sleep(0.012)", "passed"),
    "burns and sleeps": ("burn(1.0); time.sleep(1.4)", "passed"),
    "one thread": (f"t = {THREAD.format(1.5)}; t.start(); t.join()", "passed"),
    "six threads": (f"ts = [{THREAD.format(0.25)} for _ in range(6)]\nfor t in ts: t.start()\nfor t in ts: t.join()", "passed"),
    "a thread after another": (f"for _ in range(50): t = {THREAD.format(0.02)}; t.start(); t.join()", "passed"),
    "a child": ("if not os.fork(): burn(1.5); os._exit(0)\nos.wait()", "passed"),
    "a child after another": ("for _ in range(50):\n    if not os.fork(): burn(0.02); os._exit(0)\n    os.wait()", "passed"),
    "eight children": ("for _ in range(8):\n    if not os.fork(): burn(0.15); os._exit(0)\nfor _ in range(8): os.wait()", "passed"),
    "burns too much": ("burn(3.0)", "cpu_timeout"),
    "children burn too much": ("while True:\n    if not os.fork(): burn(0.01); os._exit(0)\n    os.wait()", "cpu_timeout"),
    "sleeps too long": ("time.sleep(4)", "wall_timeout"),
    "a thread sleeps too long": ("t = threading.Thread(target=time.sleep, args=(60,)); t.start(); t.join()", "wall_timeout"),
    "children sleep too long": ("for _ in range(4):\n    if not os.fork(): time.sleep(60)\nos.wait()", "wall_timeout"),
}  # fmt: skip
"""What programs do, each near a limit or beyond it, and its right verdict."""
PROBLEM = {"tests": {"kind": "stdio", "cases": [{"stdin": "", "stdout": "done"}]}, "limits": LIMITS}


@dataclass(frozen=True, slots=True)
class Program:
    code: str
    right: str


@dataclass(frozen=True, slots=True)
class Round:
    """What became of all programs, in their order, and how long it took."""

    verdicts: list[str]
    wall_s: float


@dataclass(frozen=True, slots=True)
class Seen:
    title: str
    programs: list[Program]
    alone: Round
    beside: Round

    @property
    def false_timeouts(self) -> int:
        pairs = zip(self.beside.verdicts, self.programs, strict=True)
        return sum(verdict.endswith("timeout") and program.right == "passed" for verdict, program in pairs)

    @property
    def different(self) -> int:
        return sum(one != other for one, other in zip(self.alone.verdicts, self.beside.verdicts, strict=True))


def burners(count: int) -> list[Program]:
    return [Program(f"{BURN}burn(1.0)\nprint('done')  # {number}", "passed") for number in range(count)]


def mixed(each: int) -> list[Program]:
    return [
        Program(f"{BURN}{what}\nprint('done')  # {number}", right)
        for number in range(each)
        for what, right in MIXED.values()
    ]


@contextlib.contextmanager
def spinners(count: int) -> Iterator[None]:
    """Processes that do nothing but keep the processors busy, and end with the block."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()


def send(url: str, programs: Sequence[Program], connections: int) -> Round:
    """Send all at once, one a request; as many are under way as there are connections."""

    async def run() -> Round:
        verdicts = [""] * len(programs)
        left = iter(enumerate(programs))
        limits = httpx.Limits(max_connections=connections)
        async with httpx.AsyncClient(base_url=url, timeout=None, limits=limits, trust_env=False) as client:

            async def work() -> None:
                for place, program in left:
                    asked: dict[str, Any] = {"problems": {"p": PROBLEM}}
                    asked["submissions"] = [{"problem": "p", "code": program.code}]
                    answer = await client.post("/v1/score", json=asked)
                    verdicts[place] = answer.json()["results"][0]["verdict"]

            began = time.monotonic()
            await asyncio.gather(*(work() for _ in range(connections)))
            return Round(verdicts, time.monotonic() - began)

    return asyncio.run(run())


def measure(slots: int, *, quick: bool) -> list[Seen]:
    """Raises: LocalServerFailed."""
    works = {"1.0 s of CPU each": burners(32 if quick else 512), "near the limits": mixed(1 if quick else 4)}
    with serving.server("embedded", slots) as server:
        seen = []
        for title, programs in works.items():
            alone = send(server.url, programs, CONNECTIONS)
            with spinners(SPINNERS):
                seen.append(Seen(title, programs, alone, send(server.url, programs, CONNECTIONS)))
        return seen


def load_table(seen: list[Seen]) -> Table:
    title = f"load: verdicts alone and beside {SPINNERS} processes that spin, {CONNECTIONS} connections (goal: 0, 0)"
    made = table(title, "programs", numbers=["count", "alone s", "beside s", "false timeouts", "different"])
    for each in seen:
        count, alone_s, beside_s = len(each.programs), each.alone.wall_s, each.beside.wall_s
        made.add_row(
            each.title, str(count), f"{alone_s:.0f}", f"{beside_s:.0f}", str(each.false_timeouts), str(each.different)
        )
    return made


def as_json(seen: list[Seen]) -> list[dict[str, Any]]:
    return [
        {
            "programs": each.title,
            "count": len(each.programs),
            "alone_s": each.alone.wall_s,
            "beside_s": each.beside.wall_s,
            "verdicts": Counter(each.beside.verdicts),
            "false_timeouts": each.false_timeouts,
            "different": each.different,
        }
        for each in seen
    ]
