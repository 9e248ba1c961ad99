"""The ways to evaluate the same programs, each measured as CPU and wall seconds of one round.

The bare ways are given the same as plain programs, and judge by the exit code and, all but the floor, by what was
printed where that is the test.

Promises: as many programs run at once in each way, so that shared caches and hyper-threads weigh on all alike; time in
which the client or this process worked is in none of them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from reward_server.judging.comparing import same_tokens
from tests.bench.programs import Run
from tests.bench.serving import ZYGOTE_DEPTH
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


class NoAnswer(Exception):
    """The server that was named does not speak `/run_code`; says what it did instead."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one way."""

    cpu_s: float
    wall_s: float
    failed: int
    """Programs whose outcome was not the one that is known."""
    parts_s: dict[str, float] = field(default_factory=dict)
    """CPU seconds by who used them, for a server."""
    evaluations: int = 1


def score(
    programs: list[Program],
    client: SyncRewardClient,
    server: Server,
    *,
    isolation: Isolation | None = None,
) -> Sample:
    """Score all programs in one batch and count what the server and its sandboxes use.

    Of Docker's own processes, which carry nothing while a batch runs, none is counted. `isolation` takes the place of
    what the problems say.
    """
    problems = {program.problem.id: judging_spec(program.problem) for program in programs}
    for problem in problems.values() if isolation is not None else ():
        problem["tests"] = {**problem["tests"], "isolation": isolation}
    batch = [program.submission for program in programs]
    for _ in range(ATTEMPTS):
        before, began = server.processes(), time.perf_counter()
        results = client.score(batch, problems)
        wall_s = time.perf_counter() - began
        after = server.processes()
        if lasting(before) == lasting(after):
            parts_s = {name: used_s - parts_of(before)[name] for name, used_s in parts_of(after).items()}
            passed = [None if each.reward is None else each.reward == 1.0 for each in results]
            return Sample(sum(parts_s.values()), wall_s, misjudged(programs, passed), parts_s, len(programs))
    raise Unmeasurable(f"a slot was replaced in each of {ATTEMPTS} rounds")


def misjudged(programs: list[Program], passed: Sequence[bool | None]) -> int:
    """How many outcomes are not as is known. None: there was no outcome."""
    return sum((program.kind == "right") is not one for program, one in zip(programs, passed, strict=True))


def lasting(processes: list[Process]) -> set[tuple[int, int]]:
    """The server and its slots. What a zygote has begun may end: the zygote waits for it, and keeps count."""
    return {(process.pid, process.born_ticks) for process in processes if process.depth <= ZYGOTE_DEPTH}


def parts_of(processes: list[Process]) -> dict[str, float]:
    """CPU seconds so far: of the server, of the runner in its slots, and of the submissions and what judges them there.

    The runner is the control process, with its bwrap, and the zygotes, whose work is to fork.
    """
    own = [sum(each.own_s for each in processes if each.depth == depth) for depth in range(ZYGOTE_DEPTH + 1)]
    total = sum(each.own_s + each.reaped_s for each in processes)
    return {"server": own[0], "runner": sum(own[1:]), "submission": total - sum(own)}


def fork(programs: list[Program], python: str, at_once: int, preload: str | None = None) -> Sample:
    """Run bare loops of fork and exec, each over its share of the programs."""
    options = ["-I", "-S"] if preload is None else ["-I"]
    command = [python, *options, str(FLOOR), *([] if preload is None else [preload])]

    def loop(share: list[Program]) -> dict[str, Any]:
        given = json.dumps([(each.whole, [run.stdin for run in each.runs]) for each in share])
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=LOOP_S, check=True)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    shares = [programs[first::at_once] for first in range(at_once)]
    with ThreadPoolExecutor(at_once) as pool:
        loops = list(pool.map(loop, shares))
    return Sample(
        cpu_s=sum(each["cpu_s"] for each in loops),
        wall_s=max(each["wall_s"] for each in loops),
        failed=sum(
            misjudged(
                share,
                [bool(program.runs) and not failures for program, failures in zip(share, each["failed"], strict=True)],
            )
            for share, each in zip(shares, loops, strict=True)
        ),
        evaluations=len(programs),
    )


def start_each(programs: list[Program], at_once: int, passes: Callable[[Run], bool]) -> Sample:
    """Start every run of every program, so many at once. The CPU time is that of this process's children."""
    flat = [(place, run) for place, program in enumerate(programs) for run in program.runs]
    began_cpu, began = reaped_s(), time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        seen = list(pool.map(lambda one: passes(one[1]), flat))
    wall_s, cpu_s = time.perf_counter() - began, reaped_s() - began_cpu
    passed = [bool(program.runs) for program in programs]
    for (place, _), one in zip(flat, seen, strict=True):
        passed[place] = passed[place] and one
    return Sample(cpu_s, wall_s, misjudged(programs, passed), evaluations=len(programs))


def start_python(programs: list[Program], python: Sequence[str], at_once: int, folder: Path) -> Sample:
    """Start an interpreter for each run, by `subprocess.run` of a file."""
    files = {program.whole: folder / f"{number}.py" for number, program in enumerate(programs)}
    for whole, file in files.items():
        file.write_text(whole, encoding="utf-8")

    def passes(run: Run) -> bool:
        done = subprocess.run(
            [*python, str(files[run.whole])],
            input=run.stdin.encode(),
            capture_output=True,
            timeout=PROGRAM_S,
            check=False,
        )
        return done.returncode == 0 and printed_right(run, done.stdout.decode())

    return start_each(programs, at_once, passes)


def run_containers(programs: list[Program], image: str, at_once: int) -> Sample:
    """Run one `docker run` for each run. Only the clock counts: what it costs is spent by the daemon."""

    def passes(run: Run) -> bool:
        command = ["docker", "run", "--rm", "--interactive", "--network", "none", image, "python3", "-c", run.whole]
        done = subprocess.run(command, input=run.stdin.encode(), capture_output=True, timeout=PROGRAM_S, check=False)
        return done.returncode == 0 and printed_right(run, done.stdout.decode())

    return replace(start_each(programs, at_once, passes), cpu_s=0.0)


def run_code(programs: list[Program], url: str, at_once: int) -> Sample:
    """Send one `POST /run_code` for each run, as SandboxFusion takes it. Only the clock counts. Raises: NoAnswer."""
    with run_code_client(url, at_once) as client:
        sample = start_each(programs, at_once, lambda run: answers_right(client, run))
    return replace(sample, cpu_s=0.0)


def run_code_client(url: str, at_once: int) -> httpx.Client:
    limits = httpx.Limits(max_connections=at_once)
    return httpx.Client(base_url=url, timeout=PROGRAM_S, limits=limits, trust_env=False)


def check_run_code(url: str) -> None:
    """Raises: NoAnswer."""
    with run_code_client(url, 1) as client:
        if not answers_right(client, Run("print(input())", "hello", "hello")):
            raise NoAnswer(f"{url} answers /run_code, but not with what a program prints")


def answers_right(client: httpx.Client, run: Run) -> bool:
    """Raises: NoAnswer."""
    asked = {"code": run.whole, "language": "python", "stdin": run.stdin, "run_timeout": PROGRAM_S / 2}
    try:
        answer = client.post("/run_code", json=asked).raise_for_status().json()
        result = answer["run_result"] or {}
        return answer["status"] == "Success" and result["return_code"] == 0 and printed_right(run, result["stdout"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"{client.base_url} does not answer /run_code: {type(error).__name__}: {error}") from None


def printed_right(run: Run, stdout: str) -> bool:
    return run.stdout is None or same_tokens(run.stdout.encode(), stdout.encode())


def reaped_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
