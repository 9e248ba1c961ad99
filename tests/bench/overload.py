"""Is the server alive when it is asked for too much? `/healthz` is asked all the while.

First programs come ten times as fast as the server judges them, in batches, whether earlier ones were answered or not.
Then, at another server, comes a flood: clients send batches of programs that hold a slot, again as soon as they are
answered or refused, until the queue is full and long after; now and then one sends a body as large as one may be. None
of them waits after a 429. Then all of them send such bodies: does the server's memory stay within the bound that its
settings give?

A bare server, which answers at once and is asked nothing else, is asked in turn with `/healthz`: what it takes, the
machine takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from reward_server.settings import Settings
from tests.bench import serving
from tests.bench.numbers import Latency
from tests.bench.processes import highest_bytes
from trainer.display import table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rich.table import Table

TIMES, ITEMS, GIVE_UP_S = 10, 100, 5.0
"""How many times what it can do comes, in batches of so many items, each given up after so long."""
CLIENTS, BATCH = 10, 4000
LARGE_MB, LARGE_EVERY_S = 60, 4.0
PAUSE_S = 0.01
CAPACITY_S, FILL_S = 5.0, 15.0
GOAL_MS = 50.0
SETTINGS = Settings()
MEMORY_BYTES = SETTINGS.max_held_bytes * 9 // 8 + 2 * SETTINGS.max_body_bytes
"""What the server may hold besides what it holds idle: the bodies of all requests, which are given an eighth more while
they grow, and of the one that is being checked its texts as well: twice, as the allocator may have kept those of the
one before."""
RUNS = re.compile(r"^passrate_run_seconds_count (\S+)", re.MULTILINE)
SLEEPS, QUICK = "import time; time.sleep(2)", "print()"
PROBLEM = {"tests": {"kind": "stdio", "cases": [{"stdin": "", "stdout": ""}]}, "limits": {"wall_s": 3.0}}


@dataclass(slots=True)
class Seen:
    """Filled while it lasts."""

    seconds: float
    capacity: float = 0.0
    """Evaluations a second, where two batches are always there."""
    offered: int = 0
    """Evaluations that came, `TIMES` as many as it can do."""
    judged: float = 0.0
    """Of these, a second."""
    answered: Counter[str] = field(default_factory=Counter)
    """How batches of these ended."""
    pressed_s: list[float] = field(default_factory=list)
    """What `/healthz` took meanwhile."""
    idle_s: list[float] = field(default_factory=list)
    """What `/healthz` took with nothing else to do."""
    busy_s: list[float] = field(default_factory=list)
    bare_s: list[float] = field(default_factory=list)
    """What the bare server took in the same time as `busy_s`."""
    statuses: Counter[int] = field(default_factory=Counter)
    before_bytes: int = 0
    peak_bytes: int = 0
    """While `/healthz` was asked."""
    filled_bytes: int = 0
    """The peak when all have sent large bodies."""

    @property
    def healthz_s(self) -> dict[str, list[float]]:
        return {"idle": self.idle_s, "pressed": self.pressed_s, "flooded": self.busy_s, "bare": self.bare_s}

    @property
    def bound_bytes(self) -> int:
        return self.before_bytes + MEMORY_BYTES


def batch(code: str, number: int, items: int) -> bytes:
    """Of this code so many times; no two alike."""
    submissions = [{"problem": "p", "code": f"{code}  # {number}, {n}"} for n in range(items)]
    return json.dumps({"problems": {"p": PROBLEM}, "submissions": submissions}).encode()


def large() -> bytes:
    text = "x = 'some program'\n" * 400
    count = (LARGE_MB << 20) // (len(text) + 450)
    return json.dumps({"problems": {"p": PROBLEM}, "submissions": [{"problem": "p", "code": text}] * count}).encode()


def measure(slots: int, *, quick: bool) -> Seen:
    """Raises: LocalServerFailed."""
    seen, over = Seen(10.0 if quick else 30.0), threading.Event()
    with serving.server("embedded", slots) as server:
        asyncio.run(press(server.url, seen))
    with serving.server("embedded", slots) as server, bare_server() as bare_url:
        seen.before_bytes = highest_bytes(server.pid)
        seen.idle_s, _ = asked_apart([server.url, bare_url], 3.0)
        senders = [
            threading.Thread(target=send, args=(server.url, batch(SLEEPS, n, BATCH), over, seen, 0.1))
            for n in range(CLIENTS)
        ]
        senders.append(threading.Thread(target=send, args=(server.url, large(), over, seen, LARGE_EVERY_S)))
        for sender in senders:
            sender.start()
        seen.busy_s, seen.bare_s = asked_apart([server.url, bare_url], seen.seconds)
        over.set()
        seen.peak_bytes = highest_bytes(server.pid)
        for sender in senders:
            sender.join()
        fill(server.url, seen, FILL_S / 3 if quick else FILL_S)
        seen.filled_bytes = highest_bytes(server.pid)
    return seen


async def press(url: str, seen: Seen) -> None:
    """Find what the server can do, then offer `TIMES` as much."""
    numbers = itertools.count()
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, timeout=GIVE_UP_S, limits=httpx.Limits(max_connections=None)
    ) as client:

        async def score() -> int:
            return (await client.post("/v1/score", content=batch(QUICK, next(numbers), ITEMS))).status_code

        async def score_in_a_row(until: float) -> int:
            answered = 0
            while time.monotonic() < until:
                assert await score() == httpx.codes.OK
                answered += 1
            return answered

        async def runs() -> int:
            (count,) = RUNS.findall((await client.get("/metrics")).text)
            return int(float(count))

        async def offer() -> None:
            try:
                seen.answered[str(await score())] += 1
            except httpx.TransportError:
                seen.answered["given up"] += 1

        began = time.monotonic()
        answered = await asyncio.gather(*(score_in_a_row(began + CAPACITY_S) for _ in range(2)))
        seen.capacity = sum(answered) * ITEMS / (time.monotonic() - began)
        asking = asyncio.create_task(asyncio.to_thread(asked_apart, [url], seen.seconds))
        began, before = time.monotonic(), await runs()
        async with asyncio.TaskGroup() as offers:
            while not asking.done():
                offers.create_task(offer())
                seen.offered += ITEMS
                await asyncio.sleep(began + seen.offered / (TIMES * seen.capacity) - time.monotonic())
            seen.judged = (await runs() - before) / (time.monotonic() - began)
        (seen.pressed_s,) = asking.result()


def fill(url: str, seen: Seen, seconds: float) -> None:
    """Send as many large bodies at once as there are clients."""
    over, body = threading.Event(), large()
    senders = [threading.Thread(target=send, args=(url, body, over, seen, 0.1)) for _ in range(CLIENTS)]
    for sender in senders:
        sender.start()
    over.wait(seconds)
    over.set()
    for sender in senders:
        sender.join()


@contextlib.contextmanager
def bare_server() -> Iterator[str]:
    """Serve `answer` in a process of its own. Yields: its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who asks before it is up waits
        number, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", f"{__name__}:answer", "--fd", str(number), "--lifespan", "off"]
        with subprocess.Popen([*command, "--log-level", "warning"], pass_fds=[number]) as serving_it:
            try:
                yield f"http://127.0.0.1:{port}"
            finally:
                serving_it.terminate()


async def answer(_scope: object, _receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """The bare server, an ASGI application."""
    await send({"type": "http.response.start", "status": httpx.codes.OK, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


def asked_apart(urls: list[str], seconds: float) -> list[list[float]]:
    """Ask in a process of its own: in this one, whoever asks would wait for those who send.

    Returns: seconds of each answer, of each server.
    """
    command = [sys.executable, "-m", "tests.bench.overload", str(seconds), *urls]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=10 * seconds + 60).stdout
    return list(json.loads(told))


def ask(urls: list[str], seconds: float) -> list[list[float]]:
    """Ask one after the other, and again."""
    taken_s: list[list[float]] = [[] for _ in urls]
    with contextlib.ExitStack() as open_clients:
        clients = [open_clients.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=60)) for url in urls]
        for client in clients:  # connected, and the server up
            client.get("/healthz").raise_for_status()
        ended = time.monotonic() + seconds
        while time.monotonic() < ended:
            for client, mine_s in zip(clients, taken_s, strict=True):
                time.sleep(PAUSE_S)
                began = time.perf_counter()
                client.get("/healthz").raise_for_status()
                mine_s.append(time.perf_counter() - began)
    return taken_s


def send(url: str, body: bytes, over: threading.Event, seen: Seen, pause_s: float) -> None:
    """Again and again; what was accepted is given up after some seconds, as by a client that has lost its patience."""
    with httpx.Client(base_url=url, trust_env=False, timeout=5) as client:
        while not over.is_set():
            with contextlib.suppress(httpx.TransportError):
                seen.statuses[client.post("/v1/score", content=body).status_code] += 1
            over.wait(pause_s)


def as_table(seen: Seen) -> Table:
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(seen.statuses.items()))
    pressed = ", ".join(f"{count} x {how}" for how, count in sorted(seen.answered.items()))
    title = (
        f"overload: {seen.capacity:.0f} evaluations/s are its capacity.\n"
        f"pressed: of {seen.offered}, {TIMES} times as fast, it judged {seen.judged:.0f} a second; of their batches of "
        f"{ITEMS}, {pressed}.\n"
        f"flooded: {CLIENTS} clients with batches of {BATCH}, a body of {LARGE_MB} MB every {LARGE_EVERY_S:g} s; "
        f"in {seen.seconds:.0f} s and after {answers}.\n"
        f"bare: a server that does nothing, meanwhile.\n"
        f"Peak memory {seen.peak_bytes / 1e6:.0f} MB, before {seen.before_bytes / 1e6:.0f}; with {CLIENTS} such bodies "
        f"at once {seen.filled_bytes / 1e6:.0f}, bound {seen.bound_bytes / 1e6:.0f}"
    )
    made = table(title, "/healthz, ms", numbers=["p50", "p95", "p99", "max", "goal"])
    for name, taken_s in seen.healthz_s.items():
        latency = Latency.of(taken_s)
        values = (latency.p50, latency.p95, latency.p99, 1000 * max(taken_s))
        goal = f"{GOAL_MS:g}" if name == "pressed" else ""
        made.add_row(name, *(f"{value:.1f}" for value in values), goal)
    return made


def as_json(seen: Seen) -> dict[str, Any]:
    return {
        "statuses": {str(status): count for status, count in seen.statuses.items()},
        "capacity": seen.capacity,
        "offered": seen.offered,
        "judged": seen.judged,
        "answered": dict(seen.answered),
        "healthz_ms": {name: [1000 * each_s for each_s in taken_s] for name, taken_s in seen.healthz_s.items()},
        "before_bytes": seen.before_bytes,
        "peak_bytes": seen.peak_bytes,
        "filled_bytes": seen.filled_bytes,
        "bound_bytes": seen.bound_bytes,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(sys.argv[2:], float(sys.argv[1]))))
