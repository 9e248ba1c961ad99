from __future__ import annotations

import asyncio
import gc
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from reward_server import evaluating, turns
from reward_server.backends.fake import FakeBackend, code_of
from reward_server.cache import JudgementCache
from reward_server.errors import Overloaded, SandboxLost, TooLarge, UnknownProblem
from reward_server.jobs import Observation, Observations
from reward_server.judging import judge, plan
from reward_server.models import ScoreRequest
from reward_server.service import Service
from reward_server.settings import Settings
from reward_server.verdicts import TestResult
from tasks.assurance import ASSURANCES, is_weaker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reward_server.jobs import Job
    from tasks.assurance import Assurance

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

PROBLEM: dict[str, Any] = {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}}
TWO_CASES: dict[str, Any] = {
    "tests": {"kind": "stdio", "cases": [{"stdout": "good", "weight": 3}, {"stdin": "2", "stdout": "better"}]}
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def started(backend: FakeBackend, **changes: Any) -> AsyncIterator[Service]:
    service = Service.assemble(Settings(**({"slots": 2, "drain_s": 1, "problems": ""} | changes)), backend)
    await service.start()
    try:
        yield service
    finally:
        await service.close()


def batch_of(*submissions: dict[str, Any] | str, problem: dict[str, Any] = PROBLEM, **fields: Any) -> ScoreRequest:
    items = [{"problem": "p"} | ({"code": each} if isinstance(each, str) else each) for each in submissions]
    return ScoreRequest.model_validate({"problems": {"p": problem}, "submissions": items} | fields)


async def scored(service: Service, request: ScoreRequest) -> list[dict[str, Any]]:
    batch = await service.scorer.begin(request)
    await batch.wait()
    service.scorer.leave(batch)
    results: list[dict[str, Any]] = json.loads(batch.body())["results"]
    return results


async def test_results_come_in_the_order_of_the_submissions() -> None:
    async def script(job: Job) -> Observations:
        code = code_of(job)
        await asyncio.sleep(0.02 if code == "slow" else 0)
        return Observations((Observation("exited", stdout=b"good" if code in ("slow", "good") else b"bad"),))

    async with started(FakeBackend(script)) as service:
        results = await scored(service, batch_of("slow", "bad", "good"))
    assert [result["reward"] for result in results] == [1.0, 0.0, 1.0]
    assert [result["verdict"] for result in results] == ["passed", "wrong_answer", "passed"]


async def test_identical_submissions_run_once() -> None:
    backend = FakeBackend()
    async with started(backend) as service:
        results = await scored(service, batch_of("good", {"completion": "```python\ngood\n```"}, *["good\n"] * 5))
    assert len(backend.jobs) == 2
    assert {result["reward"] for result in results} == {1.0}


async def test_two_batches_share_what_is_in_flight() -> None:
    backend = FakeBackend(delay_s=0.01)
    async with started(backend) as service:
        first, second = await asyncio.gather(scored(service, batch_of("good")), scored(service, batch_of("good")))
    assert len(backend.jobs) == 1
    assert first[0]["reward"] == second[0]["reward"] == 1.0


async def test_a_finished_judgement_is_kept() -> None:
    backend = FakeBackend()
    async with started(backend) as service:
        assert (await scored(service, batch_of("good")))[0]["cached"] is False
        assert (await scored(service, batch_of("good")))[0]["cached"] is True
        assert (await scored(service, batch_of("good", stop_on_failure=True)))[0]["cached"] is False
        assert (await scored(service, batch_of("good", problem=TWO_CASES)))[0]["cached"] is False
    assert len(backend.jobs) == 3


async def test_nothing_is_kept_where_the_cache_is_off() -> None:
    backend = FakeBackend()
    async with started(backend, cache_entries=0) as service:
        for _ in range(2):
            assert (await scored(service, batch_of("good")))[0]["cached"] is False


async def test_a_lost_sandbox_is_no_reward_and_never_kept() -> None:
    backend = FakeBackend()
    async with started(backend) as service:
        for _ in range(2):
            lost, good = await scored(service, batch_of("lost", "good"))
            assert lost["reward"] is None
            assert lost["pass_rate"] is None
            assert lost["verdict"] == "sandbox_error"
            assert lost["error"] == "scripted"
            assert lost["cached"] is False
            assert good["reward"] == 1.0
    assert len([job for job in backend.jobs if code_of(job) == "lost"]) == 6


async def test_a_test_that_met_our_failure_is_tried_again() -> None:
    tries = 0

    async def script(job: Job) -> Observations:
        nonlocal tries
        tries += 1
        if tries == 1:
            return Observations((Observation("lost", message="out of memory on the host"),))
        return Observations((Observation("exited", stdout=b"good"),))

    async with started(FakeBackend(script)) as service:
        assert (await scored(service, batch_of("good")))[0]["reward"] == 1.0
    assert tries == 2


async def test_a_test_that_fails_us_twice_is_reported_and_not_kept() -> None:
    """The next batch tries again."""

    async def script(job: Job) -> Observations:
        return Observations((Observation("exited", stdout=b"good"), Observation("lost", message="gone")))

    async with started(FakeBackend(script)) as service:
        await scored(service, batch_of("good", problem=TWO_CASES))
        result = (await scored(service, batch_of("good", problem=TWO_CASES)))[0]
    assert result["cached"] is False
    assert result["reward"] is None
    assert result["error"]
    assert result["tests"][1]["verdict"] == "sandbox_error"
    assert result["tests"][1]["message"] == "gone"


@pytest.mark.parametrize("scheme", ["pass_rate", "all_passed", "weighted"])
async def test_a_submission_that_disturbs_the_judge_gets_a_0_with_the_cause(scheme: str) -> None:
    """As often as it comes: two sandboxes of one machine are no proof for ever. Red where it stays an absent reward."""
    backend = FakeBackend(lambda _: seen_of("judge"))
    async with started(backend) as service:
        for _ in range(2):
            (result,) = await scored(service, batch_of("good", problem=TWO_CASES, reward=scheme))
            assert (result["reward"], result["pass_rate"], result["error"]) == (0.0, 0.0, None)
            assert (result["verdict"], result["cached"]) == ("judge_disturbed", False)
            assert [test["verdict"] for test in result["tests"]] == ["judge_disturbed"] * 2
            assert result["message"].endswith("a fresh one as well: it ended")


@pytest.mark.parametrize("cause", ["", "node[1]", "oom"])
async def test_a_failure_without_a_known_cause_stays_without_a_reward(cause: str) -> None:
    """Red where whatever a sandbox says is a cause."""
    async with started(FakeBackend(lambda _: seen_of(cause))) as service:
        (result,) = await scored(service, batch_of("good"))
    assert (result["reward"], result["verdict"]) == (None, "sandbox_error")


async def seen_of(cause: str) -> Observations:
    return Observations((Observation("exited", stdout=b"good"), Observation("lost", message="it ended", name=cause)))


async def test_each_scheme_pays_its_share() -> None:
    async with started(FakeBackend()) as service:
        for scheme, reward in (("pass_rate", 0.5), ("all_passed", 0.0), ("weighted", 0.75)):
            result = (await scored(service, batch_of("good", problem=TWO_CASES, reward=scheme)))[0]
            assert (result["reward"], result["pass_rate"], result["passed"], result["total"]) == (reward, 0.5, 1, 2)


async def test_the_detail_says_how_much_is_told() -> None:
    async with started(FakeBackend()) as service:
        assert (await scored(service, batch_of("good", detail="none")))[0]["tests"] == []
        assert (await scored(service, batch_of("good", detail="tests")))[0]["tests"][0]["stdout"] == ""
        assert (await scored(service, batch_of("good", detail="output")))[0]["tests"][0]["stdout"] == "good"


@pytest.mark.parametrize("completion", ["no fence", "<think>```python\ngood\n```", "x" * 101, "é" * 60, ""])
async def test_a_completion_without_code_is_a_verdict(completion: str) -> None:
    backend = FakeBackend()
    async with started(backend, max_completion_bytes=100) as service:
        result = (await scored(service, batch_of({"completion": completion}, problem=TWO_CASES)))[0]
    assert (result["verdict"], result["reward"], result["passed"], result["total"]) == ("no_code", 0.0, 0, 2)
    assert result["message"]
    assert backend.jobs == []


async def test_a_message_says_what_was_taken_of_a_completion() -> None:
    """Each place of the batch has its own note, though the program and its results are the same."""
    completions = ["```python\ngood\n```", "```python\nbad\n```\n```python\ngood\n```"]
    draft = "```python\ngood\n```\n```python\nbad\n```"
    async with started(FakeBackend()) as service:
        for _ in ("judged", "cached"):
            batch = batch_of(*({"completion": each} for each in [*completions, draft]))
            first, second, third = await scored(service, batch)
            assert (first["reward"], first["message"]) == (1.0, "")
            assert (second["reward"], second["message"]) == (1.0, "of 2 code blocks, number 2 was judged")
            assert third["message"].endswith(" was expected (of 2 code blocks, number 2 was judged)")


async def test_a_completion_without_a_fence_is_code_where_the_request_says_so() -> None:
    async def script(_: Job) -> Observations:
        return Observations((Observation("exited", stdout=b"good"),))

    async with started(FakeBackend(script)) as service:
        unfenced = [
            (await scored(service, batch_of({"completion": "x = 1"}, unfenced=each)))[0] for each in ("no_code", "code")
        ]
    assert [(each["verdict"], each["reward"]) for each in unfenced] == [("no_code", 0.0), ("passed", 1.0)]


async def test_a_code_that_is_too_long_does_not_compile() -> None:
    async with started(FakeBackend(), max_completion_bytes=100) as service:
        result = (await scored(service, batch_of("x" * 101)))[0]
    assert (result["verdict"], result["reward"]) == ("compile_error", 0.0)
    assert "100 bytes" in result["message"]


async def test_too_many_items_are_told_to_split() -> None:
    async with started(FakeBackend(), max_batch_items=2) as service:
        with pytest.raises(TooLarge, match="split"):
            await scored(service, batch_of("a", "b", "c"))


async def test_an_unknown_problem_names_the_item() -> None:
    async with started(FakeBackend()) as service:
        with pytest.raises(UnknownProblem, match=r"submissions\[1\]\.problem: no problem 'q'"):
            await scored(service, batch_of("a", {"problem": "q", "code": "b"}))


async def test_a_refused_batch_leaves_nothing_behind() -> None:
    backend = FakeBackend(delay_s=0.01)
    async with started(backend, slots=1, max_queued=4, max_batch_items=4) as service:
        first = asyncio.create_task(scored(service, batch_of("a", "b", "c", "d")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await scored(service, batch_of("e", "f", "g", "h"))
        await first
        assert (await scored(service, batch_of("e")))[0]["verdict"] == "wrong_answer"
    assert len(backend.jobs) == 5


async def test_others_have_the_event_loop_while_a_batch_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red where evaluations are made in one go: 8,000 took it for 60 ms."""
    monkeypatch.setattr(turns, "TURN_S", 0)
    rounds = 0

    async def others() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async with started(FakeBackend()) as service:
        asking = asyncio.create_task(others())
        batch = await service.scorer.begin(batch_of(*map(str, range(50))))
        asking.cancel()
        service.scorer.leave(batch)
    assert rounds > 2 * 50, "once while it is read, once while evaluations are made"


async def test_what_two_batches_have_in_common_runs_once_though_they_are_taken_in_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Red where what was made beforehand is queued without another look: each ran twice."""
    monkeypatch.setattr(turns, "TURN_S", 0)
    backend = FakeBackend()
    async with started(backend, max_queued=8, max_batch_items=8) as service:
        alike = [scored(service, batch_of("good", *"abcd")) for _ in range(2)]
        one, other = await asyncio.gather(*alike)
        assert len(backend.jobs) == service.scorer.joined == 5
        assert [each["reward"] for each in one] == [each["reward"] for each in other] == [1.0, 0, 0, 0, 0]
        apart = [scored(service, batch_of(*texts)) for texts in ("ABCDE", "FGHIJ")]
        ended = await asyncio.gather(*apart, return_exceptions=True)
        assert [isinstance(each, Overloaded) for each in ended] == [False, True]
        assert service.dispatcher.queued == 0
    assert len(backend.jobs) == 10


async def test_what_was_given_up_while_another_batch_is_taken_in_runs_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red where only what was unknown at first is made: the second batch failed."""
    monkeypatch.setattr(turns, "TURN_S", 0)
    async with started(FakeBackend(delay_s=0.01), slots=1) as service:
        for rounds in range(36):  # in some of them its evaluations are being made
            leaving = await service.scorer.begin(batch_of(f"first {rounds}", f"both {rounds}"))
            staying = asyncio.create_task(
                scored(service, batch_of(f"both {rounds}", *(f"{rounds} {n}" for n in range(10))))
            )
            for _ in range(rounds):
                await asyncio.sleep(0)
            service.scorer.leave(leaving)
            assert (await staying)[0]["verdict"] == "wrong_answer"


async def test_who_leaves_drops_only_what_nobody_else_waits_for() -> None:
    backend = FakeBackend(delay_s=0.05)
    async with started(backend, slots=1) as service:
        leaving = await service.scorer.begin(batch_of("good", "alone"))
        staying = asyncio.create_task(scored(service, batch_of("good")))
        await asyncio.sleep(0.01)
        service.scorer.leave(leaving)
        assert (await staying)[0]["reward"] == 1.0
        assert service.dispatcher.queued == 0
    assert [code_of(job) for job in backend.jobs] == ["good"]


async def test_a_deadline_answers_the_rest_without_a_reward() -> None:
    second_began = asyncio.Event()

    async def script(job: Job) -> Observations:
        if code_of(job) != "good":
            second_began.set()
            await asyncio.Event().wait()
        return Observations((Observation("exited", stdout=b"good"),))

    async with started(FakeBackend(script), slots=1) as service:
        batch = await service.scorer.begin(batch_of("good", "bad", "no", "no"))
        await second_began.wait()
        service.scorer.expire(batch, "too late")
        await batch.wait()
    results = json.loads(batch.body())["results"]
    assert [result["reward"] for result in results] == [1.0, None, None, None]
    assert results[1]["error"] == "too late"


async def test_lines_come_as_items_finish() -> None:
    async def script(job: Job) -> Observations:
        await asyncio.sleep(0.02 if code_of(job) == "slow" else 0)
        return Observations((Observation("exited", stdout=b"good"),))

    async with started(FakeBackend(script)) as service:
        batch = await service.scorer.begin(batch_of("slow", "quick"))
        lines = [json.loads(line) async for lines in batch.lines() for line in lines.splitlines()]
    assert [line["index"] for line in lines] == [1, 0]
    assert [line["reward"] for line in lines] == [1.0, 1.0]


@pytest.mark.parametrize("soiled", [False, True])
async def test_a_checker_runs_even_after_a_submission_that_soils_its_slot(
    monkeypatch: pytest.MonkeyPatch, soiled: bool
) -> None:
    """Otherwise such a submission would go without a verdict, which is better than a 0."""
    backend = FakeBackend(spent_after_each=soiled)
    checking = plan(batch_of("", problem=PROBLEM).problems["p"], "checker", stop=False)
    monkeypatch.setattr(evaluating, "follow_up", lambda _, seen, *checked: None if checked else checking)
    monkeypatch.setattr(
        evaluating, "judge", lambda problem, seen, checked=None: [TestResult("passed" if checked else "skipped")]
    )
    async with started(backend) as service:
        assert (await scored(service, batch_of("good")))[0]["reward"] == 1.0
    assert [code_of(job) for job in backend.jobs] == ["good", "checker"]


async def test_a_bug_in_judging_is_no_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(problem: Any, seen: Observations, followed: Any = None) -> list[TestResult]:
        if seen.failed_load is None:
            raise RecursionError
        return judge(problem, seen, followed)

    monkeypatch.setattr(evaluating, "judge", broken)
    async with started(FakeBackend()) as service:
        assert (await scored(service, batch_of("good")))[0]["reward"] is None


async def test_time_in_the_queue_is_told_apart() -> None:
    async with started(FakeBackend(delay_s=0.03), slots=1) as service:
        results = await scored(service, batch_of("a", "b"))
    assert results[0]["queue_s"] < 0.025 < results[1]["queue_s"]


def test_the_cache_is_bounded_by_entries_and_bytes() -> None:
    cache = JudgementCache(2, 10_000)
    for name in (b"a", b"b", b"c"):
        cache.put(name, (TestResult("passed"),))
    assert cache.get(b"a") is None
    assert cache.get(b"b") is not None
    cache.put(b"d", (TestResult("passed", stdout="x" * 9_500),))
    assert cache.get(b"c") is None
    assert cache.get(b"d") is not None
    cache.put(b"e", (TestResult("passed", stdout="x" * 20_000),))
    assert cache.get(b"e") is None


async def test_a_slot_lost_between_the_two_runs_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(job: Job) -> Observations:
        if code_of(job) == "checker":
            raise SandboxLost("gone")
        return Observations((Observation("exited", stdout=b"good"),))

    checking = plan(batch_of("").problems["p"], "checker", stop=False)
    monkeypatch.setattr(evaluating, "follow_up", lambda _, seen, *checked: None if checked else checking)
    async with started(FakeBackend(script)) as service:
        assert (await scored(service, batch_of("good")))[0]["reward"] is None


ASSERTS: dict[str, Any] = {"tests": {"kind": "asserts", "source": "assert Stack().pop() == 1"}}
SHARED: dict[str, Any] = {"tests": ASSERTS["tests"] | {"isolation": "shared"}}
CALL: dict[str, Any] = {"entry_point": "f", "tests": {"kind": "call", "cases": [{"expected": 1}]}}
OF_ASSURANCE = {"values": CALL, "objects": ASSERTS, "shared": SHARED}


async def passes(_: Job) -> Observations:
    return Observations((Observation("returned", passed=True, value=b"=1", checks=2),))


@pytest.mark.parametrize("assurance", ASSURANCES)
async def test_every_result_says_what_it_rests_on(assurance: Assurance) -> None:
    """Judged, from the cache, from the file, never run, and expired."""
    problem, unrun = OF_ASSURANCE[assurance], {"completion": "no code"}
    async with started(FakeBackend(passes)) as service:
        results = await scored(service, batch_of("f", unrun, problem=problem))
        results += await scored(service, batch_of("f", problem=problem))
    async with started(FakeBackend(passes, delay_s=60)) as service:
        batch = await service.scorer.begin(batch_of("f", problem=problem))
        service.scorer.expire(batch, "too late")
        results += json.loads(batch.body())["results"]
    assert [result["verdict"] for result in results] == ["passed", "no_code", "passed", "sandbox_error"]
    assert [result["cached"] for result in results] == [False, False, True, False]
    assert [result["assurance"] for result in results] == [assurance] * 4
    assert batch.assurances == {assurance: 1}


@pytest.mark.parametrize("least", ASSURANCES)
@pytest.mark.parametrize("assurance", ASSURANCES)
async def test_what_rests_on_less_than_a_request_asks_for_has_no_reward(assurance: Assurance, least: Assurance) -> None:
    """Nor a 0: nothing is known of the submission, which is not even run. Not from the cache either."""
    backend = FakeBackend(passes)
    problem = OF_ASSURANCE[assurance]
    async with started(backend) as service:
        await scored(service, batch_of("f", problem=problem))
        known, fresh = await scored(service, batch_of("f", "g", problem=problem, min_assurance=least))
    if is_weaker(assurance, least):
        assert [known["reward"], fresh["reward"]] == [None, None]
        assert {known["verdict"], fresh["verdict"]} == {"sandbox_error"}
        assert "min_assurance" in known["error"]
        assert [known["assurance"], fresh["assurance"]] == [assurance] * 2
        assert len(backend.jobs) == 1
    else:
        assert [known["reward"], fresh["reward"]] == [1.0, 1.0]


async def test_a_least_assurance_refuses_only_its_own_submissions_of_a_batch() -> None:
    async with started(FakeBackend(passes)) as service:
        items = [{"problem": name, "code": "f"} for name in OF_ASSURANCE]
        fields = {"problems": OF_ASSURANCE, "submissions": items}
        for least, rewards in (("values", [1.0, None, None]), ("objects", [1.0, 1.0, None]), ("shared", [1.0] * 3)):
            request = ScoreRequest.model_validate(fields | {"min_assurance": least})
            assert [result["reward"] for result in await scored(service, request)] == rewards


@pytest.mark.parametrize(("assurance", "checks"), [("values", 1), ("objects", 2), ("shared", 2)])
async def test_a_result_says_how_many_checks_each_test_made(assurance: Assurance, checks: int) -> None:
    problem, unrun = OF_ASSURANCE[assurance], {"completion": "no code"}
    async with started(FakeBackend(passes)) as service:
        passed, missing = await scored(service, batch_of("f", unrun, problem=problem))
        (cached,) = await scored(service, batch_of("f", problem=problem))
    assert [test["checks"] for test in passed["tests"] + missing["tests"] + cached["tests"]] == [checks, 0, checks]


async def test_the_longest_runs_of_a_batch_begin_first() -> None:
    """Else its end waits for one of them beside idle slots. What nobody has tried may be the longest of all.

    Red without the order: in that of the request.
    """
    order: list[str] = []

    async def answer(job: Job) -> Observations:
        order.append(code_of(job))
        await asyncio.sleep(0.2 if "slow" in order[-1] else 0)
        return Observations((Observation("exited", stdout=b"good"),))

    problems = {
        name: {"tests": {"kind": "stdio", "cases": [{"stdout": "good", "stdin": name}]}} for name in ("q", "s", "n")
    }

    def request(*submissions: tuple[str, str]) -> ScoreRequest:
        items = [{"problem": problem, "code": code} for problem, code in submissions]
        return ScoreRequest.model_validate({"problems": problems, "submissions": items})

    async with started(FakeBackend(answer), slots=1) as service:
        await scored(service, request(("q", "quick 1"), ("s", "slow 1")))
        order.clear()
        results = await scored(service, request(("q", "quick 2"), ("s", "slow 2"), ("n", "new 2"), ("q", "quick 3")))
    assert order == ["new 2", "slow 2", "quick 2", "quick 3"]
    assert [each["reward"] for each in results] == [1.0] * 4


async def test_a_bug_in_telling_a_result_costs_that_result_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red without the second answer: the batch waited for its deadline."""

    def broken(code: str, results: Any) -> list[Any]:
        if code == "bad":
            raise RecursionError
        return []

    monkeypatch.setattr("reward_server.batch.suspicions", broken)
    async with started(FakeBackend()) as service:
        results = await scored(service, batch_of("good", "bad"))
    assert [each["reward"] for each in results] == [1.0, None]
    assert results[1]["error"] == "the server failed: RecursionError"


async def test_submissions_to_problems_known_to_be_brief_share_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets its own result. What a checker must still look at runs alone: it asks for a second job."""
    monkeypatch.setattr("reward_server.dispatch.TOGETHER_S", 60)

    async def script(job: Job) -> Observations:
        good = job.kind == "call" or int(code_of(job)) % 3
        return Observations(tuple(Observation("exited", stdout=b"good" if good else b"bad") for _ in job.cases))

    codes = [str(number) for number in range(60)]
    expected = [float(number % 3 != 0) for number in range(60)]
    backend = FakeBackend(script, together=8)
    async with started(backend, slots=1, cache_entries=0) as service:
        for _ in range(2):
            assert [each["reward"] for each in await scored(service, batch_of(*codes))] == expected
        assert (max(backend.messages), len(backend.jobs)) == (8, 120)
        checked = {
            "tests": {"kind": "stdio", "cases": [{"stdout": ""}], "compare": {"checker": "def check(*_): return True"}}
        }
        before = len(backend.messages)
        for _ in range(2):
            await scored(service, batch_of(*codes, problem=checked))
        assert len(backend.messages) == before


async def test_nothing_of_a_batch_is_left_to_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red where an evaluation and its ticket hold each other: to find them was a sixth of the server's work.

    Also red where they do so before they are queued: what was refused then stayed for minutes, 200 MB of it.
    """
    monkeypatch.setattr(turns, "TURN_S", 0)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        async with started(FakeBackend(), max_queued=8, max_batch_items=8) as service:
            apart = [scored(service, batch_of(*texts)) for texts in ("ABCDE", "FGHIJ")]
            ended = await asyncio.gather(*apart, return_exceptions=True)
            assert [isinstance(each, Overloaded) for each in ended] == [False, True]
            del apart, ended
            dropped = await service.scorer.begin(batch_of("other"))
            service.scorer.leave(dropped)
            await scored(service, batch_of("good", "bad"))
            await scored(service, batch_of("last"))
        gc.collect()
        assert not {"Evaluation", "Ticket", "Batch"} & {type(each).__name__ for each in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
