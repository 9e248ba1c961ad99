"""The ways to evaluate the same programs, each measured as CPU and wall seconds of one round.

Promises: as many programs run at once in each way, so that shared caches and hyper-threads weigh on all alike; time in
which the client or this process worked is in none of them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.wire import judging_spec

if TYPE_CHECKING:
    from tasks.schema import Isolation
    from tests.bench.processes import Process
    from tests.bench.programs import Program
    from tests.bench.serving import Server
    from trainer.client import SyncRewardClient

FLOOR = Path(__file__).with_name("floor.py")
ATTEMPTS = 3
PROGRAM_S = 60.0
LOOP_S = 600.0


class Unmeasurable(Exception):
    """No clean round could be had; says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one way."""

    cpu_s: float
    wall_s: float
    failed: int
    parts_s: dict[str, float] = field(default_factory=dict)
    """CPU seconds by who used them."""
    evaluations: int | None = None
    """Where it is not the number of all programs."""


def score(
    programs: list[Program], client: SyncRewardClient, server: Server, isolation: Isolation | None = None
) -> Sample:
    """Score all programs in one batch and count what the server and its sandboxes use.

    Of Docker's own processes, which carry nothing while a batch runs, none is counted. `isolation` takes the place of
    what the problems say.
    """
    problems = {program.problem.id: judging_spec(program.problem) for program in programs}
    for problem in problems.values() if isolation is not None else ():
        problem["tests"] = {**problem["tests"], "isolation": isolation}
    for _ in range(ATTEMPTS):
        before, began = server.processes(), time.perf_counter()
        results = client.score([{"problem": each.problem.id, "code": each.code} for each in programs], problems)
        wall_s = time.perf_counter() - began
        after = server.processes()
        if identities(before) == identities(after):
            parts_s = {name: used_s - parts_of(before)[name] for name, used_s in parts_of(after).items()}
            return Sample(sum(parts_s.values()), wall_s, sum(each.reward != 1.0 for each in results), parts_s)
    raise Unmeasurable(f"a slot was replaced in each of {ATTEMPTS} rounds")


def identities(processes: list[Process]) -> set[tuple[int, int]]:
    return {(process.pid, process.born_ticks) for process in processes}


def parts_of(processes: list[Process]) -> dict[str, float]:
    """CPU seconds so far: of the server, of its slots' control processes (and bwrap), and of what those have run."""
    own = {depth: sum(each.own_s for each in processes if each.depth == depth) for depth in range(3)}
    total = sum(each.own_s + each.reaped_s for each in processes)
    control = own[1] + own[2]
    return {"server": own[0], "control": control, "runs": total - own[0] - control}


def fork(programs: list[Program], python: str, at_once: int) -> Sample:
    """Run bare loops of fork and exec, each over its share of the programs."""
    shares = [json.dumps([each.whole for each in programs[first::at_once]]) for first in range(at_once)]

    def loop(share: str) -> dict[str, float]:
        command = [python, "-I", "-S", str(FLOOR)]
        done = subprocess.run(command, input=share, capture_output=True, text=True, timeout=LOOP_S, check=True)
        told: dict[str, float] = json.loads(done.stdout)
        return told

    with ThreadPoolExecutor(at_once) as pool:
        loops = list(pool.map(loop, shares))
    return Sample(
        cpu_s=sum(each["cpu_s"] for each in loops),
        wall_s=max(each["wall_s"] for each in loops),
        failed=int(sum(each["failed"] for each in loops)),
    )


def start_python(files: list[Path], python: str, at_once: int) -> Sample:
    """Start an interpreter for each program, by `subprocess.run`."""

    def run(file: Path) -> int:
        command = [python, str(file)]
        return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=PROGRAM_S, check=False).returncode

    began_cpu, began = reaped_s(), time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        codes = list(pool.map(run, files))
    return Sample(reaped_s() - began_cpu, time.perf_counter() - began, sum(code != 0 for code in codes))


def run_containers(programs: list[Program], image: str, at_once: int) -> Sample:
    """Run one `docker run` for each program. Only the clock counts: what it costs is spent by the daemon."""

    def run(program: Program) -> int:
        command = ["docker", "run", "--rm", "--interactive", "--network", "none", image, "python3", "-"]
        text = program.whole.encode()
        return subprocess.run(
            command, input=text, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PROGRAM_S, check=False
        ).returncode

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        codes = list(pool.map(run, programs))
    return Sample(0.0, time.perf_counter() - began, sum(code != 0 for code in codes), evaluations=len(programs))


def reaped_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
