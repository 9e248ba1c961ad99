"""Runs the bench: `python -m tests.bench [--quick] [--json FILE] [--plot FILE]`. Exits with 0 whatever it sees."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reward_server.backends import docker_daemon
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings, usable_cores
from tasks.errors import ProblemSetError
from tests.bench import load, overload, report, ways
from tests.bench.measuring import measure
from tests.bench.racing import FULL, QUICK
from tests.bench.works import BUNDLED, HUMANEVAL, MAKERS, Work, default_humaneval, make_work
from trainer.client import RewardClientError
from trainer.display import show, write_json
from trainer.inputs import check_writable
from trainer.local_server import LocalServerFailed
from trainer.parser import OneLineParser, UsageError, fail, server_url, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

SETTINGS = {"PASSRATE_CACHE_ENTRIES": "0", "PASSRATE_SLOT_USES": "1000000", "PASSRATE_SLOT_AGE_S": "86400"}
"""Nothing is answered from the cache, and no slot is replaced while it is measured."""

PROBES: dict[str, Any] = {"load": load, "overload": overload}
"""Works of another sort: what becomes of verdicts and of the server where there is too much to do. Only by name."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = OneLineParser(prog="python -m tests.bench", description="What an evaluation costs.", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and programs: about 40 s")
    parser.add_argument(
        "--works",
        type=works,
        default=tuple(MAKERS),
        metavar="NAME,...",
        help=f"({','.join(MAKERS)}); also {', '.join(PROBES)}",
    )
    parser.add_argument("--slots", type=whole_number, default=usable_cores(), metavar="N", help="(one per core)")
    parser.add_argument("--humaneval", type=Path, metavar="FILE", help="where HumanEval is")
    parser.add_argument("--run-code-url", type=server_url, metavar="URL", help="race a server that speaks /run_code")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers as JSON; - for stdout")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them as PNG")
    arguments = parser.parse_args(argv)
    notes: list[str] = []
    probed: dict[str, Any] = {}
    try:
        for option, path in (("--json", arguments.json), ("--plot", arguments.plot)):
            check_writable(option, path)
        if arguments.plot is not None:
            check_plot(arguments.plot)
        chosen = chosen_works(arguments, notes)
    except (UsageError, ProblemSetError) as error:
        fail("bench", error)
    try:
        if arguments.run_code_url is not None:
            ways.check_run_code(arguments.run_code_url)
        use_settings()
        for name in [name for name in arguments.works if name in PROBES]:
            probed[name] = PROBES[name].measure(arguments.slots, quick=arguments.quick)
            show(PROBES[name].as_table(probed[name]))
        if not chosen:
            write_json({name: PROBES[name].as_json(seen) for name, seen in probed.items()}, arguments.json)
            return 0
        effort = QUICK if arguments.quick else FULL
        measured = measure(effort, arguments.slots, chosen, daemon_here(notes), arguments.run_code_url, notes)
    except (LocalServerFailed, RewardClientError, ways.Unmeasurable, ways.NoAnswer) as error:
        fail("bench", error, 1)
    show(*report.tables(measured), json_to=arguments.json)
    told = {name: PROBES[name].as_json(seen) for name, seen in probed.items()}
    write_json(report.as_json(measured) | told, arguments.json)
    if arguments.plot is not None:
        importlib.import_module("tests.bench.plot").plot_bench(measured, arguments.plot)
    return 0


def works(text: str) -> tuple[str, ...]:
    """Read names of works, by comma."""
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in MAKERS and name not in PROBES:
            raise argparse.ArgumentTypeError(f"no work {name!r}; there are {', '.join([*MAKERS, *PROBES])}")
    return names


def check_plot(path: Path) -> None:
    """Raises: UsageError."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"--plot: give a name that ends in .png, not {path}")
    try:
        importlib.import_module("tests.bench.plot")
    except ModuleNotFoundError as error:
        raise UsageError(f"--plot: {error.name} is missing; `make setup` installs it") from None


def chosen_works(arguments: argparse.Namespace, notes: list[str]) -> list[Work]:
    """Raises: ProblemSetError."""
    humaneval = arguments.humaneval or default_humaneval()
    names = dict.fromkeys(name for name in arguments.works if name in MAKERS)
    if humaneval is None and HUMANEVAL in names:
        del names[HUMANEVAL]
        names[BUNDLED] = None
        notes.append("HumanEval is not measured: give its file by --humaneval")
    return [make_work(name, humaneval, quick=arguments.quick) for name in names]


def use_settings() -> None:
    """Serve with the default settings, whatever this shell has set, but for those above."""
    for name in [name for name in os.environ if name.startswith("PASSRATE_")]:
        del os.environ[name]
    os.environ.update(SETTINGS)


def daemon_here(notes: list[str]) -> docker.APIClient | None:
    """The Docker daemon that has our image; None where there is none, which is noted."""
    if shutil.which("docker") is None:
        notes.append("Docker is not measured: the command `docker` is missing")
        return None
    try:
        return docker_daemon.connect(Settings().image).client
    except BackendUnavailable as error:
        notes.append(f"Docker is not measured: {error}")
        return None


if __name__ == "__main__":
    sys.exit(main())
