"""The id of the request that is being served, by which a client's errors and the log lines of a server find each other.

A client may name it by `x-request-id`; a name that is none, or that could mislead whoever reads a log, is replaced.
"""

from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from typing import Final

HEADER: Final = "x-request-id"
MOST_CHARS: Final = 128
SANE: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{MOST_CHARS}}}")

current: Final[ContextVar[str | None]] = ContextVar("passrate_request_id", default=None)
"""None outside of requests. What a request starts inherits it."""


def request_id_for(given: str | None) -> str:
    """Take the client's id if it is a short plain word, else make one."""
    return given if given is not None and SANE.fullmatch(given) else uuid.uuid4().hex
