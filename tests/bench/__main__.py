"""Runs the bench: `python -m tests.bench [--quick] [--json PATH]`. Exit code 0 whatever the numbers are."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reward_server.backends.embedded import base_python
from reward_server.settings import usable_cores
from tasks.errors import ProblemSetError
from tests.bench import report, serving, ways
from tests.bench.processes import tree
from tests.bench.programs import HUMANEVAL, programs_of
from trainer.client import RewardClientError, SyncRewardClient
from trainer.display import progress_bar, show, write_json
from trainer.inputs import check_writable
from trainer.local_server import LocalServerFailed, local_server
from trainer.parser import OneLineParser, UsageError, fail, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.bench.programs import Program

SETTINGS = {"PASSRATE_CACHE_ENTRIES": "0", "PASSRATE_SLOT_USES": "1000000", "PASSRATE_SLOT_AGE_S": "86400"}
"""Nothing is answered from the cache, and no slot is replaced while it is measured."""


@dataclass(frozen=True, slots=True)
class Effort:
    rounds: int
    subprocess_rounds: int
    """That way takes ten times as long as the others, and its ratio needs no second decimal."""
    starts: int
    requests: int


FULL, QUICK = Effort(12, 4, 5, 500), Effort(3, 1, 2, 100)


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
        measured = measure(effort, source, programs, arguments.slots)
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


def measure(effort: Effort, source: str, programs: list[Program], slots: int) -> report.Measured:
    python, load = base_python(), f"load {os.getloadavg()[0]:.1f} before"
    rounds: dict[str, list[ways.Sample]] = {report.SERVED: [], report.FORKED: [], report.STARTED: []}
    steps = 2 * effort.rounds + effort.subprocess_rounds + effort.starts + effort.requests
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
        url, pid = stack.enter_context(server(slots))
        slot_bytes = serving.slot_bytes(pid, slots)
        latencies_s = serving.latencies_s(url, effort.requests, advance)
        client = stack.enter_context(SyncRewardClient(url))
        ways.score(programs, client, pid)  # the first batch of a server is not measured
        for number in range(effort.rounds):
            rounds[report.SERVED].append(ways.score(programs, client, pid))
            advance()
            rounds[report.FORKED].append(ways.fork(programs, python, slots))
            advance()
            if number < effort.subprocess_rounds:
                rounds[report.STARTED].append(ways.start_python(files, python, slots))
                advance()
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}, {load}, {os.getloadavg()[0]:.1f} after"
    return report.Measured(source, len(programs), slots, machine, rounds, starts_s, slot_bytes, latencies_s)


@contextlib.contextmanager
def server(slots: int) -> Iterator[tuple[str, int]]:
    """Yield a server's URL and process id."""
    before = {process.pid for process in tree(os.getpid())}
    with local_server(backend="embedded", slots=slots) as url:
        (pid,) = (process.pid for process in tree(os.getpid()) if process.depth == 1 and process.pid not in before)
        yield url, pid


if __name__ == "__main__":
    sys.exit(main())
