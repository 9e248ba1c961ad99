from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from trainer import batch as batch_module
from trainer import client as client_module
from trainer import servers as servers_module
from trainer.client import RequestRejected, RewardClient, ServerUnavailable, SyncRewardClient, UnexpectedAnswer

if TYPE_CHECKING:
    from trainer.wire import Result, Submission

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers_module, "BACKOFF_S", 0.001)


def answer_to(submission: dict[str, Any]) -> dict[str, Any]:
    """Answer with a reward that tells which submission it was for."""
    reward = float(submission["code"]) / 1000
    return {"reward": reward, "pass_rate": reward, "passed": 1, "total": 1, "verdict": "passed", "new_field": 1}


def answers(request: httpx.Request) -> httpx.Response:
    sent = json.loads(request.content)["submissions"]
    return httpx.Response(200, json={"results": [answer_to(one) for one in sent]})


def streamed(request: httpx.Request, take: int | None = None) -> httpx.Response:
    """Answer as NDJSON, last submission first, and perhaps only some."""
    sent = list(enumerate(json.loads(request.content)["submissions"]))[::-1][:take]
    lines = "".join(json.dumps({"index": index, **answer_to(one)}) + "\n" for index, one in sent)
    return httpx.Response(200, text=lines, headers={"Content-Type": "application/x-ndjson"})


def submissions(count: int) -> list[Submission]:
    return [{"problem": f"p{place % 7}", "code": str(place)} for place in range(count)]


def score(handler: Handler, count: int, **options: Any) -> list[Result]:
    problems = {f"p{number}": {"tests": number} for number in range(9)}
    asked = {
        name: options.pop(name) for name in ("on_progress", "detail", "min_assurance", "unfenced") if name in options
    }
    with SyncRewardClient(transport=httpx.MockTransport(handler), **options) as client:
        return client.score(submissions(count), problems, **asked)


def rewards(results: list[Result]) -> list[float | None]:
    return [result.reward for result in results]


@pytest.mark.parametrize("handler", [answers, streamed])
def test_results_come_in_order_whatever_the_chunks_and_the_way_of_answering(handler: Handler) -> None:
    results = score(handler, 100, chunk_items=8)
    assert rewards(results) == [place / 1000 for place in range(100)]


def test_a_chunk_carries_at_most_its_items_and_only_its_problems() -> None:
    bodies: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return answers(request)

    score(handler, 20, chunk_items=3)
    assert [len(body["submissions"]) for body in bodies].count(3) == 6
    assert len(bodies) == 7
    for body in bodies:
        assert set(body["problems"]) == {one["problem"] for one in body["submissions"]}


def test_long_texts_make_smaller_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server takes so many bytes in a request; a batch of long completions must not run into that."""
    monkeypatch.setattr(batch_module, "CHUNK_CHARS", 10)
    counts: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        counts.append(len(json.loads(request.content)["submissions"]))
        return answers(request)

    assert len(score(handler, 110)) == 110
    assert max(counts) == 10


def test_no_more_requests_are_in_flight_than_allowed() -> None:
    now = most = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        return answers(request)

    async def run() -> None:
        async with RewardClient(transport=httpx.MockTransport(handler), chunk_items=1, concurrency=3) as client:
            await client.score(submissions(20))

    asyncio.run(run())
    assert most == 3


@pytest.mark.parametrize("trouble", [500, 502, 503, 504, 429, 408, "connect", "read"])
def test_trouble_in_the_middle_loses_nothing(trouble: int | str) -> None:
    """Whatever fails for a while, every item gets its own reward in the end."""
    calls = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        if calls % 3:
            if trouble == "connect":
                raise httpx.ConnectError("refused")
            if trouble == "read":
                raise httpx.ReadError("reset")
            assert isinstance(trouble, int)
            return httpx.Response(trouble, json={"error": {"type": "x", "field": None, "message": "later"}})
        return answers(request)

    assert rewards(score(handler, 50, chunk_items=10)) == [place / 1000 for place in range(50)]


def test_after_a_broken_stream_only_what_is_missing_is_sent_again() -> None:
    counts: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        counts.append(len(json.loads(request.content)["submissions"]))
        return streamed(request, take=4)

    assert rewards(score(handler, 10)) == [place / 1000 for place in range(10)]
    assert counts == [10, 6, 2]


def test_retry_after_is_honoured() -> None:
    times: list[float] = []

    async def run() -> None:
        clock = asyncio.get_running_loop().time

        def handler(request: httpx.Request) -> httpx.Response:
            times.append(clock())
            if len(times) == 1:
                return httpx.Response(429, headers={"Retry-After": "0.2"}, json={"error": {"message": "full"}})
            return answers(request)

        async with RewardClient(transport=httpx.MockTransport(handler)) as client:
            await client.score(submissions(1))

    asyncio.run(run())
    assert times[1] - times[0] >= 0.2


def test_what_the_deadline_cuts_off_is_none_with_a_reason_and_the_rest_stands() -> None:
    """Never a 0: that would teach the model that a good answer was bad."""

    def handler(request: httpx.Request) -> httpx.Response:
        if b'"code": "3"' in request.content:
            return httpx.Response(503, json={"error": {"message": "no sandbox"}})
        return answers(request)

    results = score(handler, 6, chunk_items=1, deadline_s=0.2)
    assert rewards(results) == [0.0, 0.001, 0.002, None, 0.004, 0.005]
    assert results[3].verdict == "sandbox_error"
    assert "no sandbox" in (results[3].error or "")


def test_the_deadline_ends_a_request_that_hangs() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return answers(request)

    async def run() -> list[Result]:
        async with RewardClient(transport=httpx.MockTransport(handler), deadline_s=0.1) as client:
            return await client.score(submissions(2))

    assert rewards(asyncio.run(run())) == [None, None]


@pytest.mark.parametrize(
    ("status", "body", "field", "message"),
    [
        (
            422,
            {"error": {"type": "bad_request", "field": "problems.p1.tests", "message": "no"}},
            "problems.p1.tests",
            "no",
        ),
        (401, {"error": {"type": "key", "field": None, "message": "give a key"}}, "", "give a key"),
        (404, {"detail": "Not Found"}, "", "Not Found"),
        (422, {"detail": [{"loc": ["query", "limit"], "msg": "too large"}]}, "query.limit", "too large"),
    ],
)
def test_a_4xx_raises_with_the_servers_field_and_message(status: int, body: Any, field: str, message: str) -> None:
    """It is our bug: sending it again would only hide it."""
    calls = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return httpx.Response(status, json=body)

    with pytest.raises(RequestRejected) as caught:
        score(handler, 3)
    assert (caught.value.status, caught.value.field, caught.value.message) == (status, field, message)
    assert calls == 1


@pytest.mark.parametrize("text", ["<html>", "[]", '{"results": [{"score": 1}]}', '{"results": [{}, {}, {}, {}]}'])
def test_an_answer_that_is_not_ours_raises(text: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        score(lambda _: httpx.Response(200, text=text), 3)


def test_progress_reaches_the_total() -> None:
    seen: list[tuple[int, int]] = []
    score(streamed, 10, chunk_items=4, on_progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, 11))
    assert {total for _, total in seen} == {10}


def test_an_empty_batch_asks_nothing() -> None:
    assert score(lambda _: httpx.Response(500), 0) == []


def test_a_lone_surrogate_does_not_sink_the_batch() -> None:
    """JSON parsers refuse it, and with it everybody else's rewards."""

    def handler(request: httpx.Request) -> httpx.Response:
        json.loads(request.content)["submissions"][0]["completion"].encode()
        return httpx.Response(200, json={"results": [answer_to({"code": "1"})]})

    with SyncRewardClient(transport=httpx.MockTransport(handler)) as client:
        assert client.score([{"problem": "p", "completion": "a\ud800b"}])[0].reward == 0.001


def test_the_key_is_sent_as_a_bearer_key() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        return answers(request)

    assert len(score(handler, 1, api_key="secret")) == 1


def test_a_refused_key_raises_at_once_and_names_the_variable() -> None:
    calls = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return httpx.Response(401, text="no", headers={"WWW-Authenticate": "Bearer"})

    with pytest.raises(RequestRejected, match="PASSRATE_API_KEY"):
        score(handler, 1)
    assert calls == 1


def test_a_server_is_told_how_long_the_call_still_waits() -> None:
    told: list[float] = []

    def handler(request: httpx.Request) -> httpx.Response:
        told.append(json.loads(request.content)["deadline_s"])
        return httpx.Response(503) if len(told) == 1 else answers(request)

    score(handler, 1, deadline_s=20)
    assert 18 < told[1] < told[0] <= 19


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "localhost", "ftp://x", "", "http://"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is not the URL of a server"):
        SyncRewardClient(url)


def test_waiting_for_a_server_that_never_comes_ends_with_the_reason() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    with SyncRewardClient(transport=httpx.MockTransport(handler)) as client:
        assert not client.healthz()
        with pytest.raises(ServerUnavailable, match="connection refused"):
            client.wait_ready(0.05)


def test_run_and_problems_speak_the_servers_paths() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"asked": f"{request.method} {request.url.raw_path.decode()}"})

    with SyncRewardClient(transport=httpx.MockTransport(handler)) as client:
        assert client.run({"code": "1"}) == {"asked": "POST /v1/run"}
        assert client.problems(100) == {"asked": "GET /v1/problems?offset=100"}
        assert client.readyz()


class Fleet:
    """Servers by name, each of which may be down; counts the submissions that each has answered."""

    def __init__(self, *names: str) -> None:
        self.down: dict[str, int | str] = {}
        self.answered = dict.fromkeys(names, 0)
        self.asked = dict.fromkeys(names, 0)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host
        self.asked[name] += 1
        await asyncio.sleep(0)
        trouble = self.down.get(name)
        if trouble == "connect":
            raise httpx.ConnectError("refused")
        if isinstance(trouble, int):
            return httpx.Response(trouble, json={"error": {"type": "x", "field": None, "message": "later"}})
        self.answered[name] += len(json.loads(request.content)["submissions"])
        return answers(request)

    def score(self, count: int, **options: Any) -> list[Result]:
        async def run() -> list[Result]:
            urls = [f"http://{name}" for name in self.answered]
            async with RewardClient(urls, transport=httpx.MockTransport(self), **options) as client:
                return await client.score(submissions(count))

        return asyncio.run(run())


def test_a_batch_is_shared_among_the_servers() -> None:
    fleet = Fleet("a", "b", "c")
    assert rewards(fleet.score(90, chunk_items=5)) == [place / 1000 for place in range(90)]
    assert sum(fleet.answered.values()) == 90
    assert min(fleet.answered.values()) >= 15


def test_a_small_batch_is_cut_for_all_servers() -> None:
    fleet = Fleet("a", "b")
    fleet.score(10)
    assert fleet.answered == {"a": 5, "b": 5}


@pytest.mark.parametrize("trouble", ["connect", 500, 503, 429])
def test_what_one_server_does_not_take_another_does(trouble: int | str) -> None:
    fleet = Fleet("a", "b")
    fleet.down["a"] = trouble
    assert rewards(fleet.score(60, chunk_items=5)) == [place / 1000 for place in range(60)]
    assert fleet.answered == {"a": 0, "b": 60}


@pytest.mark.parametrize(
    ("trouble", "most", "soonest_s"), [("connect", 4, 1.0), (503, 4, 1.0), (500, 8, 2.0), (502, 8, 2.0)]
)
def test_a_dead_server_is_left_out_and_not_asked_by_every_request(
    monkeypatch: pytest.MonkeyPatch, trouble: int | str, most: int, soonest_s: float
) -> None:
    """It is asked by those that were under way together, and for what may be one request's own trouble once more.

    After half of its first or second wait, at the soonest, one request more sees whether it is back.
    """
    monkeypatch.setattr(servers_module, "BACKOFF_S", 2.0)
    fleet = Fleet("a", "b")
    fleet.down["a"] = trouble
    began = time.monotonic()
    fleet.score(200, chunk_items=1)
    assert fleet.asked["a"] <= most + (time.monotonic() - began) // soonest_s


@pytest.mark.parametrize("failing", [0, 20])
def test_a_request_that_always_meets_a_500_keeps_no_server_from_the_others(
    monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """A server that is left out here stays so for longer than the call may take."""
    monkeypatch.setattr(servers_module, "BACKOFF_S", 60.0)
    monkeypatch.setattr(servers_module, "LONGEST_BACKOFF_S", 60.0)

    def handler(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["submissions"][0]["code"] == str(failing):
            return httpx.Response(500, text="Internal Server Error")
        return answers(request)

    found = rewards(score(handler, 40, chunk_items=1, concurrency=2, deadline_s=2.0))
    assert found == [None if place == failing else place / 1000 for place in range(40)]


def test_a_server_comes_back_by_itself() -> None:
    async def run() -> None:
        fleet = Fleet("a", "b")
        fleet.down["a"] = "connect"
        async with RewardClient("http://a,http://b", transport=httpx.MockTransport(fleet), chunk_items=1) as client:
            await client.score(submissions(20))
            assert not fleet.answered["a"]
            fleet.down.clear()
            await asyncio.sleep(0.02)
            await client.score(submissions(20))
        assert fleet.answered["a"] >= 5

    asyncio.run(run())


def test_a_refusal_by_one_server_is_a_refusal() -> None:
    fleet = Fleet("a", "b")
    fleet.down["a"] = fleet.down["b"] = 401
    with pytest.raises(RequestRejected):
        fleet.score(10)


def test_with_every_server_down_the_reasons_are_told_and_nothing_is_a_zero() -> None:
    fleet = Fleet("a", "b")
    fleet.down.update(a="connect", b=503)
    results = fleet.score(4, deadline_s=0.1)
    assert rewards(results) == [None] * 4
    assert {"a" in (each.error or "") or "b" in (each.error or "") for each in results} == {True}


def test_one_request_that_fails_keeps_no_server_from_the_others() -> None:
    """Seen red with requests served in no order: the one that failed came first again."""

    def handler(request: httpx.Request) -> httpx.Response:
        if b'"code": "0"' in request.content:
            return httpx.Response(503, json={"error": {"message": "no sandbox"}})
        return answers(request)

    results = score(handler, 40, chunk_items=1, deadline_s=1.0)
    assert rewards(results)[1:] == [place / 1000 for place in range(1, 40)]
    assert results[0].reward is None


def test_results_stream_as_they_come() -> None:
    """The second chunk is answered only when the first result has been taken."""

    async def run() -> list[int]:
        taken = asyncio.Event()

        async def handler(request: httpx.Request) -> httpx.Response:
            if b'"code": "1"' in request.content:
                await taken.wait()
            return answers(request)

        places = []
        async with RewardClient(transport=httpx.MockTransport(handler), chunk_items=1) as client:
            async for place, result in client.stream(submissions(2)):
                assert result.reward == place / 1000
                places.append(place)
                taken.set()
        return places

    assert asyncio.run(run()) == [0, 1]


def test_results_stream_without_an_event_loop_too() -> None:
    with SyncRewardClient(transport=httpx.MockTransport(streamed), chunk_items=2) as client:
        assert sorted(place for place, _ in client.stream(submissions(7))) == list(range(7))


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"status": "ok", "contract": 3}, "speaks wire contract 3, .* contract 2: update passrate here"),
        ({"status": "ok", "contract": 0}, "update passrate on the server"),
        ({"status": "ok"}, "names no wire contract"),
    ],
)  # fmt: skip
def test_a_server_of_another_contract_is_named_with_the_fix(health: dict[str, Any], words: str) -> None:
    with (
        SyncRewardClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=health))) as client,
        pytest.raises(UnexpectedAnswer, match=words),
    ):
        client.wait_ready(1)


def several_ready(**answers_of: Any) -> None:
    """Wait for servers by name, each with its status or contract, or how it is away; the first one is ready at once."""

    async def handler(request: httpx.Request) -> httpx.Response:
        said = answers_of[request.url.host]
        if request.url.host != "a":
            await asyncio.sleep(0.02)
        if said == "away":
            raise httpx.ConnectError("refused")
        if said == "silent":
            await asyncio.sleep(60)
        if said in (404, 503):
            return httpx.Response(said, json={"detail": "Not Found"})
        return httpx.Response(200, json={"contract": said})

    async def run() -> None:
        urls = [f"http://{name}" for name in answers_of]
        async with RewardClient(urls, transport=httpx.MockTransport(handler)) as client:
            await client.wait_ready(5)

    asyncio.run(run())


@pytest.mark.parametrize(("said", "words"), [(3, "http://c speaks wire contract 3"), (404, "http://c is no passrate")])
def test_every_server_that_answers_is_checked_though_another_was_ready_first(said: int, words: str) -> None:
    """Else the run would learn it in the midst, from the one in so many batches that goes there."""
    with pytest.raises(UnexpectedAnswer, match=words):
        several_ready(a=2, b=2, c=said)


@pytest.mark.parametrize("away", ["away", "silent", 503])
def test_a_server_that_is_not_there_yet_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch, away: str | int) -> None:
    monkeypatch.setattr(client_module, "ANSWER_S", 0.1)
    several_ready(a=2, b=away)


def test_a_caller_may_ask_for_a_least_assurance() -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["min_assurance"])
        return answers(request)

    score(handler, 1)
    score(handler, 1, min_assurance="objects")
    score(handler, 1, min_assurance="values")
    assert asked == ["shared", "objects", "values"]


def test_a_caller_may_say_what_a_completion_without_a_fence_is() -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content)["unfenced"])
        return answers(request)

    score(handler, 1)
    score(handler, 1, unfenced="code")
    assert asked == ["no_code", "code"]


@pytest.mark.parametrize("assurance", ["values", "objects", "shared", None])
def test_a_result_says_what_it_rests_on_where_the_server_said_so(assurance: str | None) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        said = {} if assurance is None else {"assurance": assurance}
        tests = [{"verdict": "passed", "checks": 3}, {"verdict": "passed"}]
        sent = json.loads(request.content)["submissions"]
        return httpx.Response(200, json={"results": [answer_to(one) | said | {"tests": tests} for one in sent]})

    (result,) = score(handler, 1)
    assert result.assurance == assurance
    assert [test.checks for test in result.tests] == [3, 0]


def test_a_server_that_does_not_answer_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """A busy one is not: it answers, and says when to ask again."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert rewards(score(handler, 3, deadline_s=0.2)) == [None] * 3
    (warning,) = caplog.messages
    assert "refused" in warning
    assert warning.endswith("the client retries for up to 0.2 s")
    caplog.clear()
    score(lambda _: httpx.Response(429, headers={"Retry-After": "1"}, json={}), 3, deadline_s=0.2)
    assert caplog.messages == []
