"""Many evaluations in a row, and what is there after them: `python -m tests.bench.soak [--backend docker]`.

Memory, descriptors, containers, processes and disk are read at each tenth of the way. The first tenth warms up; what
grows from then on is a leak. Exit code 1 where a reward was wrong or something grew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import astuple, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reward_server.backends import docker_daemon
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings, usable_cores
from tests.bench import serving
from tests.bench.processes import memory_bytes
from trainer.client import SyncRewardClient
from trainer.display import progress_bar, show, table
from trainer.parser import OneLineParser, fail, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import docker

    from trainer.wire import Submission

BATCH = 250
SETTINGS = {"PASSRATE_CACHE_ENTRIES": "0", "PASSRATE_SLOT_USES": "1000"}
"""Nothing is kept on purpose, and slots are replaced on the way."""
SLACK_BYTES = 24 << 20
"""How much more memory the server and its idle slots may hold at the end than after the first tenth."""
POOLED = 25
"""Connections that the docker package keeps: one for each of the last addresses, and each container has its own."""
LIMITS = {"cpu_s": 0.3, "wall_s": 1.0, "memory_mb": 128}
PROBLEMS: dict[str, dict[str, Any]] = {
    "call": {"entry_point": "f", "tests": {"kind": "call", "cases": [{"args": [2], "expected": 4}]}},
    "stdio": {"tests": {"kind": "stdio", "cases": [{"stdin": "2", "stdout": "4"}] * 2}},
    "asserts": {"entry_point": "f", "tests": {"kind": "asserts", "source": "assert f(2) == 4\nassert f(3) == 9"}},
    "pytest": {
        "tests": {"kind": "pytest", "files": {"test_f.py": "from solution import f\ndef test(): assert f(2) == 4"}}
    },
}
SQUARE = "def f(x): return x * x"
KINDS: list[tuple[str, str, float]] = [
    *[("call", SQUARE, 1.0), ("stdio", "print(int(input()) ** 2)", 1.0), ("asserts", SQUARE, 1.0)] * 10,
    ("pytest", SQUARE, 1.0),
    ("call", "def f(x): return x", 0.0),
    ("asserts", "def f(x): return 4", 0.5),
    ("call", "def f(", 0.0),
    ("stdio", "1 / 0", 0.0),
    ("stdio", "import os; os.abort()", 0.0),
    ("stdio", "while True: pass", 0.0),
    ("stdio", "x = bytearray(1 << 30)", 0.0),
    ("stdio", "for n in range(200): open(f'/tmp/{n}', 'w').write('x' * 1000)\nprint(4)", 1.0),
    ("stdio", "import os\nif os.fork(): print(4)\nelse:\n    os.setsid()\n    import time; time.sleep(60)", 1.0),
]
"""Problem, code and its right reward: mostly honest programs, some that crash, spin, fill and leave things behind."""


@dataclass(frozen=True, slots=True)
class Held:
    """What there is at one moment, when nothing runs."""

    evaluations: int
    server_bytes: int
    slots_bytes: int
    descriptors: int
    processes: int
    containers: int
    disk_bytes: int
    """Of the daemon, and of this machine's temporary folder."""

    @classmethod
    def by(cls, server: serving.Server, evaluations: int) -> Held:
        everyone = server.processes()
        inside = [each.pid for each in everyone if each.depth]
        return cls(
            evaluations,
            memory_bytes([server.pid]) or 0,
            memory_bytes(inside) or 0,
            len(list(Path(f"/proc/{server.pid}/fd").iterdir())),
            len(everyone),
            len(server.containers()),
            disk_bytes(server.daemon),
        )


def disk_bytes(daemon: docker.APIClient | None) -> int:
    """By `du`, which goes on where a file is gone, and stays out of what is mounted."""
    folders = ["/tmp"]
    folders += [] if daemon is None else [daemon.info()["DockerRootDir"]]
    command = ["du", "--summarize", "--one-file-system", "--bytes", *folders]
    told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return sum(int(line.split()[0]) for line in told.splitlines())


def submissions() -> Iterator[tuple[Submission, float]]:
    """Endlessly, no two alike."""
    number = 0
    while True:
        for problem, code, reward in KINDS:
            number += 1
            yield {"problem": problem, "code": f"{code}\n# {number}"}, reward


def soak(server: serving.Server, evaluations: int) -> tuple[list[Held], list[str], int]:
    """Returns: what was held at each tenth, what was wrong of each wrong reward, and how many rewards were missing."""
    problems = {name: {**problem, "limits": LIMITS} for name, problem in PROBLEMS.items()}
    held: list[Held] = []
    wrong: list[str] = []
    missing = done = 0
    source = submissions()
    with SyncRewardClient(server.url) as client, progress_bar("soaking") as on_progress:
        while done < evaluations:
            batch = list(islice(source, min(BATCH, evaluations - done)))
            results = client.score([each for each, _ in batch], problems, detail="output")
            missing += sum(result.reward is None for result in results)
            for result, (submission, right) in zip(results, batch, strict=True):
                if result.reward not in (None, right):
                    wrong.append(f"{result.reward} for {right}: {submission} {result}")
            done += len(batch)
            on_progress(done, evaluations)
            if done * 10 // evaluations > len(held):
                time.sleep(1.5)  # until a spare is back
                held.append(Held.by(server, done))
    return held, wrong, missing


def grown(held: list[Held]) -> list[str]:
    """What the last reading has more of than the first. Processes vary with what is warm: by few."""
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
    parser = OneLineParser(prog="python -m tests.bench.soak", description="Does anything grow?", allow_abbrev=False)
    parser.add_argument("--backend", choices=("docker", "embedded"), default="docker")
    parser.add_argument("--evaluations", type=whole_number, default=10_000, metavar="N", help="(10000)")
    parser.add_argument("--slots", type=whole_number, default=usable_cores(), metavar="N", help="(one per core)")
    arguments = parser.parse_args(argv)
    os.environ.update(SETTINGS)
    daemon = None
    try:
        if arguments.backend == "docker":
            daemon = docker_daemon.connect(Settings.from_env(os.environ).image).client
    except BackendUnavailable as error:
        fail("soak", error, 1)
    began = time.monotonic()
    with serving.server(arguments.backend, arguments.slots, daemon) as server:
        held, wrong, missing = soak(server, arguments.evaluations)
    seen = table(
        f"{arguments.backend}: {arguments.evaluations} evaluations", numbers=[each.name for each in fields(Held)]
    )
    for row in held:
        seen.add_row(*(f"{value / 1e6:.1f} MB" if value > 100_000 else str(value) for value in astuple(row)))
    growth = grown(held)
    pace = arguments.evaluations / (time.monotonic() - began)
    rewards = f"{pace:.0f} evaluations/s; {len(wrong)} wrong rewards, {missing} missing"
    show(*wrong, seen, f"{rewards}; grown: {', '.join(growth) or 'nothing'}")
    return 1 if wrong or growth else 0


if __name__ == "__main__":
    sys.exit(main())
