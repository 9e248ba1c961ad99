"""Log records as JSON lines: time, level, logger, event, the request's id, and the event's fields.

Promises: one line a record, whatever a field holds. An exception is told by its type and the places that it passed: its
text may quote what a client sent, and that stays out.
"""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING, Any, Final

from reward_server import request_id

if TYPE_CHECKING:
    from reward_server.settings import Settings

STANDARD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage()
        event: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": said.partition("\n")[0],  # asyncio puts what its tasks raised into the lines that follow
        }
        if (current := request_id.current.get()) is not None:
            event["request_id"] = current
        event.update({key: value for key, value in vars(record).items() if key not in STANDARD_FIELDS})
        if record.exc_info and record.exc_info[1] is not None:
            event["exception"] = type(record.exc_info[1]).__name__
            event["at"] = places(record.exc_info[1])
        return json.dumps(event, default=str)


def places(error: BaseException) -> list[str]:
    """Return the places that an exception passed, innermost last."""
    return [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(error.__traceback__)]


def set_up(settings: Settings) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO if settings.log == "requests" else logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
