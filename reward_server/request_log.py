"""One event in the log, and a count, for each request: what, how it ended, how long. Never code, tests or outputs."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FACTS: Final = "passrate.facts"

log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "status": None}
        scope[FACTS] = facts
        began = time.monotonic()

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts["status"] = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            facts["seconds"] = round(time.monotonic() - began, 4)
            log.info("request", extra=facts)
            route = getattr(scope.get("route"), "path", None)
            scope["app"].state.service.metrics.count_request(route, facts["status"], facts["seconds"])


def note(request: Request, **facts: Any) -> None:
    """Add facts to the event of a request."""
    request.scope.get(FACTS, {}).update(facts)
