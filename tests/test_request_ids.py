"""One id leads from a client's error to the server's log; and what a client sends never gets into that log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reward_server import json_log
from reward_server.backends.fake import FakeBackend, code_of, print_the_code
from reward_server.canary import Canary
from reward_server.errors import SandboxLost
from reward_server.models import ErrorResponse
from tests.test_app import PROBLEM, batch_of, client_of, strictly
from trainer.client import RequestRejected, RewardClient, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reward_server.jobs import Job, Observations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

SECRET = "s3cr3t"
NAME = "x-request-id"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the server would write to stderr."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(json_log.JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the tests' own client
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        logging.getLogger("httpx").setLevel(logging.NOTSET)


def events(written: io.StringIO, name: str) -> list[dict[str, Any]]:
    read = [json.loads(line) for line in written.getvalue().splitlines()]
    return [event for event in read if event["event"] == name]


@pytest.mark.parametrize("given", ["step-7.a", "a" * 128, "0190:b_c.D"])
async def test_a_plain_id_is_taken_and_told(given: str, lines: io.StringIO) -> None:
    async with client_of() as client:
        response = await client.post("/v1/score", json=batch_of("good"), headers={NAME: given})
    assert response.headers.get_list(NAME) == [given]
    assert [event["request_id"] for event in events(lines, "request")] == [given]


@pytest.mark.parametrize(
    "given", ["", "a" * 129, "two words", "new\tline", '"quoted"', "{}", "\u00e9", "a\u2028b", "a;b"]
)
async def test_an_id_that_could_mislead_a_reader_is_replaced(given: str, lines: io.StringIO) -> None:
    async with client_of() as client:
        response = await client.get("/healthz", headers=[(NAME.encode(), given.encode())])
    told = response.headers[NAME]
    assert re.fullmatch("[0-9a-f]{32}", told)
    assert [event["request_id"] for event in events(lines, "request")] == [told]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/score", b"{", 400),
        ("POST", "/v1/score", json.dumps({"submissions": [{"problem": "q", "code": ""}]}).encode(), 404),
        ("POST", "/v1/score", json.dumps(batch_of(*map(str, range(10_000)))).encode(), 413),
        ("GET", "/v1/problems?limit=0", b"", 422),
        ("GET", "/nowhere", b"", 404),
        ("DELETE", "/v1/score", b"", 405),
        ("POST", "/v1/run", b'{"code": "lost"}', 503),
    ],
)
async def test_each_error_names_the_request(method: str, path: str, body: bytes, status: int) -> None:
    async with client_of() as client:
        response = await client.request(method, path, content=body, headers={NAME: "mine"})
    assert (response.status_code, response.headers[NAME]) == (status, "mine")
    assert strictly(ErrorResponse, response).error.request_id == "mine"


async def test_a_bug_of_ours_names_the_request_too(monkeypatch: pytest.MonkeyPatch, lines: io.StringIO) -> None:
    """Red where the framework answers it, outside of what adds the header; then its count has no status either."""

    async def broken(_: Canary) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(Canary, "cause", broken)
    async with client_of() as client:
        response = await client.get("/readyz", headers={NAME: "mine"})
        told = (await client.get("/metrics")).text
    assert (response.status_code, response.headers[NAME]) == (500, "mine")
    error = strictly(ErrorResponse, response).error
    assert (error.type, error.request_id) == ("internal_error", "mine")
    assert 'passrate_requests_total{method="GET",route="/readyz",status="500"} 1.0' in told
    (failed,) = events(lines, "request_failed")
    assert (failed["request_id"], failed["exception"]) == ("mine", "ValueError")
    assert failed["at"][-1].endswith(" broken")
    assert SECRET not in lines.getvalue()


async def test_a_lost_run_is_logged_with_the_request_that_queued_it(lines: io.StringIO) -> None:
    async with client_of() as client:
        await client.post("/v1/score", json=batch_of("good", "lost"), headers={NAME: "one"})
        await client.post("/v1/run", json={"code": "lost"}, headers={NAME: "two"})
    told = [(event["request_id"], event["loss"], event["tried_again"]) for event in events(lines, "run_lost")]
    assert told == [
        ("one", "broken", True),
        ("one", "broken", True),
        ("one", "broken", False),
        ("two", "broken", True),
        ("two", "broken", True),
        ("two", "broken", False),
    ]


async def test_an_id_does_not_outlive_its_request(lines: io.StringIO) -> None:
    async with client_of() as client:
        await client.get("/healthz", headers={NAME: "mine"})
        logging.getLogger("reward_server.test").warning("later")
    assert "request_id" not in events(lines, "later")[0]


async def test_nothing_that_a_client_sends_is_logged(monkeypatch: pytest.MonkeyPatch, lines: io.StringIO) -> None:
    """Code, tests, keys, outputs, whatever becomes of them. Red where an exception's text is logged."""

    async def script(job: Job) -> Observations:
        code = code_of(job)
        if "bug" in code:
            raise ValueError(f"cannot read {code}")
        if "lost" in code:
            raise SandboxLost(f"the sandbox broke its protocol: {code}", "protocol")
        return await print_the_code(job)

    problem = PROBLEM | {"setup": f"# {SECRET}", "prompt": SECRET, "files": {f"{SECRET}.txt": SECRET}}
    problem |= {"tests": {"kind": "stdio", "cases": [{"stdin": SECRET, "stdout": SECRET}]}}
    codes = [f"{SECRET} {number}" for number in range(3)] + [f"{SECRET} bug", f"{SECRET} lost", SECRET]
    submissions = [{"problem": SECRET, "code": code} for code in codes]
    submissions += [{"problem": SECRET, "completion": f"```python\n{SECRET}\n```"}]
    batch = {"problems": {SECRET: problem}, "submissions": submissions, "detail": "output"}
    key = {"authorization": f"Bearer {SECRET}", NAME: f"{SECRET} {SECRET}"}
    async with client_of(FakeBackend(script)) as client:
        client.headers.update(key)
        for accept in ("application/json", "application/x-ndjson"):
            response = await client.post("/v1/score", json=batch, headers={"accept": accept})
            assert response.status_code == 200
            assert SECRET in response.text
        for code in (SECRET, f"{SECRET} bug", f"{SECRET} lost"):
            await client.post("/v1/run", json={"code": code, "stdin": SECRET, "args": [SECRET]})
        for wrong in (f'{{"{SECRET}', json.dumps({SECRET: 1}), json.dumps(batch | {"detail": SECRET})):
            assert (await client.post("/v1/score", content=wrong)).status_code in (400, 422)
        await client.put("/v1/problems", json={"problems": {f"mine/{SECRET}": problem}})
        await client.get("/v1/problems", params={"prefix": SECRET})

        def broken(*_: Any) -> None:
            raise ValueError(SECRET)

        monkeypatch.setattr("reward_server.apart.extract", broken)
        assert (await client.post("/v1/score", json=batch)).status_code == 500
        told = (await client.get("/metrics")).text
    for event in ("request", "work_failed", "run_lost", "slot_replaced", "request_failed"):
        assert events(lines, event), event
    assert SECRET not in lines.getvalue()
    assert SECRET not in told


async def test_what_a_forgotten_task_raised_is_logged_without_its_text(lines: io.StringIO) -> None:
    """asyncio puts it into the lines that follow the first."""

    async def forgotten() -> None:
        raise ValueError(SECRET)

    loop = asyncio.get_running_loop()
    task = loop.create_task(forgotten())
    await asyncio.wait({task})
    error = task.exception()
    loop.default_exception_handler(
        {"message": "Task exception was never retrieved", "exception": error, "future": task}
    )
    (event,) = events(lines, "Task exception was never retrieved")
    assert event["exception"] == "ValueError"
    assert SECRET not in lines.getvalue()


async def test_one_record_is_one_line(lines: io.StringIO) -> None:
    async with client_of() as client:
        await client.get("/a%0A%7B%22event%22%3A%20%22forged%22%7D%0D" + "x" * 5000)
    told = lines.getvalue().splitlines()
    assert [json.loads(line)["event"] for line in told] == ["request"]
    assert len(told[0]) < 1000  # a path is cut


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (httpx.Response(422, json={"error": {"field": "x", "message": "no"}}), RequestRejected),
        (httpx.Response(302), UnexpectedAnswer),
    ],
)
async def test_the_client_names_the_request_in_what_it_raises(answer: httpx.Response, raised: type[Exception]) -> None:
    sent: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers[NAME])
        return answer

    async with RewardClient("http://t", transport=httpx.MockTransport(handle)) as client:
        with pytest.raises(raised) as caught:
            await client.score([{"problem": "p", "code": ""}])
    assert str(caught.value).endswith(f"(request {sent[0]})")


@pytest.mark.parametrize("trouble", ["503", "connection", "half"])
async def test_the_client_names_each_attempt_and_tells_the_last(trouble: str) -> None:
    """A retry is a request of its own in the server's log."""
    sent: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers[NAME])
        if trouble == "connection":
            raise httpx.ConnectError("refused")
        if trouble == "half":
            return httpx.Response(200, headers={"content-type": "application/x-ndjson"}, content=b"")
        return httpx.Response(503, json={"error": {"field": None, "message": "later"}})

    async with RewardClient("http://t", transport=httpx.MockTransport(handle), deadline_s=0.8) as client:
        (result,) = await client.score([{"problem": "p", "code": ""}])
    assert len(set(sent)) == len(sent) > 1
    assert result.error is not None
    assert re.search(r"\(request ([0-9a-f]{32})\)", result.error)
    assert any(f"(request {name})" in result.error for name in sent[-2:])
