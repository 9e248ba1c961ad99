"""One event in the log, and a count, for each request: what, how it ended, how long. Never code, tests or outputs.

Promises: every answer carries the request's id in `x-request-id`, also that to a bug of ours, which is answered here.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request

from reward_server import request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FACTS: Final = "passrate.facts"
MOST_PATH_CHARS: Final = 200

log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, on_bug: Callable[[Request, Exception], Awaitable[Response]]) -> None:
        self._app = app
        self._on_bug = on_bug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics = scope["app"].state.service.metrics
        named = request_id.request_id_for(Request(scope).headers.get(request_id.HEADER))
        path = scope["path"][:MOST_PATH_CHARS]
        facts: dict[str, Any] = {"request_id": named, "method": scope["method"], "path": path, "status": None}
        scope[FACTS] = facts
        received = sent = 0
        began = time.monotonic()

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def watch(message: Message) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                facts["status"] = message["status"]
                header = (request_id.HEADER.encode(), named.encode())
                message = {**message, "headers": [*message.get("headers", ()), header]}
            else:
                sent += len(message.get("body", b""))
            await send(message)

        token = request_id.current.set(named)
        metrics.in_flight += 1
        try:
            await self._app(scope, count, watch)
        except Exception as error:
            log.exception("request_failed")
            if facts["status"] is not None:
                raise  # half an answer is out: the connection has to break
            await (await self._on_bug(Request(scope), error))(scope, count, watch)
        finally:
            metrics.in_flight -= 1
            seconds = time.monotonic() - began
            log.info("request", extra={**facts, "seconds": round(seconds, 4)})
            route = getattr(scope.get("route"), "path", None)
            metrics.count_request(route, scope["method"], facts["status"], seconds, received, sent)
            request_id.current.reset(token)


def note(request: Request, **facts: Any) -> None:
    """Add facts to the event of a request."""
    request.scope.get(FACTS, {}).update(facts)
