"""The ASGI application: the service behind the endpoints, and every error in one shape."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from reward_server.answers import answer_to, say
from reward_server.backends import choose_backend
from reward_server.door import DoorKeeper
from reward_server.endpoints import CLIENT_GONE, router
from reward_server.errors import RewardServerError
from reward_server.models import CONTRACT
from reward_server.openapi import openapi_of
from reward_server.request_log import RequestLog
from reward_server.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reward_server.backends.base import Backend
    from reward_server.settings import Settings

DESCRIPTION: Final = """Scores programs that coding models write: runs them against the tests of their problems in a
sandbox and answers pass rates, per-test verdicts and rewards. A reward is right or absent: a failure of the server is
`null`, never 0."""


def create_app(settings: Settings, backend: Backend | None = None) -> FastAPI:
    """Make the application; its lifespan opens and closes the sandboxes. Raises: BackendUnavailable, BadSetting."""
    service = Service.assemble(settings, backend if backend is not None else choose_backend(settings))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.close()

    app = FastAPI(title="passrate", version=str(CONTRACT), description=DESCRIPTION, lifespan=lifespan, redoc_url=None)
    app.state.service = service
    app.include_router(router)
    app.add_middleware(DoorKeeper, door=service.door)
    app.add_middleware(RequestLog, on_bug=_answer_bug)  # the last one added is the outermost: it sees every answer
    app.add_exception_handler(RewardServerError, _answer_our_error)
    app.add_exception_handler(RequestValidationError, _answer_bad_parameter)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.openapi = openapi_of(app)  # type: ignore[method-assign]
    return app


async def _answer_our_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RewardServerError)
    return answer_to(error)


async def _answer_bad_parameter(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return say(422, "bad_request", str(first["msg"]), field=".".join(map(str, first["loc"][1:])))


async def _answer_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers) if error.headers else None
    return say(status, status.phrase.lower().replace(" ", "_"), f"{status.phrase}: see /docs", headers=headers)


async def _answer_nobody(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)


async def _answer_bug(_: Request, error: Exception) -> Response:
    return say(500, "internal_error", f"the server failed ({type(error).__name__}): this is a bug in passrate")
