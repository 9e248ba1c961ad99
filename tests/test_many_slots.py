"""More slots than cores, all of them served by the event loop of one server."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends.contents import UID_BLOCKS, RunnerConfigs
from reward_server.backends.embedded import EmbeddedBackend
from reward_server.models import RunRequest, ScoreRequest
from reward_server.programs import program_job
from reward_server.service import Service
from reward_server.settings import Settings, usable_cores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reward_server.backends.base import Slot

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox, pytest.mark.timeout(120)]

SLOTS = 32

PRINTED: dict[str, Any] = {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}}
CHECKED: dict[str, Any] = {
    "tests": {
        "kind": "stdio",
        "cases": [{"stdout": "good"}],
        "compare": {"checker": "def check(stdin, expected, actual):\n    return actual.strip() == expected\n"},
    }
}
PROBLEMS: dict[str, Any] = {
    "printed": PRINTED,
    "checked": CHECKED,
    "called": {
        "entry_point": "f",
        "tests": {"kind": "call", "cases": [{"args": [1], "expected": 2}, {"args": [2], "raises": "ValueError"}]},
    },
    "asserted": {
        "entry_point": "f",
        "tests": {"kind": "asserts", "source": "def check(f):\n    assert f(1) == 2\n    assert f(3) == 4\n"},
    },
    "tested": {
        "tests": {
            "kind": "pytest",
            "files": {"test_it.py": "import solution\ndef test_f(): assert solution.f(1) == 2\n"},
        }
    },
}
RIGHT = "def f(x):\n    if x == 2:\n        raise ValueError\n    return x + 1\n"
SUBMISSIONS = (
    ("printed", "print('good')", 1.0),
    ("printed", "print('bad')", 0.0),
    ("printed", "import os; os.kill(os.getpid(), 9)", 0.0),
    ("checked", "print(' good')", 1.0),
    ("checked", "print('bad')", 0.0),
    ("called", RIGHT, 1.0),
    ("called", "def f(x): return x + 1", 0.5),
    ("asserted", RIGHT, 1.0),
    ("asserted", "def f(x): return 2", 0.5),
    ("tested", RIGHT, 1.0),
    ("tested", "def f(x): return 3", 0.0),
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def started(slots: int, **changes: Any) -> AsyncIterator[Service]:
    """A service with all of its slots open."""
    settings = Settings(slots=slots, spares=0, problems="", cache_entries=0, **changes)
    service = Service.assemble(settings, EmbeddedBackend(settings))
    await service.start()
    try:
        async with asyncio.timeout(60):
            while service.dispatcher.open_slots < slots:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield service
    finally:
        await service.close()


async def rewards_of(service: Service, submissions: list[tuple[str, str]]) -> list[float | None]:
    items = [{"problem": name, "code": code} for name, code in submissions]
    batch = await service.scorer.begin(ScoreRequest.model_validate({"problems": PROBLEMS, "submissions": items}))
    try:
        await batch.wait()
    finally:
        service.scorer.leave(batch)
    return [result["reward"] for result in json.loads(batch.body())["results"]]


async def printed_by_each(service: Service, slots: int, code: str) -> list[str]:
    """Run a program in every slot at once. Returns: what each of them printed."""
    job = program_job(RunRequest(code=code))
    together = asyncio.Barrier(slots)

    async def run(slot: Slot) -> str:
        await together.wait()
        return (await slot.run(job)).tests[0].stdout.decode()

    return await asyncio.gather(*(service.dispatcher.run(run) for _ in range(slots)))


@pytest.mark.alone
async def test_one_server_serves_many_slots() -> None:
    """Each submission gets its reward, in whichever slot it runs."""
    async with started(SLOTS) as service:
        uids = await printed_by_each(service, SLOTS, "import os\nprint(os.getuid())")
        asked = [(name, f"{code}\n# {number}") for number in range(12) for name, code, _ in SUBMISSIONS]
        rewards = await rewards_of(service, asked)
        assert service.dispatcher.lost.total() == 0
    assert rewards == [reward for _ in range(12) for _, _, reward in SUBMISSIONS]
    if os.geteuid() == 0:  # otherwise all are the same user, in namespaces of their own
        assert len(set(uids)) == SLOTS


async def test_each_slot_has_a_processor_of_its_own() -> None:
    if usable_cores() < 2:
        pytest.skip("NOT TESTED: it takes two processors")
    async with started(2) as service:
        seen = await printed_by_each(service, 2, "import os\nprint(os.sched_getaffinity(0))")
    assert len(set(seen)) == 2


async def test_a_checker_runs_in_the_next_slot_where_the_first_is_worn_out() -> None:
    async with started(2, slot_uses=1) as service:
        rewards = await rewards_of(service, [("checked", f"print('good')  # {number}") for number in range(3)])
        assert service.dispatcher.slots_opened >= 6
        assert service.dispatcher.lost.total() == 0
    assert rewards == [1.0] * 3


def test_no_two_slots_are_given_the_same_user_ids() -> None:
    configs = RunnerConfigs(Settings(), "uid")
    assert len({configs.next()["uid_base"] for _ in range(UID_BLOCKS)}) == UID_BLOCKS
