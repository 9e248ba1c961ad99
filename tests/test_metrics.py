"""What `/metrics` counts, and that no client can make it grow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reward_server import dispatch
from reward_server.backends.fake import FakeBackend, code_of, print_the_code
from reward_server.metrics import METHODS
from tests.test_app import PROBLEM, batch_of, client_of
from tests.test_dispatch import run, started, until

if TYPE_CHECKING:
    import httpx

    from reward_server.jobs import Job, Observations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def page_of(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Every number by its name and the values of its labels, in the order of their names."""
    text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, *(each.labels[label] for label in sorted(each.labels))): each.value for each in samples}


async def test_each_part_counts_what_it_did() -> None:
    async with client_of(cache_entries=2) as client:
        first = await client.post("/v1/score", json=batch_of("good", "good", "bad", "worse"))
        await client.post("/v1/score", json=batch_of("worse"))
        await client.put("/v1/problems", json={"problems": {"mine/a": PROBLEM}})
        await client.get("/readyz")
        await client.get("/nowhere")
        told = await page_of(client)
    expected = {
        ("passrate_submissions_total", "passed"): 2,
        ("passrate_submissions_total", "wrong_answer"): 3,
        ("passrate_submissions_total", "sandbox_error"): 0,
        ("passrate_assurance_total", "values"): 5,
        ("passrate_assurance_total", "objects"): 0,
        ("passrate_assurance_total", "shared"): 0,
        ("passrate_suspicious_total", "kills"): 0,
        ("passrate_joined_total",): 1,
        ("passrate_cached_total",): 1,
        ("passrate_cache_hits_total",): 1,
        ("passrate_cache_misses_total",): 3,
        ("passrate_cache_evictions_total",): 1,
        ("passrate_cache_entries",): 2,
        ("passrate_queue_wait_seconds_count",): 4,
        ("passrate_run_seconds_count",): 4,
        ("passrate_clean_seconds_count",): 4,
        ("passrate_runs_lost_total", "gone"): 0,
        ("passrate_requests_total", "POST", "/v1/score", "200"): 2,
        ("passrate_requests_total", "GET", "other", "404"): 1,
        ("passrate_requests_in_flight",): 1,
        ("passrate_request_seconds_count", "/v1/score", "200"): 2,
        ("passrate_problems", "put"): 1,
        ("passrate_ready",): 1,
        ("passrate_canaries_total",): 1,
    }
    assert {name: told.get(name) for name in expected} == expected
    assert told["passrate_run_cpu_seconds_sum",] == pytest.approx(0.004)
    assert told["passrate_cache_bytes",] > 0
    assert told["passrate_request_body_bytes_total", "/v1/score"] > 2 * len(repr(PROBLEM))
    assert told["passrate_response_body_bytes_total", "/v1/score"] > len(first.content)
    assert told["process_open_fds",] > 0


async def test_a_wait_in_the_queue_is_measured() -> None:
    async with started(FakeBackend(delay_s=0.05), slots=1) as dispatcher:
        await asyncio.gather(*(dispatcher.run(run()) for _ in range(3)))
        assert 0.14 < dispatcher.waits.total < 2
        assert dispatcher.waits.buckets()[-1] == ("+Inf", 3)


async def test_nobody_has_asked_whether_it_is_ready() -> None:
    """Then there is no answer, which is neither yes nor no."""
    async with client_of() as client:
        assert ("passrate_ready",) not in await page_of(client)


LIMITS: dict[str, dict[str, Any]] = {"uses": {"slot_uses": 1}, "age": {"slot_age_s": 1e-9}}


@pytest.mark.parametrize("why", ["uses", "age", "ended", "lost", "failed", "dropped"])
async def test_a_slot_is_closed_for_a_reason(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "LOOK_S", 0.01)

    async def script(job: Job) -> Observations:
        if code_of(job) == "failed":
            raise ValueError
        if code_of(job) == "dropped":
            await asyncio.Event().wait()
        return await print_the_code(job)

    backend = FakeBackend(script)
    async with started(backend, slots=1, **LIMITS.get(why, {})) as dispatcher:
        working = asyncio.create_task(dispatcher.run(run(why)))
        if why == "ended":
            await working
            backend.slots[0].spent = True
        elif why == "dropped":
            await until(lambda: dispatcher.running == 1)
            working.cancel()
        await until(lambda: dispatcher.slots_closed[why] > 0)  # type: ignore[index]
        await asyncio.gather(working, return_exceptions=True)
    assert {name for name, count in dispatcher.slots_closed.items() if count} == {why, "closed"}


async def test_whatever_clients_send_the_page_has_no_more_lines() -> None:
    """Each new value of a label would stay for ever, here and in Prometheus. Red with the path as route, any method."""

    async def send(client: httpx.AsyncClient, number: int) -> None:
        odd = f"odd{number}"
        batch = batch_of("good", odd) | {"problems": {"p": PROBLEM}}
        headers = {"x-request-id": odd, "authorization": f"Bearer {odd}", "user-agent": odd}
        await client.post("/v1/score", json=batch, headers=headers)
        await client.post("/v1/score", json=batch | {odd: 1})
        await client.put("/v1/problems", json={"problems": {f"{odd}/{odd}": PROBLEM}})
        await client.get(f"/v1/problems/{odd}/{odd}")
        await client.get(f"/v1/problems/{odd}/none")
        await client.get(f"/v1/{odd}", params={odd: odd})
        for path in ("/v1/score", "/metrics", f"/{odd}"):
            await client.request(f"ODD{number}", path)
        await client.post("/v1/run", json={"code": odd})
        await client.get("/readyz")

    async with client_of() as client:
        await send(client, 0)
        await client.get("/metrics")
        few = set(await page_of(client))
        for number in range(1, 8):
            await send(client, number)
        assert set(await page_of(client)) == few
    assert not [labels for labels in few if any("odd" in each.lower() for each in labels)]


async def test_each_method_is_one_that_http_has_or_other() -> None:
    async with client_of() as client:
        for method in ("BREW", *METHODS):
            await client.request(method, "/healthz")
        told = await page_of(client)
    methods = {labels[1] for labels in told if labels[0] == "passrate_requests_total"}
    assert methods == METHODS | {"other"}
