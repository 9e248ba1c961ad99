"""Errors as answers of HTTP, in one shape."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from reward_server import request_id
from reward_server.errors import BadRequest, Overloaded, Stopping, Unauthorized

if TYPE_CHECKING:
    from reward_server.errors import RewardServerError


def answer_to(error: RewardServerError) -> Response:
    """Say an error of ours."""
    kind = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
    headers = {}
    if isinstance(error, Overloaded | Stopping):
        headers["retry-after"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, Stopping):
        headers["connection"] = "close"
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = 'Bearer realm="passrate"'
    if isinstance(error, BadRequest):
        return say(error.status, kind, error.message, field=error.field)
    return say(error.status, kind, str(error), headers=headers)


def say(
    status: int, kind: str, message: str, *, field: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    error: dict[str, Any] = {"type": kind, "field": field, "message": message, "request_id": request_id.current.get()}
    return Response(json.dumps({"error": error}), status, headers=headers, media_type="application/json")
