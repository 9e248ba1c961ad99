"""What a server's answer means: JSON of ours, an error to raise, or a reason to try again.

Promises: no I/O. Understands errors of ours, of FastAPI, and of a proxy between.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import httpx

from reward_server import request_id
from trainer.errors import RequestRejected, UnexpectedAnswer
from trainer.wire import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRY_AGAIN = {408, 425, 429}
"""The 4xx that are about the moment, not about the request."""
ABOUT_THE_SERVER = TRY_AGAIN | {503}
"""Those after which it is left alone for a while, whatever was asked. Other 5xx may be the fault of one request."""


class TryAgain(Exception):
    """Nothing came back, or not all, and the next attempt may fare better."""

    def __init__(
        self, reason: str, after_s: float = 0.0, *, may_be_alone: bool = False, unanswered: bool = False
    ) -> None:
        super().__init__(reason)
        self.after_s = after_s
        """Seconds that the server asked to be left alone."""
        self.may_be_alone = may_be_alone
        """Whether other requests may fare well there: it answered, and not that it can take none."""
        self.unanswered = unanswered
        """Whether the server did not answer at all."""


@contextlib.contextmanager
def connection_trouble() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise TryAgain(f"{type(error).__name__}: {error}{named(error.request)}", unanswered=True) from error


def named(request: httpx.Request) -> str:
    """Name a request at the end of a complaint, as the server's log names it."""
    name = request.headers.get(request_id.HEADER)
    return f" (request {name})" if name else ""


def parsed(text: str | bytes) -> dict[str, Any]:
    """Read a JSON object. Raises: UnexpectedAnswer."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UnexpectedAnswer(f"the server's answer is not a JSON object: {text[:80]!r}")
    return answer


def failure_of(response: httpx.Response) -> TryAgain | RequestRejected | UnexpectedAnswer:
    """Say what an answer other than 200 means. Its body has been read."""
    status = response.status_code
    field, message = _complaint(response)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in TRY_AGAIN:
        after_s = _seconds(response.headers.get("Retry-After"))
        may_be_alone = status not in ABOUT_THE_SERVER and not after_s
        return TryAgain(f"{status}: {message}{named(response.request)}", after_s, may_be_alone=may_be_alone)
    if status >= httpx.codes.BAD_REQUEST:
        return RequestRejected(status, field, message, response.request.headers.get(request_id.HEADER))
    return UnexpectedAnswer(f"the server answered {status} to {response.request.url}{named(response.request)}")


def check_contract(server: str, health: Mapping[str, Any]) -> None:
    """Compare the wire contract that `/healthz` names with this client's. Raises: UnexpectedAnswer with the fix."""
    theirs = health.get("contract")
    if theirs == CONTRACT:
        return
    if not isinstance(theirs, int):
        raise UnexpectedAnswer(
            f"{server} names no wire contract in /healthz: it is older than this client, which speaks contract "
            f"{CONTRACT}, or no passrate server at all. Update passrate on the server, or correct the URL"
        )
    late = "here" if theirs > CONTRACT else "on the server"
    raise UnexpectedAnswer(
        f"{server} speaks wire contract {theirs}, and this client speaks contract {CONTRACT}: update passrate {late}"
    )


def _complaint(response: httpx.Response) -> tuple[str, str]:
    """Find the field and the message in an error of ours, of FastAPI, or of a proxy."""
    try:
        said = response.json()
    except ValueError:
        return "", response.text[:200].strip() or response.reason_phrase
    for key in ("error", "detail"):
        if isinstance(said, dict) and isinstance(said.get(key), dict | list):
            said = said[key]
    if isinstance(said, list) and said and isinstance(said[0], dict):
        first = said[0]
        return ".".join(str(part) for part in first.get("loc", ())), str(first.get("msg", first))
    if isinstance(said, dict):
        message = said.get("message") or said.get("detail") or said.get("error") or said
        return str(said.get("field") or ""), str(message)
    return "", str(said)


def _seconds(header: str | None) -> float:
    try:
        return max(0.0, float(header or 0))
    except ValueError:  # a date: back off as usual
        return 0.0
