from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reward_server import wire
from reward_server.backends.fake import FakeBackend
from reward_server.door import is_loopback
from reward_server.keys import digest_of
from reward_server.models import ErrorResponse
from tests.test_app import batch_of, client_of, strictly

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Two keys, `a` and `b`; `b` has limits of its own."""
    file = tmp_path / "keys"
    lines = [f"{name} sha256:{digest_of(name).hex()}" for name in "ab"]
    file.write_text(f"{lines[0]}\n{lines[1]} max_queued=2 max_requests=1\n")
    return file


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def kind(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(strictly(ErrorResponse, response).error.type)


@pytest.mark.parametrize(
    "headers", [{}, bearing("c"), bearing(""), {"authorization": "Basic a"}, {"authorization": "a"}]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/score"),
        ("POST", "/v1/run"),
        ("PUT", "/v1/problems"),
        ("GET", "/v1/problems"),
        ("GET", "/v1/problems/a"),
        ("GET", "/metrics"),
        ("GET", "/nowhere"),
        ("GET", "/healthz/"),
        ("GET", "/healthz/../metrics"),
    ],
)
async def test_without_a_known_key_nothing_is_told(keys: Path, method: str, path: str, headers: dict[str, str]) -> None:
    async with client_of(api_keys_file=keys) as client:
        response = await client.request(method, path, headers=headers, content=b"{}")
    assert kind(response) == (401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "PASSRATE_API_KEY" in response.json()["error"]["message"]


async def test_a_known_key_opens_and_health_and_document_need_none(keys: Path) -> None:
    async with client_of(api_keys_file=keys) as client:
        for key in "ab":
            response = await client.post("/v1/score", json=batch_of("good"), headers=bearing(key))
            assert response.json()["results"][0]["reward"] == 1.0
        for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (None, "127.0.0.1:8000", 200),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", 200),
        ("http://localhost:8000", "localhost:8000", 200),
        ("http://evil.example", "127.0.0.1:8000", 403),
        ("null", "127.0.0.1:8000", 403),
        ("http://evil.example:8000", "evil.example:8000", 403),  # a name that was made to lead here
    ],
)
async def test_a_page_of_another_site_cannot_use_a_server_without_keys(
    origin: str | None, host: str, status: int
) -> None:
    """A browser sends text to 127.0.0.1 for any page that asks it to."""
    headers = {"host": host} | ({"origin": origin} if origin else {})
    async with client_of() as client:
        response = await client.post("/v1/run", content=json.dumps({"code": "x"}), headers=headers)
    assert response.status_code == status


async def test_a_client_has_no_more_requests_in_flight_than_it_may(keys: Path) -> None:
    async with client_of(FakeBackend(delay_s=0.2), api_keys_file=keys) as client:
        first = asyncio.create_task(client.post("/v1/score", json=batch_of("good"), headers=bearing("b")))
        await asyncio.sleep(0.05)
        refused = await client.post("/v1/score", json=batch_of("other"), headers=bearing("b"))
        assert kind(refused) == (429, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await client.post("/v1/score", json=batch_of("good"), headers=bearing("a"))).status_code == 200
        assert (await first).status_code == 200
        assert (await client.post("/v1/score", json=batch_of("other"), headers=bearing("b"))).status_code == 200


async def test_all_requests_in_flight_are_bounded_but_not_those_for_health(keys: Path) -> None:
    async with client_of(FakeBackend(delay_s=0.3), api_keys_file=keys, max_requests=1) as client:
        first = asyncio.create_task(client.post("/v1/score", json=batch_of("good"), headers=bearing("a")))
        await asyncio.sleep(0.05)
        assert kind(await client.get("/v1/problems", headers=bearing("b")))[0] == 429
        for path in ("/healthz", "/metrics"):
            assert (await client.get(path, headers=bearing("b"))).status_code == 200
        assert (await first).status_code == 200


async def test_a_client_has_no_more_waiting_than_it_may(keys: Path) -> None:
    async with client_of(FakeBackend(delay_s=0.05), slots=1, api_keys_file=keys) as client:
        too_many = await client.post("/v1/score", json=batch_of("a", "b", "c"), headers=bearing("b"))
        assert kind(too_many) == (413, "too_large")
        assert (await client.post("/v1/score", json=batch_of("a", "b"), headers=bearing("b"))).status_code == 200
    limits = {"max_queued_per_client": 2, "max_batch_items": 2}
    async with client_of(FakeBackend(delay_s=0.1), slots=1, api_keys_file=keys, **limits) as client:
        first = asyncio.create_task(client.post("/v1/score", json=batch_of("a", "b"), headers=bearing("a")))
        await asyncio.sleep(0.05)
        assert kind(await client.post("/v1/score", json=batch_of("c", "d"), headers=bearing("a")))[0] == 429
        assert (await client.post("/v1/score", json=batch_of("c", "d"), headers=bearing("b"))).status_code == 200
        assert (await first).status_code == 200


async def test_the_bodies_of_all_requests_together_are_bounded() -> None:
    async with client_of(FakeBackend(delay_s=0.3), max_held_bytes=50_000) as client:
        large = batch_of("x" * 40_000)
        first = asyncio.create_task(client.post("/v1/score", json=large))
        await asyncio.sleep(0.1)
        refused = await client.post("/v1/score", json=batch_of("y" * 40_000))
        assert kind(refused) == (429, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await first).status_code == 200
        assert (await client.post("/v1/score", json=large)).status_code == 200  # nothing is held for ever
        assert kind(await client.post("/v1/score", json=batch_of("z" * 60_000))) == (413, "too_large")


async def test_a_body_of_countless_lists_is_refused_and_brackets_in_texts_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "MAX_CONTAINERS", 1000)
    async with client_of() as client:
        refused = await client.post("/v1/score", content=b'{"submissions": [' + b"[]," * 1000 + b"[]]}")
        assert kind(refused) == (413, "too_large")
        good = await client.post("/v1/score", json=batch_of('[{"' * 1000))
        assert good.status_code == 200
        torn = b'{"submissions": "' + b'\\"[' * 100_000
        assert (await client.post("/v1/score", content=torn)).status_code == 400


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 30])
async def test_a_length_that_no_body_has_is_refused(length: str) -> None:
    """Python does not read a number of 5000 digits: that was a 500."""
    async with client_of() as client:
        response = await client.post("/v1/score", content=b"{}", headers={"content-length": length})
    assert kind(response) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/v1/problems", {"problems": {"a\nb": batch_of()["problems"]["p"]}}, "problems"),
        ("PUT", "/v1/problems", {"problems": {" a": batch_of()["problems"]["p"]}}, "problems"),
        ("POST", "/v1/run", {"code": "x", "files": {"a" * 201: ""}}, "files"),
        ("POST", "/v1/run", {"code": "x", "files": {"../x": ""}}, "files"),
        ("POST", "/v1/run", {"code": "x", "deadline_s": 0}, "deadline_s"),
        ("POST", "/v1/run", {"code": "x", "deadline_s": float("inf")}, "deadline_s"),
    ],
)
async def test_names_that_are_none_are_refused(method: str, path: str, body: Any, field: str) -> None:
    async with client_of() as client:
        response = await client.request(method, path, content=json.dumps(body))
    assert response.status_code == 422, response.text
    assert str(response.json()["error"]["field"]).startswith(field)


async def test_a_client_may_set_a_shorter_deadline_and_no_longer_one() -> None:
    async with client_of(FakeBackend(delay_s=60), request_deadline_s=0.2) as client:
        for asked, told in ((0.05, "0.05 s"), (1000, "0.2 s")):
            response = await client.post("/v1/score", json=batch_of("a", deadline_s=asked))
            result = response.json()["results"][0]
            assert result["reward"] is None
            assert told in result["error"]
            assert (await client.post("/v1/run", json={"code": "x", "deadline_s": asked})).status_code == 503


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        *[(host, True) for host in ("127.0.0.1", "::1", "localhost")],
        *[(host, False) for host in ("0.0.0.0", "::", "", "example.org", "10.0.0.1")],
    ],
)
def test_what_only_this_machine_reaches(host: str, ours: bool) -> None:
    assert is_loopback(host) == ours


async def test_a_stored_problem_is_there_for_its_key_alone(keys: Path) -> None:
    mine, theirs = batch_of()["problems"]["p"], {"tests": {"kind": "stdio", "cases": [{"stdout": "better"}]}}
    named = {"submissions": [{"problem": "mine/p", "code": "good"}]}
    async with client_of(api_keys_file=keys) as client:
        put = await client.put(
            "/v1/problems", json={"problems": {"mine/p": mine, "mine/q": mine}}, headers=bearing("a")
        )
        assert put.json() == {"stored": 2, "total": 2}
        for response in (
            await client.get("/v1/problems/mine/p", headers=bearing("b")),
            await client.post("/v1/score", json=named, headers=bearing("b")),
        ):
            assert kind(response) == (404, "unknown_problem")
        assert (await client.get("/v1/problems?prefix=mine", headers=bearing("b"))).json()["total"] == 0
        put = await client.put("/v1/problems", json={"problems": {"mine/p": theirs}}, headers=bearing("b"))
        assert put.json() == {"stored": 1, "total": 1}
        for key, problem, reward in (("a", mine, 1.0), ("b", theirs, 0.0)):
            whole = (await client.get("/v1/problems/mine/p", headers=bearing(key))).json()
            assert whole == problem | {"id": "mine/p"}
            scored = (await client.post("/v1/score", json=named, headers=bearing(key))).json()
            assert scored["results"][0]["reward"] == reward


async def test_without_keys_all_clients_share_their_problems() -> None:
    async with client_of() as client:
        await client.put("/v1/problems", json={"problems": {"p": batch_of()["problems"]["p"]}})
        elsewhere = httpx.ASGITransport(app=client._transport.app, client=("127.0.0.2", 1))  # type: ignore[attr-defined]
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://t") as other:
            assert (await other.get("/v1/problems/p")).status_code == 200
