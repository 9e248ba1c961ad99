from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from reward_server.settings import usable_cores
from tests.company import Company, InPieces
from tests.contract.support import Sandboxes

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

WORKERS_PER_CORE = 2
"""Half of the time of these tests is waiting: for a limit of wall-clock time, a container, a server."""
COMPANY = pytest.StashKey[Company]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return WORKERS_PER_CORE * usable_cores()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return InPieces(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        # Else the threads of several trainings spin for the same processors.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        folders = session.config._tmp_path_factory  # type: ignore[attr-defined]
        session.config.stash[COMPANY] = Company(folders.getbasetemp().parent)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first, lest all wait for one of them at the end; last those that bear no company."""
    items.sort(key=lambda item: (is_alone(item), item.get_closest_marker("slow") is None))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Before the clock of the test's timeout starts."""
    company = item.config.stash.get(COMPANY, None)
    with company.kept(alone=is_alone(item)) if company else contextlib.nullcontext():
        return (yield)


def is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[Sandboxes]:
    held = Sandboxes()
    yield held
    held.close()
