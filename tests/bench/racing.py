"""The race: for each work, the ways that can do it take turns, so that other load weighs on all alike."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reward_server.backends.embedded import EmbeddedBackend
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings
from tasks.schema import AssertsTests
from tests.bench import serving, ways
from tests.bench.numbers import CONTAINED, EMBEDDED, FORKED, RUN_CODE, SHARED, STARTED, UNREFERENCED, Raced
from tests.bench.programs import spread_out
from tests.bench.works import HUMANEVAL, own_python
from trainer.client import SyncRewardClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import docker

    from tests.bench.works import Work


@dataclass(frozen=True, slots=True)
class Effort:
    """How often what is measured. The slow ways take ten times as long, and their ratio needs no second decimal."""

    rounds: int
    """Of the ways that are fast, with HumanEval."""
    other_rounds: int
    """The same, with another work."""
    slow_rounds: int
    slow_runs: int
    """Of one round of a slow way, about."""
    containers: int
    """Of one round of `docker run`, about; at least those of one program."""
    starts: int
    requests: int
    peak_completions: int


FULL = Effort(12, 5, 3, 240, 16, 5, 400, 4096)
QUICK = Effort(2, 1, 1, 60, 4, 1, 100, 512)

WARM_RUNS = 150
"""Of the batch by which a server has warmed up."""


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    rounds: int
    take: Callable[[], ways.Sample]


@dataclass(frozen=True, slots=True)
class Field:
    """Where the race takes place."""

    effort: Effort
    slots: int
    servers: Mapping[str, serving.Server]
    """By the way that they serve."""
    daemon: docker.APIClient | None
    run_code_url: str | None
    notes: list[str]
    """What was left out, and why, is added."""


def race(work: Work, field: Field) -> Raced:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {name: stack.enter_context(able(work, name, server, field)) for name, server in field.servers.items()}
        clients = {
            name: (stack.enter_context(SyncRewardClient(server.url)), server)
            for name, server in servers.items()
            if server is not None
        }
        entered = ways_of(work, field, clients, folder)
        for client, server in clients.values():
            # The first batch is not measured: it starts what serves many, and calibrates each problem.
            ways.score(list({each.problem.id: each for each in work.programs}.values()), client, server)
        rounds: dict[str, list[ways.Sample]] = {way.name: [] for way in entered}
        for number in range(max(way.rounds for way in entered)):
            for way in entered:
                if number < way.rounds:
                    rounds[way.name].append(way.take())
    return Raced(work.name, work.title, len(work.programs), rounds)


@contextlib.contextmanager
def able(work: Work, name: str, server: serving.Server, field: Field) -> Iterator[serving.Server | None]:
    """Yield a server of that way whose sandboxes have what the work needs; None where there is none, which is noted."""
    if work.needs is None:
        yield server
    elif name == EMBEDDED and (cause := why_unseen(own_python())):
        field.notes.append(f"{work.name} is not measured on {name}: {cause}")
        yield None
    elif name == EMBEDDED:
        with serving.server("embedded", field.slots, python=own_python()) as own:
            yield noted(work, name, own, field)
    else:
        yield noted(work, name, server, field)


def why_unseen(python: str) -> str | None:
    """Say why sandboxes cannot have this interpreter, if so."""
    try:
        EmbeddedBackend(Settings.from_env({}, sandbox_python=python)).command()
    except BackendUnavailable as error:
        return str(error)
    return None


def noted(work: Work, name: str, server: serving.Server, field: Field) -> serving.Server | None:
    with SyncRewardClient(server.url) as client:
        if client.run({"code": f"import {work.needs}", "limits": {"memory_mb": 1024}})["exit_code"] == 0:
            return server
    field.notes.append(f"{work.name} is not measured on {name}: its sandboxes have no {work.needs}")
    return None


def ways_of(
    work: Work, field: Field, clients: Mapping[str, tuple[SyncRewardClient, serving.Server]], folder: Path
) -> list[Way]:
    """Those that can do the work, the servers first."""
    effort, at_once, image = field.effort, field.slots, Settings().image
    fast = effort.rounds if work.name == HUMANEVAL else effort.other_rounds
    few, slow = spread_out(work.programs, effort.slow_runs), effort.slow_rounds
    if work.unreferenced is not None:  # its loops take minutes in the bare ways, and each counts
        fast, slow, few = 1, 1, work.programs
    entered = [Way(name, fast, partial(ways.score, work.programs, *known)) for name, known in clients.items()]
    if work.unreferenced is not None:
        known = list(clients.values())[-1]
        entered.append(Way(UNREFERENCED, fast, partial(ways.score, work.unreferenced, *known)))
    if work.name == HUMANEVAL and all(isinstance(each.problem.tests, AssertsTests) for each in work.programs):
        entered.append(Way(SHARED, fast, partial(ways.score, work.programs, *clients[EMBEDDED], isolation="shared")))
    entered += [
        Way(FORKED, fast, partial(ways.fork, work.programs, work.python, at_once, work.needs)),
        Way(STARTED, slow, partial(ways.start_python, few, work.clean_python, at_once, folder)),
    ]
    if field.daemon is not None:
        contained = spread_out(work.programs, effort.containers)
        entered.append(Way(CONTAINED, slow, partial(ways.run_containers, contained, image, at_once)))
    if field.run_code_url is not None:
        entered.append(Way(RUN_CODE, slow, partial(ways.run_code, few, field.run_code_url, at_once)))
    return entered
