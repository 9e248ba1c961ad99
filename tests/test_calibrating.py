"""Calibration by the reference: once for a problem, whoever waits for it, and what it changes for submissions."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends.fake import FakeBackend, code_of
from reward_server.calibrating import Calibrations
from reward_server.errors import SandboxLost
from reward_server.identity import judging_digest
from reward_server.jobs import Observation, Observations
from reward_server.judging.calibration import Calibration
from tasks.schema import Problem
from tests.test_scoring import batch_of, scored, started

if TYPE_CHECKING:
    from pathlib import Path

    from reward_server.jobs import Job

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

PASSED = Observation("returned", passed=True, cpu_s=0.25)
FAILED = Observation("returned", message="1 is not 2")
UNREACHED = Observation("unreached")
LOST = Observation("lost", message="the judge failed: a Lock cannot cross")
SITES = [["f", 1, "int"], ["bag", 2, "Bag"]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def told(job: Job) -> dict[str, Any]:
    """What the judge is told about the wall."""
    payload = json.loads(job.judge)
    return {name: payload[name] for name in ("assurance", "learn", "sites")}


def assurance_in(job: Job) -> str:
    return "shared" if job.shared else str(told(job)["assurance"])


async def as_the_code_says(job: Job) -> Observations:
    """Stands in for a sandbox: the code names the assurances with which it passes, or what becomes of it."""
    code = code_of(job)
    if "soon lost" in code:
        raise SandboxLost("scripted")
    if "cannot cross" in code and not job.shared:
        return Observations((LOST,))
    fit = assurance_in(job) in code
    row = PASSED if fit else FAILED
    rows = (row, UNREACHED, row) if "leaps" in code else (row,) * job.tests
    learned = json.dumps(SITES) if job.judge and told(job)["learn"] else None
    return Observations(rows, learned=learned)


def asserts(reference: str | None, source: str = "assert f() == 1", **fields: Any) -> dict[str, Any]:
    return {"tests": {"kind": "asserts", "source": source}, "reference": reference, **fields}


THREE = "assert f() == 1\nif f() > 5:\n    assert f() == 6\nassert f() < 5"


async def judged(
    reference: str, *codes: str, source: str = "assert f() == 1", **changes: Any
) -> tuple[list[dict[str, Any]], FakeBackend]:
    backend = FakeBackend(as_the_code_says)
    async with started(backend, **changes) as service:
        return await scored(service, batch_of(*codes, problem=asserts(reference, source))), backend


@pytest.mark.parametrize(
    ("reference", "attempts", "assurance"),
    [
        ("values", ["values"], "values"),
        ("objects", ["values", "objects"], "objects"),
        ("objects shared", ["values", "objects"], "objects"),
        ("no", ["values", "objects", "shared"], "values"),
    ],
)
async def test_the_strongest_assurance_with_which_the_reference_passes_is_that_of_the_problem(
    reference: str, attempts: list[str], assurance: str
) -> None:
    results, backend = await judged(reference, "values objects", "nothing")
    reference_jobs = [job for job in backend.jobs if code_of(job) == reference]
    assert [assurance_in(job) for job in reference_jobs] == attempts
    assert all(job.stop for job in reference_jobs)
    assert [told(job)["learn"] for job in reference_jobs if not job.shared] == [False, True][: len(attempts)]
    assert [result["reward"] for result in results] == [1.0, 0.0]
    assert {result["calibration"]["assurance"] for result in results} == {assurance}
    sites = SITES if reference.startswith("objects") else None
    assert all(told(job) == {"assurance": assurance, "learn": False, "sites": sites} for job in backend.jobs[-2:])


async def test_a_reference_that_fails_is_named_and_the_problem_is_judged_as_without_one() -> None:
    results, _ = await judged("no", "values")
    assert results[0]["reward"] == 1.0
    assert "the reference does not pass every test (wrong_answer 1 is not 2)" in results[0]["calibration"]["fault"]


async def test_a_reference_that_fails_is_named_where_no_detail_is_asked_for() -> None:
    """A training asks for none, and must hear of it."""
    async with started(FakeBackend(as_the_code_says)) as service:
        for reference, is_named in (("no", True), ("values", False)):
            request = batch_of("values", problem=asserts(reference), detail="none")
            (result,) = await scored(service, request)
            assert (result["calibration"] is not None) == is_named


async def test_a_problem_that_only_works_in_one_process_is_not_judged_and_names_the_fix() -> None:
    backend = FakeBackend(as_the_code_says)
    async with started(backend) as service:
        for detail in ("tests", "none"):  # found out by the first batch, known to the second
            request = batch_of("values objects shared", problem=asserts("shared"), detail=detail)
            (result,) = await scored(service, request)
            assert (result["reward"], result["verdict"]) == (None, "sandbox_error")
            assert '`"isolation": "shared"`' in result["error"]
            assert (result["calibration"] is None) == (detail == "none")
    assert {code_of(job) for job in backend.jobs} == {"shared"}


async def test_asserts_that_the_reference_does_not_reach_do_not_count() -> None:
    results, _ = await judged("leaps values", "leaps values", "leaps", "values", source=THREE)
    assert [(result["reward"], result["total"]) for result in results] == [(1.0, 2), (0.0, 2), (1.0, 2)]
    assert results[0]["calibration"] == {"assurance": "values", "unreached": ["line 3"], "cpu_s": 0.5, "fault": ""}


@pytest.mark.parametrize("reference", [None, "leaps no"])
async def test_all_asserts_count_where_no_reference_says_otherwise(reference: str | None) -> None:
    backend = FakeBackend(as_the_code_says)
    async with started(backend) as service:
        results = await scored(service, batch_of("leaps values", problem=asserts(reference, THREE)))
    assert (results[0]["passed"], results[0]["total"]) == (2, 3)


async def test_weights_of_asserts_that_do_not_count_go_with_them() -> None:
    problem = asserts("leaps values", THREE)
    problem["tests"]["weights"] = [1, 98, 3]
    backend = FakeBackend(as_the_code_says)
    async with started(backend) as service:
        results = await scored(service, batch_of("leaps values", problem=problem, reward="weighted"))
    assert [test["weight"] for test in results[0]["tests"]] == [1, 3]


@pytest.mark.parametrize(
    "problem",
    [
        {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}, "reference": "r", "limits": {"cpu_factor": None}},
        {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}},
        {"tests": {"kind": "asserts", "source": "assert f()", "isolation": "shared"}, "reference": "r"},
        asserts(None),
    ],
)
async def test_other_problems_are_not_calibrated(problem: dict[str, Any]) -> None:
    backend = FakeBackend(as_the_code_says)
    async with started(backend) as service:
        results = await scored(service, batch_of("code", problem=problem))
    assert [code_of(job) for job in backend.jobs] == ["code"]
    assert results[0]["calibration"] is None


TIMED: dict[str, dict[str, Any]] = {
    "stdio": {"tests": {"kind": "stdio", "cases": [{"stdout": "1"}, {"stdout": "1"}]}},
    "call": {"tests": {"kind": "call", "cases": [{"expected": 1}, {"expected": 1}]}, "entry_point": "f"},
}


async def as_long_as_right_takes(job: Job) -> Observations:
    """Stands in for a sandbox: the code says what becomes of it."""
    code = code_of(job)
    if "gone" in code:
        raise SandboxLost("scripted")
    if "lost" in code:
        return Observations((LOST,))
    right = "wrong" not in code
    if job.kind == "program":
        rows = tuple(Observation("exited", stdout=b"1" if right else b"2", cpu_s=0.1) for _ in job.cases)
    else:
        rows = tuple(Observation("returned", value=b"=1" if right else b"=2") for _ in job.cases)
    return Observations(rows, cpu_s=0.2)


@pytest.mark.parametrize("kind", TIMED)
async def test_problems_without_test_code_are_timed(kind: str, tmp_path: Path) -> None:
    """Once, also for the next server; each case of `stdio` for itself."""
    limits = (2.0, 2.0) if kind == "stdio" else (4.0,)
    for turn, codes in enumerate((["r", "1", "2"], ["3"])):
        backend = FakeBackend(as_long_as_right_takes)
        async with started(backend, slots=1, cache_file=tmp_path / "cache") as service:
            results = await scored(service, batch_of(*codes[1 - turn :], problem=TIMED[kind] | {"reference": "r"}))
        assert [code_of(job) for job in backend.jobs] == codes
        assert [job.cpu_s for job in backend.jobs] == [()] * (1 - turn) + [limits] * len(codes[1 - turn :])
        assert {result["reward"] for result in results} == {1.0}
        told = {"assurance": "values", "unreached": [], "cpu_s": 0.2, "fault": ""}
        assert all(result["calibration"] == told for result in results)


@pytest.mark.parametrize(("reference", "runs"), [("wrong", 1), ("lost", 2), ("gone", 2)])
@pytest.mark.parametrize("kind", TIMED)
async def test_a_reference_that_cannot_be_timed_is_done_without(kind: str, reference: str, runs: int) -> None:
    """A loss of ours comes once; what is lost each time must not keep submissions from their reward."""
    backend = FakeBackend(as_long_as_right_takes)
    async with started(backend, slots=1) as service:
        results = await scored(service, batch_of("1", "wrong 2", problem=TIMED[kind] | {"reference": reference}))
    assert [result["reward"] for result in results] == [1.0, 0.0]
    assert [code_of(job) for job in backend.jobs].count(reference) == runs
    assert all(job.cpu_s == () for job in backend.jobs)
    assert "the reference does not pass every test" in results[0]["calibration"]["fault"]


async def test_one_loss_of_ours_is_no_fault_of_a_timed_reference() -> None:
    lost = False

    async def script(job: Job) -> Observations:
        nonlocal lost
        if not lost:
            lost = True
            raise SandboxLost("scripted")
        return await as_long_as_right_takes(job)

    async with started(FakeBackend(script)) as service:
        (result,) = await scored(service, batch_of("1", problem=TIMED["call"] | {"reference": "r"}))
    assert (result["reward"], result["calibration"]["fault"]) == (1.0, "")


async def test_pytest_files_are_calibrated_as_well() -> None:
    tests = {"kind": "pytest", "files": {"test_a.py": "import solution\ndef test_a(): assert solution.f() == 1"}}
    backend = FakeBackend(as_the_code_says)
    async with started(backend) as service:
        results = await scored(service, batch_of("objects", problem={"tests": tests, "reference": "objects"}))
    assert results[0]["calibration"]["assurance"] == "objects"
    assert told(backend.jobs[-1])["sites"] == SITES


async def test_a_reference_is_run_once_however_many_wait_for_it() -> None:
    backend = FakeBackend(as_the_code_says, delay_s=0.02)
    async with started(backend, slots=4) as service:
        batches = [batch_of(*(f"values {number}" for number in range(6)), problem=asserts("values")) for _ in range(2)]
        both = await asyncio.gather(*(scored(service, batch) for batch in batches))
        await scored(service, batch_of("values again", problem=asserts("values")))
    assert [code_of(job) for job in backend.jobs].count("values") == 1
    assert code_of(backend.jobs[0]) == "values"
    assert {result["reward"] for results in both for result in results} == {1.0}


async def test_references_of_several_problems_are_run_at_once() -> None:
    """Else all slots would wait for the reference of the first problem."""
    backend = FakeBackend(as_the_code_says, delay_s=0.02)
    problems = {name: asserts(f"values {name}") for name in "abc"}
    submissions = [{"problem": name, "code": f"values {name} {number}"} for name in "abc" for number in range(4)]
    async with started(backend, slots=3) as service:
        request = batch_of(problem=PLAIN, problems=problems, submissions=submissions)
        await scored(service, request)
    assert sorted(code_of(job) for job in backend.jobs[:3]) == ["values a", "values b", "values c"]


PLAIN = asserts(None)


async def test_another_goes_on_where_the_one_that_calibrates_is_dropped() -> None:
    backend = FakeBackend(as_the_code_says, delay_s=0.05)
    problem = asserts("objects")
    async with started(backend, slots=2) as service:
        leaves = await service.scorer.begin(batch_of("first", problem=problem))
        await asyncio.sleep(0.07)  # in the second of its two attempts
        stays = asyncio.create_task(scored(service, batch_of("objects", problem=problem)))
        await asyncio.sleep(0.01)
        service.scorer.leave(leaves)
        results = await stays
    assert results[0]["reward"] == 1.0
    assert results[0]["calibration"]["assurance"] == "objects"
    attempts = [assurance_in(job) for job in backend.jobs if code_of(job) == "objects"]
    assert attempts == ["values", "objects", "objects", "objects"]  # what was known stayed; the last is the submission


async def test_a_lost_run_calibrates_nothing_and_the_next_use_tries_again() -> None:
    losses = 3

    async def script(job: Job) -> Observations:
        nonlocal losses
        if code_of(job) == "values" and losses:
            losses -= 1
            raise SandboxLost("scripted")
        return await as_the_code_says(job)

    backend = FakeBackend(script)
    async with started(backend, slots=1) as service:
        (lost,) = await scored(service, batch_of("values 1", problem=asserts("values")))
        assert (lost["reward"], lost["calibration"]) == (None, None)
        (again,) = await scored(service, batch_of("values 1", problem=asserts("values")))
    assert again["calibration"]["assurance"] == "values"
    assert again["reward"] == 1.0


async def test_every_submission_ends_where_the_reference_always_loses_its_sandbox() -> None:
    results, _ = await judged("soon lost", *(f"values {number}" for number in range(5)))
    assert [result["reward"] for result in results] == [None] * 5
    assert {result["error"] for result in results} == {"the reference could not be judged: scripted"}


async def test_a_test_that_cannot_be_run_across_the_wall_is_no_loss_of_ours() -> None:
    results, backend = await judged("cannot cross, shared", "values objects shared")
    attempts = [assurance_in(job) for job in backend.jobs]
    assert attempts == ["values", "values", "objects", "objects", "shared"]
    assert '`"isolation": "shared"`' in results[0]["error"]


async def test_one_loss_of_ours_does_not_weaken_what_a_problem_needs() -> None:
    first = True

    async def script(job: Job) -> Observations:
        nonlocal first
        if first:
            first = False
            return Observations((LOST,))
        return await as_the_code_says(job)

    async with started(FakeBackend(script)) as service:
        results = await scored(service, batch_of("values", problem=asserts("values objects")))
    assert results[0]["calibration"]["assurance"] == "values"


async def test_attempts_that_soil_their_slots_go_on_in_others() -> None:
    backend = FakeBackend(as_the_code_says, spent_after_each=True)
    async with started(backend, slots=1) as service:
        results = await scored(service, batch_of("objects", problem=asserts("objects")))
    assert results[0]["reward"] == 1.0
    assert [assurance_in(job) for job in backend.jobs] == ["values", "objects", "objects"]


async def test_a_problem_with_another_reference_is_another_problem() -> None:
    digests = {
        await judging_digest(Problem.model_validate(asserts(reference))) for reference in (None, "a", "b", "b", "")
    }
    assert len(digests) == 4
    backend = FakeBackend(as_the_code_says)
    async with started(backend) as service:
        for reference, total in (("leaps values", 2), ("values", 3)):
            results = await scored(service, batch_of("values", problem=asserts(reference, THREE)))
            assert results[0]["total"] == total
            assert not results[0]["cached"]


async def test_what_was_learned_outlasts_the_server(tmp_path: Path) -> None:
    for reward, cached in ((1.0, False), (1.0, True)):
        backend = FakeBackend(as_the_code_says)
        async with started(backend, cache_file=tmp_path / "cache") as service:
            request = batch_of("leaps objects", problem=asserts("leaps objects", THREE))
            (result,) = await scored(service, request)
            assert (result["reward"], result["cached"], result["total"]) == (reward, cached, 2)
            assert result["calibration"] == {
                "assurance": "objects",
                "unreached": ["line 3"],
                "cpu_s": 0.5,
                "fault": "",
            }
            (other,) = await scored(service, batch_of("objects", problem=asserts("leaps objects", THREE)))
        assert told(backend.jobs[-1])["sites"] == SITES if not cached else other["cached"]
        assert len(backend.jobs) == (0 if cached else 4)


async def test_a_fault_is_tried_again_by_the_next_server(tmp_path: Path) -> None:
    for _ in range(2):
        backend = FakeBackend(as_the_code_says)
        async with started(backend, cache_file=tmp_path / "cache") as service:
            await scored(service, batch_of("objects", problem=asserts("no")))
        assert [code_of(job) for job in backend.jobs[:3]] == ["no"] * 3


async def test_judgements_without_their_calibration_are_not_used(tmp_path: Path) -> None:
    """What they rest on is not known: the problem is calibrated and judged anew."""
    backend = FakeBackend(as_the_code_says)
    request = batch_of("values", problem=asserts("values objects"))
    async with started(backend) as service:
        await scored(service, request)
        service.scorer.calibrations = Calibrations()
        (again,) = await scored(service, request)
    assert not again["cached"]
    assert again["calibration"]["assurance"] == "values"


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reward_server.calibrating.MOST", 2)
    backend = FakeBackend(as_the_code_says)
    calibrations = Calibrations()
    slot = await backend.open_slot()
    problem = Problem.model_validate(asserts("values"))
    for digest in (b"a", b"b", b"c"):
        assert await calibrations.of(slot, digest, problem) == Calibration("values", cpu_s=0.25)
    assert calibrations.known(b"a") is None
    assert calibrations.known(b"c") is not None


async def test_tickets_of_uncalibrated_problems_share_no_message() -> None:
    backend = FakeBackend(as_the_code_says, together=16)
    async with started(backend, slots=1) as service:
        for turn in range(2):
            codes = [f"values {turn} {number}" for number in range(12)]
            problem = asserts("values", "bag = Bag()\nassert 3 in bag")  # its text says that it needs objects
            results = await scored(service, batch_of(*codes, problem=problem))
            assert {result["reward"] for result in results} == {1.0}
            if turn == 0:
                service.scorer.calibrations = Calibrations()  # how long it takes is known, what it needs is not
            else:
                assert backend.messages  # once that is known as well, some share one
    assert all(told(job)["assurance"] == "values" for job in backend.jobs)


@pytest.mark.parametrize(
    ("reference", "least", "reward"),
    [
        ("values", "values", 1.0),
        ("objects", "values", None),
        ("objects", "objects", 1.0),
        ("no", "values", 1.0),
        ("shared", "shared", None),
    ],
)
async def test_what_the_reference_shows_decides_whether_enough_is_assured(
    reference: str, least: str, reward: float | None
) -> None:
    """Also where a batch that asks for less waits for the same run, and where it was judged before."""
    backend = FakeBackend(as_the_code_says, delay_s=0.01)
    request, other = (
        batch_of("values objects shared", problem=asserts(reference), min_assurance=each) for each in (least, "shared")
    )
    async with started(backend) as service:
        (first,), (beside,) = await asyncio.gather(scored(service, request), scored(service, other))
        jobs = len(backend.jobs)
        (again,) = await scored(service, request)
        assert len(backend.jobs) == jobs
    assert (first["reward"], again["reward"]) == (reward, reward)
    assert beside["reward"] == (None if reference == "shared" else 1.0)
    assert first["assurance"] == {"no": "values"}.get(reference, reference)


async def test_what_a_reference_disturbs_is_no_failure_of_the_submission() -> None:
    """Else a problem whose reference ends its sandbox would teach that every submission is worth 0."""

    async def script(job: Job) -> Observations:
        if code_of(job) == "reference":
            raise SandboxLost("it ended", "gone", "judge")
        return await as_the_code_says(job)

    async with started(FakeBackend(script)) as service:
        (result,) = await scored(service, batch_of("values", problem=asserts("reference")))
    assert (result["reward"], result["verdict"]) == (None, "sandbox_error")
