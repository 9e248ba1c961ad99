from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import TypeAdapter

from reward_server.app import create_app
from reward_server.backends.fake import FakeBackend, code_of
from reward_server.endpoints import router
from reward_server.jobs import Observation, Observations
from reward_server.models import ErrorResponse, IndexedResult, ProblemPage, RunResponse, ScoreResponse
from reward_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reward_server.jobs import Job

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

PROBLEM: dict[str, Any] = {"tests": {"kind": "stdio", "cases": [{"stdout": "good"}]}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def client_of(backend: FakeBackend | None = None, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(**({"slots": 2, "drain_s": 1, "problems": ""} | changes))
    app = create_app(settings, backend or FakeBackend())
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


def batch_of(*codes: str, **fields: Any) -> dict[str, Any]:
    return {"problems": {"p": PROBLEM}, "submissions": [{"problem": "p", "code": code} for code in codes]} | fields


def strictly(model: Any, response: httpx.Response) -> Any:
    """Read an answer by the model that documents it; a field that the model does not have is an error."""
    return TypeAdapter(model).validate_json(response.content, extra="forbid", strict=True)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/score", {"problems": {"p": PROBLEM | {"limits": {"memory_mb": 4096}}}}, "problems.p.limits.memory_mb"),
        ("/v1/run", {"code": "x", "limits": {"memory_mb": 4096}}, "limits.memory_mb"),
    ],
)
async def test_more_memory_than_a_sandbox_has_is_refused_with_the_setting(
    path: str, body: dict[str, Any], field: str
) -> None:
    """Or a container would be full before the submission has reached its limit."""
    backend = FakeBackend()
    backend.memory_mb = 2048
    body |= {} if path == "/v1/run" else {"submissions": [{"problem": "p", "code": "good"}], "strict": True}
    async with client_of(backend) as client:
        response = await client.post(path, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["field"]) == (422, field)
    assert "PASSRATE_CONTAINER_MEMORY_MB" in error["message"]


async def test_a_batch_of_wrong_problems_alone_is_answered_without_rewards() -> None:
    """A trainer that scores one group at a time would end with the first wrong problem. `strict` and PUT refuse it."""
    wrong = {"p": {"tests": {"kind": "stdio", "cases": [{"stdout": 1}]}}}
    body = {"problems": wrong, "submissions": [{"problem": "p", "code": "good"}, {"problem": "p", "code": "bad"}]}
    async with client_of() as client:
        answer = strictly(ScoreResponse, await client.post("/v1/score", json=body))
        lines = await client.post("/v1/score", json=body, headers={"accept": "application/x-ndjson"})
        refused = [await client.post("/v1/score", json=body | {"strict": True})]
        refused.append(await client.put("/v1/problems", json={"problems": wrong}))
    told = [(each.reward, each.verdict, each.error) for each in answer.results]
    cause = "the problem cannot be judged: problems.p.tests.cases[0].stdout: give a string"
    assert told == [(None, "sandbox_error", cause)] * 2
    assert [json.loads(line)["error"] for line in lines.text.splitlines()] == [cause] * 2
    for response in refused:
        assert response.status_code == 422
        assert strictly(ErrorResponse, response).error.field == "problems.p.tests.cases[0].stdout"


async def test_metrics_count_verdicts_slots_and_requests() -> None:
    async with client_of() as client:
        await client.post("/v1/score", json=batch_of("good", "bad", "lost"))
        await client.get("/nowhere/secret")
        told = (await client.get("/metrics")).text
    numbers = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    assert numbers['passrate_submissions_total{verdict="passed"}'] == "1.0"
    assert numbers['passrate_submissions_total{verdict="sandbox_error"}'] == "1.0"
    assert numbers['passrate_slots{state="open"}'] == "2.0"
    assert numbers['passrate_runs_lost_total{loss="broken"}'] == "3.0"
    assert numbers["passrate_runs_retried_total"] == "2.0"
    assert numbers['passrate_request_seconds_count{route="/v1/score",status="200"}'] == "1.0"
    assert numbers['passrate_request_seconds_count{route="other",status="404"}'] == "1.0"
    assert "secret" not in told


async def test_a_batch_is_scored_as_documented() -> None:
    async with client_of() as client:
        response = await client.post("/v1/score", json=batch_of("good", "bad", "lost"))
    assert response.status_code == 200
    results = strictly(ScoreResponse, response).results
    assert [result.reward for result in results] == [1.0, 0.0, None]


async def test_results_stream_with_their_index() -> None:
    async with client_of() as client:
        headers = {"accept": "application/x-ndjson"}
        response = await client.post("/v1/score", json=batch_of("good", "bad", "lost"), headers=headers)
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [IndexedResult.model_validate_json(line, extra="forbid") for line in response.content.splitlines()]
    assert {line.index: line.reward for line in lines} == {0: 1.0, 1: 0.0, 2: None}
    assert {line.assurance for line in lines} == {"values"}
    assert {line.index: [test.checks for test in line.tests] for line in lines} == {0: [1], 1: [1], 2: [0]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind", "field"),
    [
        ("POST", "/v1/score", batch_of(), 422, "bad_request", "submissions"),
        (
            "POST",
            "/v1/score",
            {"submissions": [{"problem": "q", "code": ""}]},
            404,
            "unknown_problem",
            "submissions[0].problem",
        ),
        ("POST", "/v1/score", batch_of("x", colour="red"), 422, "bad_request", "colour"),
        ("POST", "/v1/score", batch_of("x", detail=1), 422, "bad_request", "detail"),
        ("POST", "/v1/score", batch_of(*map(str, range(10_000))), 413, "too_large", "submissions"),
        ("POST", "/v1/score", b'{"submissions": "\xff"}', 400, "not_json", "body"),
        ("POST", "/v1/score", b"", 400, "not_json", "body"),
        ("POST", "/v1/run", {"code": 1}, 422, "bad_request", "code"),
        ("POST", "/v1/run", {"code": "", "limits": {"wall_s": 0}}, 422, "bad_request", "limits.wall_s"),
        ("POST", "/v1/run", {"code": "", "limits": {"disk_mb": True}}, 422, "bad_request", "limits.disk_mb"),
        ("POST", "/v1/run", {"code": "", "limits": {"cpu_s": "5"}}, 422, "bad_request", "limits.cpu_s"),
        ("PUT", "/v1/problems", {"problems": {}}, 422, "bad_request", "problems"),
        ("GET", "/v1/problems/none", None, 404, "unknown_problem", "id"),
        ("GET", "/v1/problems?limit=0", None, 422, "bad_request", "limit"),
        ("GET", "/v1/nothing", None, 404, "not_found", None),
        ("DELETE", "/v1/score", None, 405, "method_not_allowed", None),
    ],
)
async def test_bad_input_is_told_in_one_shape_and_the_server_goes_on(
    method: str, path: str, body: Any, status: int, kind: str, field: str | None
) -> None:
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    async with client_of() as client:
        response = await client.request(method, path, content=content)
        assert response.status_code == status
        error = strictly(ErrorResponse, response).error
        assert (error.type, error.field) == (kind, field)
        assert error.message
        assert (await client.post("/v1/score", json=batch_of("good"))).json()["results"][0]["reward"] == 1.0


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused_while_it_comes(announced: bool) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 1000

    async with client_of(max_body_bytes=10_000) as client:
        headers = {"content-length": "1000000"} if announced else {}
        response = await client.post("/v1/score", content=chunks(), headers=headers)
    assert response.status_code == 413
    assert "split" in response.json()["error"]["message"]
    assert sent <= (0 if announced else 12)


async def test_a_long_completion_and_one_without_code_have_their_verdict() -> None:
    items = [{"problem": "p", "completion": "x" * 20_000_000}, {"problem": "p", "completion": "\0 sorry"}]
    async with client_of() as client:
        response = await client.post("/v1/score", json={"problems": {"p": PROBLEM}, "submissions": items})
    assert [result["verdict"] for result in response.json()["results"]] == ["no_code", "no_code"]
    assert [result["reward"] for result in response.json()["results"]] == [0.0, 0.0]


async def test_a_full_queue_says_when_to_come_back() -> None:
    async with client_of(FakeBackend(delay_s=0.05), slots=1, max_queued=2, max_batch_items=2) as client:
        first = asyncio.create_task(client.post("/v1/score", json=batch_of("a", "b")))
        await asyncio.sleep(0.02)
        response = await client.post("/v1/score", json=batch_of("c", "d"))
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["error"]["type"] == "overloaded"
        assert (await first).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_a_client_that_leaves_takes_its_work_along(accept: str) -> None:
    backend = FakeBackend(delay_s=60)
    app = create_app(Settings(slots=1, drain_s=5, problems=""), backend)
    body = json.dumps(batch_of("a", "b")).encode()
    received = 0

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1
        if received == 1:
            return {"type": "http.request", "body": body, "more_body": False}
        while not backend.jobs:  # noqa: ASYNC110 what the fake has done
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/v1/score",
        "query_string": b"",
        "root_path": "",
    }
    scope |= {"headers": [(b"accept", accept.encode())], "asgi": {"version": "3.0", "spec_version": "2.3"}}
    async with app.router.lifespan_context(app):
        async with asyncio.timeout(5):
            await app(scope, receive, send)
        assert app.state.service.dispatcher.queued == 0
        await asyncio.sleep(0.01)
        assert [slot.closed for slot in backend.slots][:1] == [True]


async def test_a_deadline_answers_what_is_left_without_a_reward() -> None:
    async with client_of(FakeBackend(delay_s=60), request_deadline_s=0.05) as client:
        response = await client.post("/v1/score", json=batch_of("a"))
        assert response.json()["results"][0]["reward"] is None
        assert "0.05 s" in response.json()["results"][0]["error"]
        assert (await client.post("/v1/run", json={"code": "x"})).status_code == 503


async def test_a_program_is_run_and_reported() -> None:
    async def script(job: Job) -> Observations:
        assert job.kind == "program"
        assert job.cases == (b"in",)
        assert "'a b'" in json.loads(job.submission)["setup"]
        assert json.loads(job.submission)["files"] == {"x.txt": "y"}
        return Observations((Observation("signaled", code=9, stdout=b"out\xff", memory_bytes=5),))

    async with client_of(FakeBackend(script)) as client:
        body = {"code": "x", "stdin": "in", "args": ["a b"], "files": {"x.txt": "y"}}
        seen = strictly(RunResponse, await client.post("/v1/run", json=body))
    assert (seen.ending, seen.exit_code, seen.signal, seen.stdout) == ("signaled", None, 9, "out\ufffd")


@pytest.mark.parametrize("code", ["lost"])
async def test_a_run_that_we_lost_is_a_503(code: str) -> None:
    async with client_of() as client:
        response = await client.post("/v1/run", json={"code": code})
    assert response.status_code == 503
    assert response.json()["error"]["type"] == "sandbox_lost"


async def test_stored_problems_can_be_listed_read_and_named() -> None:
    async with client_of() as client:
        put = await client.put("/v1/problems", json={"problems": {"mine/a": PROBLEM, "mine/b": PROBLEM}})
        assert put.json() == {"stored": 2, "total": 2}
        page = strictly(ProblemPage, await client.get("/v1/problems?prefix=mine/&limit=1"))
        assert [each.id for each in page.problems] == ["mine/a"]
        assert (page.total, page.next_offset) == (2, 1)
        whole = (await client.get("/v1/problems/mine/a")).json()
        assert whole == PROBLEM | {"id": "mine/a"}
        submissions = [{"problem": "mine/b", "code": "good"}]
        scored = await client.post("/v1/score", json={"submissions": submissions})
        assert scored.json()["results"][0]["reward"] == 1.0


async def test_ready_means_that_a_program_ran() -> None:
    backend = FakeBackend()
    async with client_of(backend) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "contract": 2}
        assert not backend.jobs
        for _ in range(3):
            assert (await client.get("/readyz")).json()["status"] == "ready"
        assert len(backend.jobs) == 1  # kept for a second
        assert code_of(backend.jobs[0]) == "print('ok')"


async def test_not_ready_says_why() -> None:
    async def script(job: Job) -> Observations:
        return Observations((Observation("exited", code=1, message="no python"),))

    async with client_of(FakeBackend(script)) as client:
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert "no python" in strictly(ErrorResponse, response).error.message
        assert (await client.get("/healthz")).status_code == 200


async def test_the_document_names_every_body_and_every_error() -> None:
    async with client_of() as client:
        document = (await client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    references = {line.split('"')[0] for line in json.dumps(document).split("#/components/schemas/")[1:]}
    assert references <= set(schemas)
    assert schemas["ScoreRequest"]["examples"]
    told = set(document["paths"]["/v1/score"]["post"]["responses"])
    assert told == {"200", "400", "401", "403", "404", "413", "422", "429", "503"}
    for route in router.routes:
        assert getattr(route, "summary", None)


async def test_the_examples_of_the_document_work() -> None:
    async with client_of() as client:
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
        for name, method, path in [
            ("ScoreRequest", "POST", "/v1/score"),
            ("RunRequest", "POST", "/v1/run"),
            ("PutProblems", "PUT", "/v1/problems"),
        ]:
            for example in schemas[name]["examples"]:
                assert (await client.request(method, path, json=example)).status_code == 200


async def test_the_log_has_one_event_a_request_and_no_code(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with client_of() as client:
        await client.post("/v1/score", json=batch_of("good", "secret"))
    events = [record for record in caplog.records if record.getMessage() == "request"]
    assert [(event.__dict__["status"], event.__dict__["items"]) for event in events] == [(200, 2)]
    assert events[0].__dict__["verdicts"] == {"passed": 1, "wrong_answer": 1}
    assert "secret" not in repr([vars(record) for record in caplog.records])
