"""Runs the bench: `python -m tests.bench [--quick] [--json PATH]`. Exit code 0 whatever the numbers are."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reward_server.backends import docker_daemon
from reward_server.backends.embedded import base_python
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings, usable_cores
from tasks.errors import ProblemSetError
from tasks.schema import AssertsTests
from tests.bench import client, report, serving, ways
from tests.bench.programs import CALLS, HUMANEVAL, many_calls, programs_of
from trainer.client import RewardClientError, SyncRewardClient
from trainer.display import progress_bar, show, write_json
from trainer.inputs import check_writable
from trainer.local_server import LocalServerFailed
from trainer.parser import OneLineParser, UsageError, fail, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

    from tests.bench.programs import Program

SETTINGS = {"PASSRATE_CACHE_ENTRIES": "0", "PASSRATE_SLOT_USES": "1000000", "PASSRATE_SLOT_AGE_S": "86400"}
"""Nothing is answered from the cache, and no slot is replaced while it is measured."""


@dataclass(frozen=True, slots=True)
class Effort:
    rounds: int
    slow_rounds: int
    """The slow ways take ten times as long as the others, and their ratio needs no second decimal."""
    starts: int
    requests: int


FULL, QUICK = Effort(12, 4, 5, 500), Effort(3, 1, 2, 100)
CONTAINERS = 16
"""Programs of one round of `docker run`."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = OneLineParser(prog="python -m tests.bench", description="What an evaluation costs.", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: about 20 s")
    parser.add_argument("--slots", type=whole_number, default=usable_cores(), metavar="N", help="(one per core)")
    parser.add_argument("--humaneval", type=Path, metavar="FILE", help="what to run (bundled problems)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers as JSON; - for stdout")
    arguments = parser.parse_args(argv)
    default = HUMANEVAL if HUMANEVAL.exists() else None
    try:
        check_writable("--json", arguments.json)
        source, programs = programs_of(arguments.humaneval or default)
    except (UsageError, ProblemSetError) as error:
        fail("bench", error)
    use_settings()
    effort = QUICK if arguments.quick else FULL
    try:
        measured = measure(effort, source, programs, arguments.slots, daemon_here())
    except (LocalServerFailed, RewardClientError, ways.Unmeasurable) as error:
        fail("bench", error, 1)
    show(*report.tables(measured), json_to=arguments.json)
    write_json(report.as_json(measured), arguments.json)
    return 0


def use_settings() -> None:
    """Serve with the default settings, whatever this shell has set, but for those above."""
    for name in [name for name in os.environ if name.startswith("PASSRATE_")]:
        del os.environ[name]
    os.environ.update(SETTINGS)


def daemon_here() -> docker.APIClient | None:
    """The Docker daemon that has our image; None where there is none, and then says so."""
    if shutil.which("docker") is None:
        show("Not measured on Docker: the command `docker` is missing")
        return None
    try:
        return docker_daemon.connect(Settings().image).client
    except BackendUnavailable as error:
        show(f"Not measured on Docker: {error}")
        return None


def measure(
    effort: Effort, source: str, programs: list[Program], slots: int, daemon: docker.APIClient | None
) -> report.Measured:
    python, load = base_python(), f"load {os.getloadavg()[0]:.1f} before"
    names = [report.SERVED, *([report.DOCKER] if daemon else []), report.FORKED, report.STARTED]
    names += [report.SHARED] if all(isinstance(each.problem.tests, AssertsTests) for each in programs) else []
    names += [report.CONTAINED] if daemon else []
    rounds: dict[str, list[ways.Sample]] = {name: [] for name in names}
    fast = [name for name in names if name not in (report.STARTED, report.CONTAINED)]
    steps = len(fast) * effort.rounds + (len(names) - len(fast)) * effort.slow_rounds
    steps += effort.starts + effort.requests + effort.slow_rounds + effort.rounds
    with contextlib.ExitStack() as stack:
        on_progress = stack.enter_context(progress_bar("measuring"))
        step = iter(range(1, steps + 1))

        def advance() -> None:
            on_progress(next(step), steps)

        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = [folder / f"{number}.py" for number in range(len(programs))]
        for file, program in zip(files, programs, strict=True):
            file.write_text(program.whole, encoding="utf-8")
        starts_s = []
        for _ in range(effort.starts):
            starts_s.append(serving.start_s())
            advance()
        servers = {report.SERVED: stack.enter_context(serving.server("embedded", slots))}
        if daemon is not None:
            stack.callback(daemon.close)
            servers[report.DOCKER] = stack.enter_context(serving.server("docker", slots, daemon))
        slot_bytes = {name: serving.slot_bytes(server) for name, server in servers.items()}
        latencies_s = serving.latencies_s(servers[report.SERVED].url, effort.requests, advance)
        clients = {name: stack.enter_context(SyncRewardClient(server.url)) for name, server in servers.items()}
        take = {
            **{name: partial(ways.score, programs, clients[name], server) for name, server in servers.items()},
            report.FORKED: partial(ways.fork, programs, python, slots),
            report.STARTED: partial(ways.start_python, files, python, slots),
            report.SHARED: partial(ways.score, programs, clients[report.SERVED], servers[report.SERVED], "shared"),
            report.CONTAINED: partial(ways.run_containers, programs[:CONTAINERS], Settings().image, slots),
        }
        for name in servers:
            take[name]()  # the first batch of a server is not measured
        for number in range(effort.rounds):
            for name in names:
                if name in fast or number < effort.slow_rounds:
                    rounds[name].append(take[name]())
                    advance()
        calls_s = []
        for number in range(effort.slow_rounds):
            sample = ways.score([many_calls(number)], clients[report.SERVED], servers[report.SERVED])
            calls_s.append(sample.cpu_s / CALLS)
            advance()
        clients_s = client.overheads_s(effort.rounds, advance)
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}, {load}, {os.getloadavg()[0]:.1f} after"
    return report.Measured(
        source, len(programs), slots, machine, rounds, starts_s, slot_bytes, latencies_s, calls_s, clients_s
    )


if __name__ == "__main__":
    sys.exit(main())
