"""A submission that makes the judge's side fail gets its 0, and the cause in words; what others break stays absent."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.backends import sandboxed
from reward_server.models import ScoreRequest
from reward_server.service import Service
from reward_server.settings import Settings
from tests.contract.support import BACKENDS, lent_backend

if TYPE_CHECKING:
    from reward_server.backends.base import Backend
    from reward_server.jobs import Observations

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LIMITS = {"cpu_s": 0.5, "wall_s": 1.0, "memory_mb": 128}
RIGHT, WRONG = "def f(x): return x", "def f(x): return -x"
ENDS_ITS_JUDGE = {
    "exit": "import os\nassert f(1) == 1 or os._exit(0)",
    "abort": "import os\nassert f(1) == 1 or os.abort()",
    "crash": "import ctypes\nassert f(1) == 1 or ctypes.string_at(0)",
    "closed": "import ctypes\nassert f(1) == 1 or list(map(ctypes.CDLL(None).close, range(3, 100)))",
    "pytest": "import os\nfrom solution import f\ndef test(): assert f(1) == 1 or os._exit(0)",
}
"""Tests whose process ends where the submission returns something else than 1."""


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    return lent_backend(request.param)


def scored(backend: Backend, tests: dict[str, Any], *codes: str) -> list[dict[str, Any]]:
    """Judge submissions by a server that has one slot; none of them is alone in it from the start."""
    problem = {"tests": tests, "limits": LIMITS, "entry_point": None if tests["kind"] in ("stdio", "pytest") else "f"}
    request = ScoreRequest.model_validate(
        {"problems": {"p": problem}, "submissions": [{"problem": "p", "code": code} for code in codes]}
    )

    async def ask() -> list[dict[str, Any]]:
        service = Service.assemble(Settings(slots=1, spares=1, problems="", cache_entries=0), backend)
        await service.start()
        try:
            batch = await service.scorer.begin(request)
            await batch.wait()
            service.scorer.leave(batch)
        finally:
            await service.close()
        results: list[dict[str, Any]] = json.loads(batch.body())["results"]
        return results

    return asyncio.run(ask())


@pytest.mark.parametrize("how", ENDS_ITS_JUDGE)
def test_whoever_ends_its_judge_gets_a_0(backend: Backend, how: str) -> None:
    """Red where the runner does not say that it was the judge: each is an absent reward."""
    source = ENDS_ITS_JUDGE[how]
    files = {"kind": "pytest", "files": {"test_f.py": source}}
    tests = files if how == "pytest" else {"kind": "asserts", "source": source}
    results = scored(backend, tests, RIGHT, WRONG, RIGHT + "  # again")
    assert [result["reward"] for result in results] == [1.0, 0.0, 1.0]
    assert results[1]["verdict"] == "judge_disturbed"
    assert "the judge process" in results[1]["message"]


@pytest.mark.parametrize("kind", ["stdio", "call"])
@pytest.mark.parametrize(
    ("error", "reward"), [(ValueError("garbage"), 0.0), (EOFError(), None), (ConnectionResetError(), None)]
)
def test_an_answer_that_cannot_be_read_is_charged_and_one_that_never_comes_is_not(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, kind: str, error: Exception, reward: float | None
) -> None:
    real = sandboxed.observations

    def observations(header: dict[str, Any], body: bytes) -> Observations:
        if b"mark" in body:
            raise error
        return real(header, body)

    monkeypatch.setattr(sandboxed, "observations", observations)
    cases = {
        "stdio": {"stdin": "1", "stdout": "1"},
        "call": {"args": [1], "expected": 1},
    }
    codes = (RIGHT, "def f(x): return 'mark'")
    main = "\nprint(f(1))" if kind == "stdio" else ""
    results = scored(backend, {"kind": kind, "cases": [cases[kind]]}, *(code + main for code in codes))
    assert [result["reward"] for result in results] == [1.0, reward]
    assert results[1]["verdict"] == ("sandbox_error" if reward is None else "judge_disturbed")


@pytest.mark.parametrize("kind", ["stdio", "call"])
def test_what_a_job_shows_of_all_its_tests_is_bounded(backend: Backend, kind: str) -> None:
    """Red without the bound: the answer fills the container, which ends, or is more than a server reads."""
    flood = "import sys\nX = 'x' * ((1 << 20) - 100)\ndef f(x):\n    sys.stderr.write(X)\n    return X\n"
    case = {"stdin": "1", "stdout": "1"} if kind == "stdio" else {"args": [1], "expected": 1}
    code = flood + ("sys.stdout.write(f(1))" if kind == "stdio" else "")
    (result,) = scored(backend, {"kind": kind, "cases": [case] * 150}, code)
    assert (result["reward"], result["error"]) == (0.0, None)
    verdicts = [test["verdict"] for test in result["tests"]]
    assert verdicts[:90] == ["wrong_answer"] * 90
    assert verdicts[-1] == "output_exceeded"


def test_an_ordinary_flood_of_stderr_takes_no_room_from_the_tests(backend: Backend) -> None:
    """Red where stderr and stdout share one bound: a right program is charged with what decides nothing."""
    code = "import sys\nsys.stderr.write('x' * ((1 << 20) - 100))\nprint(1)"
    (result,) = scored(backend, {"kind": "stdio", "cases": [{"stdout": "1"}] * 150}, code)
    assert result["reward"] == 1.0
