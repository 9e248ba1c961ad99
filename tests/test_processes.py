"""Judging processes: the same verdicts as without them, whatever ends, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reward_server.backends.contents import UIDS_FROM, UIDS_PER_SLOT, RunnerConfigs
from reward_server.backends.docker import DockerBackend
from reward_server.backends.embedded import EmbeddedBackend
from reward_server.errors import BackendUnavailable, JudgingFailed
from reward_server.identity import judging_digest
from reward_server.judging.calibration import Calibration
from reward_server.models import RunRequest, ScoreRequest
from reward_server.processes import remote
from reward_server.processes.backend import SpreadBackend, processes_for, spread
from reward_server.programs import program_job
from reward_server.service import Service
from reward_server.settings import Settings
from tasks.schema import Problem
from tests.bench.processes import tree
from tests.contract.support import IMAGE, TRANSPORT, docker_here
from tests.own_server import OwnServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from reward_server.backends.base import Backend

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox, pytest.mark.timeout(90)]

PRINTED: dict[str, Any] = {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}}
SLEEPY = "import time\ntime.sleep(0.05)\nprint('good')  # {}"
ENDLESS: dict[str, Any] = {"limits": {"cpu_s": 60, "wall_s": 60}, **PRINTED}
CHECKED: dict[str, Any] = {
    "tests": {
        "kind": "stdio",
        "cases": [{"stdout": "good"}],
        "compare": {"checker": "def check(stdin, expected, actual):\n    return actual.strip() == expected\n"},
    }
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def started(
    make: Callable[[Settings], Backend] = EmbeddedBackend, **changes: Any
) -> AsyncIterator[tuple[Service, SpreadBackend]]:
    """A service with two slots in two processes, all of them open."""
    settings = Settings(
        **({"slots": 2, "processes": 2, "spares": 0, "drain_s": 1, "problems": "", "cache_entries": 0} | changes)
    )
    backend = spread(make(settings), settings)
    assert isinstance(backend, SpreadBackend)
    service = Service.assemble(settings, backend)
    await service.start()
    try:
        await until(lambda: service.dispatcher.open_slots == 2)
        yield service, backend
    finally:
        await service.close()


async def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 any condition
            await asyncio.sleep(0.02)


def pids_of(backend: SpreadBackend) -> list[int]:
    return [post.process.pid for post in backend.posts if post.process is not None and post.process.pid is not None]


def inside(pids: list[int]) -> set[int]:
    """What these processes have started, and what those have."""
    return {each.pid for pid in pids for each in tree(pid)} - set(pids)


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if state_of(pid) != "Z"}


def state_of(pid: int) -> str:
    """Of a process, one letter; that of a zombie where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def batch_of(problems: dict[str, Any], submissions: list[tuple[str, str]], **fields: Any) -> ScoreRequest:
    items = [{"problem": name, "code": code} for name, code in submissions]
    return ScoreRequest.model_validate({"problems": problems, "submissions": items} | fields)


async def scored(service: Service, request: ScoreRequest) -> list[dict[str, Any]]:
    batch = await service.scorer.begin(request)
    try:
        await batch.wait()
    finally:
        service.scorer.leave(batch)
    results: list[dict[str, Any]] = json.loads(batch.body())["results"]
    return results


MIXED: dict[str, Any] = {
    "printed": PRINTED,
    "checked": CHECKED,
    "called": {
        "entry_point": "f",
        "limits": {"cpu_s": 0.3},
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
RIGHT = "def f(x):\n    if x == 2:\n        raise ValueError('é\\udcff')\n    return x + 1\n"
SUBMISSIONS = [
    *(
        ("printed", code)
        for code in ("print('good')", "print('bad')", "1/0", "syntax error(", "import os; os.kill(os.getpid(), 9)")
    ),
    *(("checked", code) for code in ("print('good')", "print('bad')")),
    *(
        ("called", code)
        for code in (
            RIGHT,
            "def f(x): return x + 1",
            "def f(x): raise OSError('\\udcff')",
            "def f(x):\n    while 1: pass",
        )
    ),
    *(("asserted", code) for code in (RIGHT, "def f(x): return 2", "def g(x): return 2")),
    *(("tested", code) for code in (RIGHT, "def f(x): return 3")),
]


def lasting(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What does not depend on the moment."""
    for result in results:
        for each in (result, *result["tests"]):
            for name in ("cpu_s", "wall_s", "memory_bytes", "queue_s"):
                each.pop(name, None)
            each["message"] = re.sub("0x[0-9a-f]+", "0x", each["message"])
    return results


async def test_verdicts_are_those_of_a_server_that_judges_itself() -> None:
    request = batch_of(MIXED, SUBMISSIONS, detail="output")
    async with started() as (service, _):
        apart = lasting(await scored(service, request))
    settings = Settings(slots=2, spares=0, problems="", cache_entries=0)
    alone = Service.assemble(settings, EmbeddedBackend(settings))
    await alone.start()
    try:
        together = lasting(await scored(alone, request))
    finally:
        await alone.close()
    assert apart == together
    assert len({result["verdict"] for result in apart}) >= 5
    assert all(result["reward"] is not None for result in apart)


async def test_a_bug_in_a_process_is_no_reward() -> None:
    async with started() as (service, backend):
        slot = await backend.open_slot()
        problem = Problem.model_validate(PRINTED | {"id": "p", "prompt": ""})
        with pytest.raises(JudgingFailed, match="TypeError"):
            await slot.evaluate(b"p", problem, "print('\udcff')", stop=False)  # no program
        assert slot.spent
        await slot.close()
        results = await scored(service, batch_of({"p": PRINTED}, [("p", "print('good')")]))
        assert results[0]["reward"] == 1.0


async def test_a_process_killed_mid_batch_costs_no_answer() -> None:
    """Each item is answered once, right or without a reward; and there are two processes again."""
    async with started() as (service, backend):
        before = pids_of(backend)
        batch = await service.scorer.begin(
            batch_of({"p": PRINTED}, [("p", SLEEPY.format(number)) for number in range(60)])
        )
        await until(lambda: service.dispatcher.running == 2 and sum(batch.verdicts.values()) >= 5)
        os.kill(before[0], signal.SIGKILL)
        async with asyncio.timeout(30):
            await batch.wait()
        service.scorer.leave(batch)
        rewards = [result["reward"] for result in json.loads(batch.body())["results"]]
        assert rewards == [1.0] * 60  # what was lost got its second try
        assert service.dispatcher.lost.total() == 1
        await until(lambda: service.dispatcher.open_slots == 2)
        after = pids_of(backend)
        assert before[0] not in after
        assert before[1] in after
        assert [len(post.process.slots) for post in backend.posts if post.process] == [1, 1]
        again = await scored(service, batch_of({"p": PRINTED}, [("p", "print('good')"), ("p", "print('bad')")]))
        assert [result["reward"] for result in again] == [1.0, 0.0]


async def test_a_process_that_says_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PING_S", 0.05)
    async with started() as (service, backend):
        before = pids_of(backend)
        request = batch_of({"p": PRINTED}, [("p", SLEEPY.format(number)) for number in range(10)])
        os.kill(before[0], signal.SIGSTOP)
        async with asyncio.timeout(20):
            results = await scored(service, request)
        assert [result["reward"] for result in results] == [1.0] * 10
        await until(lambda: not alive({before[0]}))


async def test_dropped_work_ends_with_its_sandbox() -> None:
    async with started() as (service, backend):
        pids = pids_of(backend)
        before = inside(pids)
        batch = await service.scorer.begin(batch_of({"p": ENDLESS}, [("p", "while 1: pass")]))
        await until(lambda: service.dispatcher.running == 1)
        await asyncio.sleep(0.3)
        begun = inside(pids) - before
        assert begun
        service.scorer.leave(batch)
        await until(lambda: not alive(begun))
        await until(lambda: service.dispatcher.running == 0 and service.dispatcher.open_slots == 2)
        assert pids_of(backend) == pids
        assert service.dispatcher.slots_opened == 3


async def test_spent_slots_are_replaced_and_a_checker_goes_on_in_the_next() -> None:
    """What was seen of the submission travels: it is not run a second time."""
    async with started(slot_uses=1) as (service, _):
        results = await scored(service, batch_of({"p": CHECKED}, [("p", f"print('good')  # {n}") for n in range(3)]))
        assert [result["reward"] for result in results] == [1.0] * 3
        assert service.dispatcher.slots_opened >= 6
        assert service.dispatcher.lost.total() == 0


async def test_an_idle_sandbox_that_ended_is_replaced_without_being_asked() -> None:
    async with started() as (service, backend):
        for pid in inside(pids_of(backend)[:1]):
            with contextlib.suppress(ProcessLookupError):  # some end with others
                os.kill(pid, signal.SIGKILL)
        await until(lambda: service.dispatcher.slots_opened == 3 and service.dispatcher.open_slots == 2)
        assert service.dispatcher.lost.total() == 0


async def test_a_problem_is_sent_once_and_again_where_it_was_forgotten() -> None:
    problem = Problem.model_validate(PRINTED | {"id": "p", "prompt": ""})
    digest = await judging_digest(problem)
    async with started() as (_, backend):
        slot = await backend.open_slot()
        process = slot._process
        sent: list[bool] = []
        send = process.send

        def watch(*message: Any) -> None:
            if message[0] == "evaluate":
                sent.append(message[3] is not None)
            send(*message)

        process.send = watch  # type: ignore[method-assign]
        process.problems.put(digest, (None,), 1)  # as if it were there
        try:
            for code in ("print('good')", "print('bad')"):
                results = await slot.evaluate(digest, problem, code, stop=False)
                assert isinstance(results, tuple)
            assert sent == [False, True, False]
        finally:
            await slot.close()


async def test_problems_are_calibrated_there_too() -> None:
    tests = {"kind": "asserts", "source": "assert f(1) == 2\nif f(1) > 2:\n    assert f(1) == 3"}
    looks_at_text = "import inspect\nassert 'return' in inspect.getsource(f)"
    problems = {
        "leaps": {"tests": tests, "reference": "def f(x): return x + 1"},
        "clock": {
            "tests": {"kind": "asserts", "source": looks_at_text},
            "reference": "def f(): return 1",
        },
    }
    submissions = [("leaps", f"def f(x): return x + {number}") for number in (1, 0, 1.0, 7)] + [("clock", "f = None")]
    async with started() as (service, _):
        results = await scored(service, batch_of(problems, submissions))
    assert [(result["reward"], result["total"]) for result in results[:4]] == [(1.0, 1), (0.0, 1), (1.0, 1), (0.0, 1)]
    assert results[0]["calibration"]["unreached"] == ["line 3"]
    assert results[4]["reward"] is None
    assert results[4]["calibration"]["assurance"] == "shared"


async def test_what_a_problem_was_learned_to_need_is_sent_anew() -> None:
    source = "assert f(1) == 2\nassert f(2) == 3"
    problem = Problem.model_validate({"tests": {"kind": "asserts", "source": source}, "reference": "r"})
    async with started() as (_, backend):
        slot = await backend.open_slot()
        try:
            totals = []
            for calibration in (Calibration("values", unreached=(1,)), Calibration("values"), None):
                results = await slot.evaluate(
                    b"d", problem, "def f(x): return x + 1", calibration, stop=False, begun=None
                )
                assert isinstance(results, tuple)
                totals.append(len(results))
        finally:
            await slot.close()
    assert totals == [1, 2, 2]


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.05])
async def test_a_cancelled_opening_leaves_no_sandbox(after_s: float) -> None:
    async with started() as (_, backend):
        before = inside(pids_of(backend))
        opening = asyncio.create_task(backend.open_slot())
        await asyncio.sleep(after_s)
        opening.cancel()
        async with asyncio.timeout(10):
            (outcome,) = await asyncio.gather(opening, return_exceptions=True)
        if isinstance(outcome, remote.RemoteSlot):  # it was faster
            await outcome.close()
        await until(lambda: not alive(inside(pids_of(backend)) - before))
        assert [post.taken for post in backend.posts] == [1, 1]


async def test_a_process_that_cannot_start_says_so_and_is_tried_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MODULE", "no_such_module")
    settings = Settings(slots=2, processes=1, problems="")
    backend = spread(EmbeddedBackend(settings), settings)
    assert isinstance(backend, SpreadBackend)
    delays = []
    for _ in range(3):
        with pytest.raises(BackendUnavailable, match="ended before it began"):
            await backend.open_slot()
        delays.append(backend.posts[0]._delay_s)
    assert delays == [0.1, 0.2, 0.4]
    with pytest.raises(BackendUnavailable, match="ended before it began"):
        await Service.assemble(settings, backend).start()


async def test_each_slot_has_a_processor_of_its_own() -> None:
    """Seats are numbered across the processes."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("NOT TESTED: it takes two processors")
    async with started() as (service, _):
        job = program_job(RunRequest(code="import os, time\ntime.sleep(0.3)\nprint(os.sched_getaffinity(0))"))
        seen = await asyncio.gather(*(service.dispatcher.run(lambda slot: slot.run(job)) for _ in range(2)))
        assert len({each.tests[0].stdout for each in seen}) == 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    own = OwnServer("--slots", "2", "--processes", "2", log=tmp_path / "log")
    try:
        own.wait_ready()
        yield own
    finally:
        own.end()


def judging_processes(server: OwnServer) -> list[int]:
    return [each.pid for each in tree(server.pid) if each.depth == 1]


async def test_nothing_outlives_a_killed_server(server: OwnServer) -> None:
    await until(lambda: len(judging_processes(server)) == 2)
    everything = {each.pid for each in tree(server.pid)} - {server.pid}
    assert len(everything) >= 6
    server.end(signal.SIGKILL)
    await until(lambda: not alive(everything))


async def test_a_signal_to_all_processes_ends_nothing_that_runs(server: OwnServer, tmp_path: Path) -> None:
    """As by Ctrl-C, or by systemd: the server waits for what it has begun, and then all end."""
    everything = {each.pid for each in tree(server.pid)}
    body = {
        "problems": {"p": PRINTED},
        "submissions": [{"problem": "p", "code": "import time\ntime.sleep(1)\nprint('good')"}],
    }
    async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as client:
        asked = asyncio.create_task(client.post("/v1/score", json=body))
        await asyncio.sleep(0.5)
        for pid in (*judging_processes(server), server.pid):
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM) if pid != server.pid else None
        assert (await asked).json()["results"][0]["reward"] == 1.0
    assert "run_lost" not in (tmp_path / "log").read_text(), "it was run again by another one"
    await until(lambda: not alive(everything))


async def test_the_whole_server_answers_as_ever(server: OwnServer) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as client:
        ran = (await client.post("/v1/run", json={"code": "print(input())", "stdin": "hello"})).json()
        assert (ran["stdout"], ran["exit_code"]) == ("hello\n", 0)
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["backend"]) == (200, "embedded")
        refused = await client.post("/v1/run", json={"code": "import time\nwhile 1: pass", "limits": {"cpu_s": 0.3}})
        assert refused.json()["ending"] == "cpu"


@pytest.mark.docker
async def test_containers_are_held_by_the_processes_and_end_with_them() -> None:
    client = docker_here()
    async with started(DockerBackend, backend="docker", image=IMAGE, transport=TRANSPORT) as (service, backend):
        pids = pids_of(backend)

        def containers(pid: int) -> list[str]:
            found = client.containers(filters={"label": "passrate.owner"})
            return [each["Id"] for each in found if each["Labels"]["passrate.owner"].split()[-2] == str(pid)]

        assert [len(containers(pid)) for pid in pids] == [1, 1]
        request = batch_of({"p": PRINTED}, [("p", SLEEPY.format(number)) for number in range(40)])
        batch = await service.scorer.begin(request)
        await until(lambda: sum(batch.verdicts.values()) >= 4)
        os.kill(pids[0], signal.SIGKILL)
        async with asyncio.timeout(40):
            await batch.wait()
        assert dict(batch.verdicts) == {"passed": 40}
        service.scorer.leave(batch)
        await until(lambda: not containers(pids[0]))
        await until(lambda: service.dispatcher.open_slots == 2)
        now = pids_of(backend)
        assert [len(containers(pid)) for pid in now] == [1, 1]
    assert [containers(pid) for pid in now] == [[], []]
    client.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root gives out user ids")
async def test_each_process_takes_its_share_of_the_user_ids() -> None:
    job = program_job(RunRequest(code="import os\nprint(os.getuid())"))
    async with started() as (_, backend):
        for part, post in enumerate(backend.posts):
            slots = [await post.open_slot() for _ in range(3)]
            seen = [(await slot.run(job)).tests[0].stdout for slot in slots]
            assert {(int(uid) - UIDS_FROM) // UIDS_PER_SLOT % 2 for uid in seen} == {part}
            for slot in slots:
                await slot.close()


def test_no_two_processes_give_out_the_same_user_ids() -> None:
    settings = Settings()
    shares = []
    for part in range(3):
        configs = RunnerConfigs(settings, "uid")
        configs.share(part, 3)
        shares.append({configs.next()["uid_base"] for _ in range(30_000)})
    assert not shares[0] & shares[1] | shares[0] & shares[2] | shares[1] & shares[2]
    assert {len(share) for share in shares} == {21845}


@pytest.mark.parametrize(
    ("slots", "asked", "count"),
    [
        (1, None, 0),
        (16, None, 0),
        (17, None, 2),
        (64, None, 4),
        (64, 0, 0),
        (4, 2, 2),
        (2, 9, 2),
    ],
)
def test_few_slots_need_no_process_of_their_own(slots: int, asked: int | None, count: int) -> None:
    assert processes_for(Settings(slots=slots, processes=asked)) == count
