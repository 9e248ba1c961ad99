"""Every error that the client raises.

RewardClientError
├── RequestRejected    a 4xx: the request is wrong, and sending it again would not help
├── ServerUnavailable  no answer within the deadline (never from `score` and `stream`)
└── UnexpectedAnswer   the server speaks something else than this client
"""

from __future__ import annotations

UNAUTHORIZED = 401
KEY_NAME = "PASSRATE_API_KEY"


class RewardClientError(Exception):
    pass


class RequestRejected(RewardClientError):
    """The server refused the request: it names the field and the fix."""

    def __init__(self, status: int, field: str, message: str, request_id: str | None = None) -> None:
        hint = "" if status != UNAUTHORIZED or KEY_NAME in message else f" (set {KEY_NAME})"
        named = f" (request {request_id})" if request_id else ""
        what = f"{field}: {message}" if field else message
        super().__init__(f"the server refused the request ({status}): {what}{hint}{named}")
        self.status = status
        self.field = field
        self.message = message
        self.request_id = request_id


class ServerUnavailable(RewardClientError):
    pass


class UnexpectedAnswer(RewardClientError):
    pass
