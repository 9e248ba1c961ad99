"""The OpenAPI document tells the truth: what follows it is answered as it says, and what does not is refused.

Schemathesis makes the requests from the document, both kinds. Checked of each answer: no failure of the server but a
documented 503, a documented status, its content type, its body by the document's schema, and that it comes in time.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from reward_server.app import create_app
from reward_server.backends.fake import FakeBackend
from reward_server.models import ScoreResult
from reward_server.settings import Settings
from tests.fuzz.budget import fuzzed, tried
from tests.fuzz.serving import DEADLINE_S, GOOD, assert_scores, served
from tests.own_server import OwnServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case

DOCUMENT: Final = create_app(Settings(problems=""), FakeBackend()).openapi()
SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.config.checks.negative_data_rejection.expected_statuses = ["400", "404", "413", "422"]
SHARES: Final = {
    ("POST", "/v1/score"): 0.08,
    ("POST", "/v1/run"): 0.04,
    ("PUT", "/v1/problems"): 0.04,
    ("GET", "/v1/problems"): 0.01,
    ("GET", "/v1/problems/{problem_id}"): 0.01,
    ("GET", "/healthz"): 0.001,
    ("GET", "/readyz"): 0.001,
    ("GET", "/metrics"): 0.001,
}
UNBOUND: Final = frozenset({"/healthz", "/readyz", "/metrics", "/v1/problems/{problem_id}"})
"""What takes no value that could be wrong."""
CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


strict: TypeAdapter[ScoreResult] = TypeAdapter(ScoreResult)


@pytest.fixture(scope="module")
def fake() -> Iterator[str]:
    with served() as url:
        yield url
        assert_scores(url)


@pytest.fixture(scope="module")
def embedded() -> Iterator[str]:
    """A server of its own process, on the real sandbox."""
    server = OwnServer()
    try:
        server.wait_ready()
        yield server.url
        assert_scores(server.url)
    finally:
        server.end(signal.SIGTERM)


def requests_of(method: str, path: str, mode: GenerationMode) -> st.SearchStrategy[Case[Any]]:
    return SCHEMA[path][method].as_strategy(generation_mode=mode)


def ask_strictly(case: Case[Any]) -> None:
    """Have wrong problems refused, which otherwise only leave their own submissions without a reward."""
    if case.path == "/v1/score" and isinstance(case.body, dict) and case.body.get("strict", False) is False:
        case.body["strict"] = True


def check(case: Case[Any], url: str, session: requests.Session) -> None:
    answer = case.call(base_url=url, session=session, timeout=DEADLINE_S)
    if answer.status_code == 503:  # documented, and with a reason: the fake backend loses sandboxes
        assert answer.json()["error"]["type"] in ("sandbox_lost", "backend_unavailable")
    else:
        case.validate_response(answer, checks=[*CHECKS, not_a_server_error])


def test_every_operation_is_tried() -> None:
    assert SHARES.keys() == {(method.upper(), path) for path, held in DOCUMENT["paths"].items() for method in held}


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), SHARES)
def test_answers_are_as_documented(method: str, path: str, mode: GenerationMode, fake: str) -> None:
    if mode.is_negative and path in UNBOUND:
        return
    with requests.Session() as session:

        @fuzzed(SHARES[method, path] / 2)
        @given(requests_of(method, path, mode))
        def answers(case: Case[Any]) -> None:
            tried("contract")
            if mode.is_negative:
                ask_strictly(case)
            check(case, fake, session)

        answers()


def judgeable(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem that follows the document, with Python where that asks for text: so it gets past the door."""
    tests = dict(problem["tests"])
    match tests["kind"]:
        case "asserts":
            tests["source"] = "assert f(1)\nassert f(2)"
        case "pytest":
            tests |= {"files": {"test_a.py": "def test_a(): assert f(1)\ndef test_b(): pass"}, "module": "solution"}
        case "call":
            tests["cases"] = [
                {name: value for name, value in case.items() if name != "raises"} | {"expected": case.get("expected")}
                for case in tests["cases"]
            ]
        case "stdio" if isinstance(tests.get("compare"), dict) and "checker" in tests["compare"]:
            tests["compare"] = {"checker": "def check(stdin, expected, actual): return True"}
    files = {f"{number}.txt": text for number, text in enumerate(problem.get("files", {}).values())}
    return problem | {"tests": tests, "files": files, "setup": "", "entry_point": "f", "limits": {}}


def answered(share: float, url: str) -> float:
    """Send batches that follow the document and can be judged. Returns: the share that was scored."""
    statuses = []
    with requests.Session() as session:

        @fuzzed(share)
        @given(requests_of("POST", "/v1/score", GenerationMode.POSITIVE), st.booleans())
        def answers(case: Case[Any], streamed: bool) -> None:
            tried("contract")
            body: Any = case.body
            problems = body.get("problems") or {"p": {"tests": {"kind": "stdio", "cases": [{"stdout": "7"}]}}}
            body["problems"] = {name: judgeable(problem) for name, problem in problems.items()}
            for at, submission in enumerate(body["submissions"]):
                submission["problem"] = [*problems][at % len(problems)]
                if submission.get("completion") is None:
                    submission.setdefault("code", None)
                    submission["code"] = submission["code"] or GOOD
                else:
                    submission.pop("code", None)
            headers = {"Accept": "application/x-ndjson"} if streamed else None
            answer = case.call(base_url=url, session=session, timeout=DEADLINE_S, headers=headers)
            statuses.append(answer.status_code)
            if not (streamed and answer.status_code == 200):
                case.validate_response(answer, checks=[*CHECKS, not_a_server_error])
                results = answer.json().get("results", []) if answer.status_code == 200 else []
            else:
                results = [json.loads(line) for line in answer.content.splitlines()]
                assert sorted(result["index"] for result in results) == [*range(len(body["submissions"]))]
            for result in results:
                strict.validate_json(json.dumps(result, allow_nan=False), extra="forbid" if not streamed else "ignore")
                assert (result["reward"] is None) == (result["error"] is not None)

        answers()
    return statuses.count(200) / len(statuses)


def test_batches_that_follow_the_document_are_scored(fake: str) -> None:
    assert answered(0.05, fake) > 0.5


@pytest.mark.sandbox
@pytest.mark.timeout(600)
def test_batches_are_scored_in_a_real_sandbox(embedded: str) -> None:
    assert answered(0.015, embedded) > 0.5
