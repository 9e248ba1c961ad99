"""Many evaluations in a row under faults: `python -m tests.bench.soak [--backend docker]`.

One program in a hundred is hostile, and every half minute something is broken: a sandbox killed, stopped or paused, the
server killed and started anew, its connections cut. Every item must be answered once, and no reward be wrong. Memory,
descriptors, containers, processes and disk are read at each tenth of the way: what grows from the first on is a leak.
At the end nothing may be left. Exit code 1 where a reward was wrong or anything grew or was left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import astuple, dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from reward_server.backends import docker_daemon
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings, usable_cores
from tests.bench.processes import memory_bytes
from tests.faults import mix, strikes
from tests.faults.leftovers import traces
from tests.faults.relay import Relay
from tests.own_server import OwnServer
from trainer.client import SyncRewardClient
from trainer.display import progress_bar, show, table
from trainer.parser import OneLineParser, fail, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import docker

    from trainer.wire import Result, Submission

BATCH = 250
DEADLINE_S = 300.0
"""For a batch: what is not answered by then is missing."""
SETTINGS = {
    "PASSRATE_CACHE_ENTRIES": "0",
    "PASSRATE_SLOT_USES": "1000",
    "PASSRATE_SILENCE_S": "10",
    "PASSRATE_LOG": "warnings",
}
"""Nothing is kept on purpose, and slots are replaced on the way."""
SLACK_BYTES = 24 << 20
"""How much more memory the server and its idle slots may hold at the end than after the first tenth."""
POOLED = 25
"""Connections that the docker package keeps: one for each of the last addresses, and each container has its own."""
READINGS = 10
LONG = 1 << 40


@dataclass(frozen=True, slots=True)
class Held:
    """What there is at one moment, when nothing runs."""

    evaluations: int
    server: int
    """Which one it is: the number of its start."""
    server_bytes: int
    slots_bytes: int
    descriptors: int
    processes: int
    containers: int
    disk_bytes: int
    """Of the daemon, and of the server's temporary folder."""

    @classmethod
    def by(cls, target: strikes.Target, evaluations: int, folder: Path) -> Held:
        everyone = target.seen.processes()
        inside = [each.pid for each in everyone if each.depth]
        return cls(
            evaluations,
            target.server.starts,
            memory_bytes([target.server.pid]) or 0,
            sum(memory_bytes([pid]) or 0 for pid in inside),  # one may end meanwhile
            len(list(Path(f"/proc/{target.server.pid}/fd").iterdir())),
            len(everyone),
            len(target.containers()),
            disk_bytes(target.daemon, folder),
        )


def disk_bytes(daemon: docker.APIClient | None, folder: Path) -> int:
    """By `du`, which goes on where a file is gone, and stays out of what is mounted."""
    folders = [str(folder)]
    folders += [] if daemon is None else [daemon.info()["DockerRootDir"]]
    command = ["du", "--summarize", "--one-file-system", "--bytes", *folders]
    told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return sum(int(line.split()[0]) for line in told.splitlines())


@dataclass
class Soaked:
    """What a soak has seen."""

    done: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    """Of each wrong reward all that is known."""
    missing: Counter[str] = field(default_factory=Counter)
    """Why there was no reward, and how often."""
    unanswered: int = 0
    """Items that were answered not at all, or twice."""
    held: list[Held] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.wrong or self.unanswered or self.left or grown(self.held))


class Strikes(threading.Thread):
    """Does one thing after another to a server, from the first on, until it is told to end."""

    def __init__(self, target: strikes.Target, every_s: float, struck: Counter[str]) -> None:
        super().__init__()
        self._target, self._every_s, self._struck = target, every_s, struck
        self._over = threading.Event()
        self.lock = threading.Lock()
        """Held while something is broken."""

    def run(self) -> None:
        number = 0
        while not self._over.wait(self._every_s):
            strike = strikes.STRIKES[number % len(strikes.STRIKES)]
            number += 1
            with self.lock:
                strike(self._target)
            self._struck[strike.__name__] += 1

    def end(self) -> None:
        self._over.set()
        self.join()


def soak(
    backend: str,
    slots: int,
    daemon: docker.APIClient | None,
    *,
    evaluations: int = LONG,
    seconds: float = LONG,
    fault_every_s: float,
    batch: int = BATCH,
) -> Soaked:
    """Judge so many programs, or for so long, whichever is over first."""
    soaked = Soaked()
    began = time.monotonic()
    with traces() as before:
        server = OwnServer(
            "--slots",
            str(slots),
            backend=backend,
            env={**SETTINGS, "TMPDIR": str(before.folder)},
        )
        try:
            server.wait_ready()
            with Relay(server.port) as relay, SyncRewardClient(relay.url, deadline_s=DEADLINE_S) as client:
                target = strikes.Target(server, relay, daemon)
                striking = Strikes(target, fault_every_s, soaked.struck)
                striking.start()
                try:
                    for part in progress(soaked, began, evaluations, seconds):
                        judge_a_batch(client, soaked, min(batch, evaluations - soaked.done))
                        if part >= len(soaked.held) + 1:
                            with striking.lock:
                                settle(target, slots)
                                soaked.held.append(Held.by(target, soaked.done, before.folder))
                finally:
                    striking.end()
        finally:
            server.end(signal.SIGTERM)
        soaked.seconds = time.monotonic() - began
        soaked.left = before.left(server.owners, daemon)
    return soaked


def progress(soaked: Soaked, began: float, evaluations: int, seconds: float) -> Iterator[int]:
    """Yield for each batch, until the end, how many tenths are over."""
    with progress_bar("soaking") as on_progress:
        while (share := max(soaked.done / evaluations, (time.monotonic() - began) / seconds)) < 1:
            on_progress(int(100 * share), 100)
            yield int(share * READINGS)


_source = mix.submissions()


def judge_a_batch(client: SyncRewardClient, soaked: Soaked, size: int) -> None:
    batch = list(islice(_source, size))
    answered: Counter[int] = Counter()
    for place, result in client.stream([each for each, _ in batch], mix.PROBLEMS, detail="output"):
        answered[place] += 1
        note(soaked, result, *batch[place])
    soaked.unanswered += sum(answered[place] != 1 for place in range(size))
    soaked.done += size


def note(soaked: Soaked, result: Result, submission: Submission, right: float) -> None:
    if result.reward is None:
        soaked.missing[result.error or "no cause"] += 1
    elif result.reward != right:
        soaked.wrong.append(f"{time.strftime('%X')} {result.reward} for {right}: {submission} {result}")
        sys.stderr.write(soaked.wrong[-1] + "\n")


def settle(target: strikes.Target, slots: int) -> None:
    """Wait until every slot and a spare are back."""
    ended = time.monotonic() + 60
    while time.monotonic() < ended:
        with contextlib.suppress(httpx.TransportError):
            ready = httpx.get(f"{target.server.url}/readyz", trust_env=False, timeout=30).json()
            if ready.get("slots") == slots and ready.get("spares"):
                return
        time.sleep(0.2)


def grown(held: list[Held]) -> list[str]:
    """What the last reading has more of than the first. Processes vary with what is warm: by few."""
    if not held:
        return []
    first, last = held[0], held[-1]
    found = []
    if last.server_bytes + last.slots_bytes > first.server_bytes + first.slots_bytes + SLACK_BYTES:
        found.append("memory")
    found += ["descriptors"] if last.descriptors > first.descriptors + POOLED else []
    found += ["containers"] if last.containers > first.containers + 2 else []
    found += ["processes"] if last.processes > first.processes + 6 else []
    found += ["disk"] if last.disk_bytes > first.disk_bytes + SLACK_BYTES else []
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = OneLineParser(
        prog="python -m tests.bench.soak", description="Rewards under faults; does anything grow?", allow_abbrev=False
    )
    parser.add_argument("--backend", choices=("docker", "embedded"), default="docker")
    parser.add_argument("--evaluations", type=whole_number, default=100_000, metavar="N", help="(100000)")
    parser.add_argument("--seconds", type=whole_number, default=LONG, metavar="N", help="end after so many, if sooner")
    parser.add_argument("--fault-every", type=whole_number, default=30, metavar="SECONDS", help="(30)")
    parser.add_argument("--slots", type=whole_number, default=usable_cores(), metavar="N", help="(one per core)")
    arguments = parser.parse_args(argv)
    daemon = None
    try:
        if arguments.backend == "docker":
            daemon = docker_daemon.connect(Settings.from_env(os.environ).image).client
    except BackendUnavailable as error:
        fail("soak", error, 1)
    soaked = soak(
        arguments.backend,
        arguments.slots,
        daemon,
        evaluations=arguments.evaluations,
        seconds=arguments.seconds,
        fault_every_s=arguments.fault_every,
    )
    seen = table(f"{arguments.backend}: {soaked.done} evaluations", numbers=[each.name for each in fields(Held)])
    for row in soaked.held:
        seen.add_row(*(f"{value / 1e6:.1f} MB" if value > 100_000 else str(value) for value in astuple(row)))
    show(*soaked.wrong, seen, *(f"{count} x {what}" for what, count in soaked.struck.items()))
    show(*(f"missing, {count} times: {why}" for why, count in soaked.missing.items()))
    show(*(f"left: {what}" for what in soaked.left))
    show(
        f"{soaked.done / soaked.seconds:.0f} evaluations/s; {len(soaked.wrong)} wrong rewards, "
        f"{soaked.missing.total()} missing, {soaked.unanswered} not answered once; "
        f"grown: {', '.join(grown(soaked.held)) or 'nothing'}; left: {len(soaked.left) or 'nothing'}"
    )
    return 1 if soaked.failed else 0


if __name__ == "__main__":
    sys.exit(main())
