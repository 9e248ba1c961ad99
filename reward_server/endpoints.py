"""The HTTP endpoints. Each reads its body by `wire`, asks the service and answers plain JSON."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST

from reward_server.door import visit_of
from reward_server.errors import BackendUnavailable, SandboxLost, Stopping
from reward_server.models import (
    CONTRACT,
    Health,
    IndexedResult,
    ProblemPage,
    PutProblems,
    RunRequest,
    RunResponse,
    ScoreRequest,
    ScoreResponse,
    StoredProblems,
)
from reward_server.openapi import body_of, errors, streamed
from reward_server.problems import summary
from reward_server.programs import program_job, run_of, run_report
from reward_server.request_log import note
from reward_server.scoring import check_memory
from reward_server.turns import go_through
from tasks.schema import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from reward_server.backends.base import Slot
    from reward_server.batch import Batch
    from reward_server.jobs import Observations
    from reward_server.service import Service

T = TypeVar("T")

NDJSON: Final = "application/x-ndjson"
CLIENT_GONE: Final = 499
"""For the log only: there is nobody left to answer."""

router = APIRouter()


@router.post(
    "/v1/score",
    summary="Score a batch of submissions",
    openapi_extra=body_of(ScoreRequest),
    responses={
        200: {"model": ScoreResponse, "content": streamed(IndexedResult)},
        **errors(400, 401, 403, 404, 413, 422, 429, 503),
    },
)
async def score(request: Request) -> Response:
    """Run each submission against the tests of its problem, and answer one result for each, in order.

    With `Accept: application/x-ndjson` the results come as they finish, one JSON object a line, each with its `index`.
    A submission about which nothing can be said, by our failure, has `reward: null` and an `error`.
    """
    service = _service(request)
    asked = await service.bodies.read(ScoreRequest, request)
    batch = await service.scorer.begin(asked, visit_of(request).client)
    note(request, items=len(asked.submissions), problems=len(asked.problems))
    deadline_s = _deadline_s(asked, service)
    message = f"no verdict within the request's {deadline_s:g} s"
    deadline = asyncio.get_running_loop().call_later(deadline_s, service.scorer.expire, batch, message)

    def leave() -> None:
        deadline.cancel()
        service.scorer.leave(batch)
        note(request, verdicts=dict(batch.verdicts), cached=batch.cached)
        service.metrics.count_batch(batch)

    if NDJSON in request.headers.get("accept", ""):
        return StreamingResponse(_lines(batch, leave), media_type=NDJSON)
    try:
        await _unless_gone(request, batch.wait())
    except _ClientGoneError:
        return Response(status_code=CLIENT_GONE)
    finally:
        leave()
    return Response(batch.body(), media_type="application/json")


@router.post(
    "/v1/run",
    summary="Run one program",
    openapi_extra=body_of(RunRequest),
    responses={200: {"model": RunResponse}, **errors(400, 401, 403, 413, 422, 429, 503)},
)
async def run(request: Request) -> Response:
    """Run a program in the sandbox and answer what was seen of it. Nothing is judged."""
    service = _service(request)
    asked = await service.bodies.read(RunRequest, request)
    check_memory(asked.limits.memory_mb, service.backend.memory_mb, "limits.memory_mb")
    job = program_job(asked)
    client = visit_of(request).client
    deadline_s = _deadline_s(asked, service)
    asked_at = started_at = time.monotonic()

    async def work(slot: Slot) -> Observations:
        nonlocal started_at
        started_at = time.monotonic()
        return await slot.run(job)

    try:
        async with asyncio.timeout(deadline_s):
            observations = await _unless_gone(request, service.dispatcher.run(work, client=client))
    except TimeoutError:
        raise SandboxLost(f"no end within the request's {deadline_s:g} s") from None
    except _ClientGoneError:
        return Response(status_code=CLIENT_GONE)
    report = run_report(run_of(observations), started_at - asked_at)
    return Response(await go_through(report), media_type="application/json")


@router.get(
    "/v1/problems",
    summary="List the stored problems",
    responses={200: {"model": ProblemPage}, **errors(401, 403, 422, 429)},
)
async def list_problems(
    request: Request,
    prefix: Annotated[str, Query(description="Only ids that begin so, such as `humaneval/`.", max_length=200)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List stored problems by id, in brief: those of the server's sets, and those that this key has stored."""
    page, total = await _service(request).store.page(prefix, offset, limit, visit_of(request).client.owner)
    after = offset + len(page)
    return _json(
        {
            "problems": [summary(problem_id, problem) for problem_id, problem in page],
            "total": total,
            "next_offset": after if page and after < total else None,
        }
    )


@router.get(
    "/v1/problems/{problem_id:path}",
    summary="Get a stored problem",
    responses={200: {"model": Problem}, **errors(401, 403, 404, 422, 429)},
)
async def get_problem(request: Request, problem_id: str) -> Response:
    """Answer a stored problem as a whole, with its tests and its reference."""
    known = await _service(request).store.get(problem_id, owner=visit_of(request).client.owner)
    # Unset fields stay unset: whether a case has `expected` or `raises` shows only by what was set.
    return Response(known.problem.model_dump_json(exclude_unset=True), media_type="application/json")


@router.put(
    "/v1/problems",
    summary="Store problems",
    openapi_extra=body_of(PutProblems),
    responses={200: {"model": StoredProblems}, **errors(400, 401, 403, 413, 422, 429)},
)
async def put_problems(request: Request) -> Response:
    """Store problems in memory, so that submissions can name them by id. One of the same id is replaced.

    They belong to the key that stores them: to others they do not exist, and may have the same ids.
    """
    service = _service(request)
    asked = await service.bodies.read(PutProblems, request)
    total = service.store.put(asked.problems, visit_of(request).client.owner)
    return _json({"stored": len(asked.problems), "total": total})


@router.get("/healthz", summary="Is the server alive?")
async def healthz() -> Health:
    """Answer at once, whatever the sandboxes do."""
    return Health(status="ok", contract=CONTRACT)


@router.get("/readyz", summary="Can the server judge?", responses=errors(503))
async def readyz(request: Request) -> dict[str, Any]:
    """Run a small program in a sandbox, at most once a second, and answer 503 with the cause if that fails."""
    service = _service(request)
    if service.dispatcher.stopping:
        raise Stopping
    cause = await service.canary.cause()
    if cause is not None:
        raise BackendUnavailable(cause)
    dispatcher = service.dispatcher
    return {
        "status": "ready",
        "backend": service.backend.name,
        "slots": dispatcher.open_slots,
        "spares": dispatcher.spares,
        "queued": dispatcher.queued,
    }


@router.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse, responses=errors(401, 403))
async def metrics(request: Request) -> Response:
    """Answer queue, slots, runs, verdicts, cache, requests and the server's process; docs/operating.md lists them."""
    return Response(_service(request).metrics.page(), media_type=CONTENT_TYPE_LATEST)


class _ClientGoneError(Exception):
    pass


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work whose request was read to its end. Raises: _ClientGoneError when the client leaves before."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise _ClientGoneError
        return working.result()
    finally:
        gone.cancel()
        working.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lines(batch: Batch, leave: Any) -> AsyncIterator[bytes]:
    try:
        async for lines in batch.lines():
            yield lines
    finally:
        leave()


def _deadline_s(asked: ScoreRequest | RunRequest, service: Service) -> float:
    most = service.settings.request_deadline_s
    return most if asked.deadline_s is None else min(asked.deadline_s, most)


def _service(request: Request) -> Service:
    return cast("Service", request.app.state.service)


def _json(content: dict[str, Any]) -> Response:
    return Response(json.dumps(content, separators=(",", ":")), media_type="application/json")
