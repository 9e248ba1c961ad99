"""The main job over real HTTP, from a request to a reward, with the sandbox of this machine behind it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tasks.importers import from_humaneval
from tasks.registry import load_problems
from tests.contract.support import IMAGE, docker_here
from trainer.client import SyncRewardClient
from trainer.local_server import local_server
from trainer.wire import judging_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.schema import Problem
    from trainer.wire import Result, Submission

pytestmark = pytest.mark.sandbox

HUMANEVAL = Path(__file__).parent.parent.parent / "shared" / "data" / "humaneval.jsonl.gz"
ADD = {"entry_point": "add", "tests": {"kind": "call", "cases": [{"args": [1, 2], "expected": 3}]}}
WRONGLY = {"problem": "p", "code": "x"}
RIGHT = {"problem": "add", "code": "def add(a, b): return a + b"}


@pytest.fixture(scope="module", params=["embedded", "docker"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "docker":
        docker_here()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PASSRATE_IMAGE", IMAGE)
        with local_server(backend=request.param) as served:
            yield served


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


def scored(url: str, problems: list[Problem], programs: list[tuple[str, str]]) -> list[Result]:
    submissions: list[Submission] = [{"problem": name, "code": code} for name, code in programs]
    specs = {problem.id: judging_spec(problem) for problem in problems}
    with SyncRewardClient(url) as client:
        return client.score(submissions, specs, detail="tests")


def test_every_bundled_reference_scores_one_and_every_wrong_solution_less(url: str) -> None:
    problems = load_problems("bundled")
    references = [(problem.id, problem.reference or "") for problem in problems]
    wrong = [(problem.id, code) for problem in problems for code in problem.wrong]
    results = scored(url, problems, references + wrong)
    failed = [
        (name, result.verdict, [test.message for test in result.tests if test.message])
        for (name, _), result in zip(references, results, strict=False)
        if result.reward != 1.0
    ]
    assert failed == []
    believed = [
        name for (name, _), result in zip(wrong, results[len(references) :], strict=True) if result.reward == 1.0
    ]
    assert believed == []
    assert all(result.reward is not None for result in results)


@pytest.mark.skipif(not HUMANEVAL.exists(), reason="the HumanEval file is not beside the checkout")
def test_all_of_humaneval_passes_and_no_empty_body_does(url: str) -> None:
    with gzip.open(HUMANEVAL, "rt", encoding="utf-8") as rows:
        problems = [from_humaneval(json.loads(row)) for row in rows]
    references = [(problem.id, problem.reference or "") for problem in problems]
    empty = [(problem.id, f"def {problem.entry_point}(*args, **kwargs):\n    pass\n") for problem in problems]
    results = scored(url, problems, references + empty)
    assert [result.reward for result in results[:164]] == [1.0] * 164
    assert [result.reward for result in results[164:] if result.reward is None or result.reward == 1.0] == []


def test_a_half_right_program_earns_half(url: str, http: httpx.Client) -> None:
    problem = {"entry_point": "f", "tests": {"kind": "asserts", "source": "assert f(1) == 1\nassert f(2) == 4\n"}}
    body = {
        "problems": {"p": problem},
        "submissions": [{"problem": "p", "completion": "```python\nf = lambda x: x\n```"}],
    }
    (result,) = http.post("/v1/score", json=body).json()["results"]
    assert (result["reward"], result["verdict"]) == (0.5, "wrong_answer")


def score(http: httpx.Client, *submissions: dict[str, Any], **changes: Any) -> httpx.Response:
    return http.post("/v1/score", json={"problems": {"add": ADD | changes}, "submissions": list(submissions)})


@pytest.mark.parametrize(
    ("submission", "verdict"),
    [
        ({"completion": "I would rather not."}, "no_code"),
        ({"completion": "x" * 20_000_000}, "no_code"),
        ({"code": "def add(a, b): return a + b" + "#" * 2_000_000}, "compile_error"),
        ({"code": "a\0b"}, "compile_error"),
        ({"code": "x = '\ud800'"}, "runtime_error"),
        ({"code": "def add(:"}, "compile_error"),
    ],
    ids=["no code", "20 MB", "2 MB of code", "NUL", "lone surrogate", "no program"],
)
def test_an_odd_completion_gets_its_own_verdict(http: httpx.Client, submission: dict[str, str], verdict: str) -> None:
    """Whatever a model writes, its neighbours in the batch are judged."""
    body = {"problems": {"add": ADD}, "submissions": [RIGHT, {"problem": "add", **submission}]}
    answer = http.post("/v1/score", content=json.dumps(body).encode())
    assert answer.status_code == 200, answer.text
    right, odd = answer.json()["results"]
    assert right["reward"] == 1.0
    assert (odd["reward"], odd["verdict"]) == (0.0, verdict)


@pytest.mark.parametrize(
    ("body", "status", "field", "fix"),
    [
        ({"submissions": [{"problem": "nope", "code": "1"}]}, 404, "submissions[0].problem", "inline"),
        ({"problems": {"add": ADD}, "submissions": [RIGHT] * 10_000}, 413, "submissions", "split"),
        ({"problems": {"add": ADD}, "submissions": []}, 422, "submissions", "at least one"),
        ({"problems": {"p": {}}, "submissions": [WRONGLY]}, 422, "problems.p.tests", "required"),
        (
            {"problems": {"p": ADD | {"limits": {"cpu_s": -1}}}, "submissions": [WRONGLY]},
            422,
            "problems.p.limits.cpu_s",
            "0",
        ),
        (
            {"problems": {"p": {"tests": {"kind": "asserts", "source": "assert ("}}}, "submissions": [WRONGLY]},
            422,
            "problems.p.tests.source",
            "line 1",
        ),
    ],
)
def test_a_bad_request_names_the_field_and_the_fix(
    http: httpx.Client, body: dict[str, Any], status: int, field: str, fix: str
) -> None:
    answer = http.post("/v1/score", json=body | {"strict": True})
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (status, field)
    assert fix in error["message"]
    assert score(http, RIGHT).json()["results"][0]["reward"] == 1.0, "the server goes on"
