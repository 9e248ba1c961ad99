"""From the bytes of a request to a checked value, or to an error that names the field and the fix.

Promises: never holds more of a body than the limit, nor more than there is room for beside the bodies of other
requests; never repeats what a request contained except for the names of its fields.
"""

from __future__ import annotations

import asyncio
import difflib
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from reward_server.door import visit_of
from reward_server.errors import BadRequest, NotJson, TooLarge
from reward_server.large_bodies import OPENING_OBJECT, NoJsonError, is_container, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_core import ErrorDetails
    from starlette.requests import Request

    from reward_server.large_bodies import Piece

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")

INLINE_BYTES: Final = 256 << 10
"""A larger body is checked in a thread, so that the event loop goes on meanwhile."""
WHOLE_BYTES: Final = 4 << 20
"""A still larger one in pieces: a thread that checks it in one call lets nobody else run for 15 ms already."""

MAX_CONTAINERS: Final = 1_000_000
"""Lists and objects of one body: 3 bytes of JSON become 70 in memory, and no other request is answered meanwhile."""
PIECE_BYTES: Final = 256 << 10
ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
CONTAINER_BYTES: Final = 72
VALUE_BYTES: Final = 16

FIXES: Final = {
    "string_type": "give a string",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "list_type": "give a list",
    "tuple_type": "give a list",
    "dict_type": "give an object",
    "model_type": "give an object",
    "model_attributes_type": "give an object",
    "missing": "this field is required",
    "finite_number": "give a finite number",
    "string_unicode": "give text without lone surrogates",
    "string_pattern_mismatch": "give a plain file name",
    "none_required": "give null",
}
"""What to do about a wrong value, by pydantic's type of error; for other types its message says it."""


class Bodies:
    """Reads the bodies of requests and checks them. `close` it.

    Large ones are checked in a thread, so that the event loop goes on meanwhile, and one at a time: each thread more
    that wants the interpreter's lock is one more that the loop waits for, and they would be no sooner done together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._thread = ThreadPoolExecutor(1, "check")
        self._thread_for_largest = ThreadPoolExecutor(1, "check-largest")
        """They may take a second each: the others need not wait for them."""

    def close(self) -> None:
        for thread in (self._thread, self._thread_for_largest):
            thread.shutdown(wait=False, cancel_futures=True)

    async def read(self, model: type[Model], request: Request) -> Model:
        """Read the body of a request, count what it will take in memory, and check it.

        Raises: TooLarge as soon as more than the limit is announced or comes, or where it holds too many values;
        Overloaded; NotJson; BadRequest.
        """
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and (len(announced) > 18 or int(announced) > self._limit):
            raise _too_large(self._limit)
        visit = visit_of(request)
        read = io.BytesIO()  # hands out what it holds without a copy
        containers = values = 0
        async for chunk in request.stream():
            if read.tell() + len(chunk) > self._limit:
                raise _too_large(self._limit)
            visit.hold(len(chunk))
            read.write(chunk)
            containers += _brackets(chunk)
            values += chunk.count(b",")
        body = read.getvalue()
        if containers > MAX_CONTAINERS:
            containers = await self._apart(len(body), brackets_outside_text, body)
        if containers > MAX_CONTAINERS:
            raise TooLarge("body", f"{containers} lists and objects; at most {MAX_CONTAINERS}: split the batch")
        visit.hold(containers * CONTAINER_BYTES + values * VALUE_BYTES)
        if len(body) <= INLINE_BYTES:
            return parse_now(model, body)
        return await self._apart(len(body), parse_now if len(body) <= WHOLE_BYTES else parse_large, model, body)

    async def _apart(self, size: int, work: Callable[..., T], *args: Any) -> T:
        thread = self._thread if size <= WHOLE_BYTES else self._thread_for_largest
        return await asyncio.get_running_loop().run_in_executor(thread, work, *args)


def _brackets(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def brackets_outside_text(body: bytes) -> int:
    """Count those that begin a list or an object. A piece at a time, as each call holds the interpreter's lock."""
    count, in_text, cut = 0, False, b""
    for at in range(0, len(body), PIECE_BYTES):
        piece = ESCAPE.sub(b"", cut + body[at : at + PIECE_BYTES])
        cut = b"\\" if piece.endswith(b"\\") else b""
        parts = piece.split(b'"')
        count += _brackets(b"".join(parts[in_text::2]))
        in_text ^= len(parts) % 2 == 0
    return count


def parse_large(model: type[Model], body: bytes) -> Model:
    """Check a body as `parse_now` does, but the values of fields that the model names in `PIECES` one by one.

    Raises: NotJson, BadRequest.
    """
    smallest: dict[str, tuple[type[BaseModel], bytes]] = getattr(model, "PIECES", {})
    checked: dict[str, Any] = {}
    rest: dict[str, bytes] = {}
    try:
        for member in pieces(body) if smallest else ():
            name = _name(member)
            if name in rest:
                return parse_now(model, body)  # the last one counts; nobody sends that
            if name in smallest and is_container(body, member):
                checked[name], rest[name] = _check_each(name, *smallest[name], body, member)
            else:
                rest[name] = body[member.start : member.end]
    except NoJsonError as error:
        raise NotJson("body", f"expected a value or its end at byte {error.at}: send one JSON object") from None
    except UnicodeError:  # a name that UTF-8 cannot hold
        return parse_now(model, body)
    whole = b",".join(json.dumps(name).encode() + b":" + value for name, value in rest.items())
    return parse_now(model, b"{" + whole + b"}").model_copy(update=checked) if rest else parse_now(model, body)


def _check_each(
    field: str, kind: type[BaseModel], smallest: bytes, body: bytes, member: Piece
) -> tuple[dict[str, BaseModel] | tuple[BaseModel, ...], bytes]:
    """Check each value of an object or a list. Returns: them, and the like of it with values that are small."""
    named: dict[str, BaseModel] = {}
    listed: list[BaseModel] = []
    for piece in pieces(body, member.start, member.end):
        within = (field, len(listed) if piece.key is None else _name(piece))
        value = parse_now(kind, body[piece.start : piece.end], piece.start, within)
        if piece.key is None:
            listed.append(value)
        else:
            named[str(within[1])] = value
    if body[member.start] == OPENING_OBJECT:
        return named, b"{" + b",".join(json.dumps(name).encode() + b":" + smallest for name in named) + b"}"
    return tuple(listed), b"[" + (smallest if listed else b"") + b"]"


def _name(piece: Piece) -> str:
    """Raises: UnicodeError for one that UTF-8 cannot hold; NoJsonError."""
    try:
        name = str(json.loads(piece.key or b'""'))
    except UnicodeError:
        raise
    except ValueError:
        raise NoJsonError(piece.start) from None
    name.encode()
    return name


def parse_now(model: type[Model], body: bytes, start: int = 0, within: tuple[str | int, ...] = ()) -> Model:
    """Check a body by the letter: `true` is no number, nor is "5". Raises: NotJson, BadRequest.

    It may be a piece of one, that begins at `start` and is found there by the names and indexes of `within`.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise NotJson("body", f"byte {start + error.start} is not UTF-8: send the JSON encoded as UTF-8") from None
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False)
        first = errors[0]
        if first["type"] == "json_invalid":
            mended = without_lone_surrogates(body)
            if mended is not None:
                return parse_now(model, mended, start, within)
            place = f" of what begins at byte {start}" if within else ""
            raise NotJson("body", f"{first['ctx']['error']}{place}: send one JSON object") from None
        value = json.loads(body)
        for step in reversed(within):
            value = {step: value} if isinstance(step, str) else [None] * step + [value]
        for each in errors:
            each["loc"] = (*within, *each["loc"])
        raise _explain(model, errors, value) from None


def without_lone_surrogates(body: bytes) -> bytes | None:
    """Put `?` for surrogates that stand alone: JSON may hold them, UTF-8 and so a program may not.

    A model can write anything; one such completion is judged like the others and does not fail its batch. None where
    there is no such escape, or the body is no JSON.
    """
    if b"\\u" not in body:
        return None
    try:
        mended = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
        json.loads(mended)
    except (ValueError, RecursionError):
        return None
    return mended if mended != body else None


def _too_large(limit: int) -> TooLarge:
    return TooLarge("body", f"more than {limit} bytes: split the batch, or raise PASSRATE_MAX_BODY_BYTES")


def _explain(model: type[BaseModel], errors: list[ErrorDetails], body: Any) -> BadRequest:
    """Say what is wrong with the first wrong field, and how many others there are."""
    wrong: dict[str, tuple[str, ...]] = {}
    unknown: list[str] = []
    for error in errors:
        if _follows_from_another(error, errors):
            continue
        field = _field(error, body)
        message = _message(model, error)
        wrong[field] = tuple(dict.fromkeys((*wrong.get(field, ()), message)))
        if error["type"] == "extra_forbidden":
            unknown.append(field)
    first = next(iter(wrong))
    # Where a union fails, each of its members complains. A field that none of them knows says it best.
    best = next((field for field in unknown if field.startswith(first)), first)
    others = [field for field in wrong if not field.startswith(first)]
    more = f" (and {len(others)} more)" if others else ""
    return BadRequest(best or "body", "; or ".join(wrong[best][:4]) + more)


def _follows_from_another(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Tell whether a list is only called too short because an item of it was wrong."""
    at = error["loc"]
    return error["type"] == "too_short" and any(
        other["loc"][: len(at)] == at and len(other["loc"]) > len(at) for other in errors
    )


def _field(error: ErrorDetails, body: Any) -> str:
    """Return the path as the sender knows it: pydantic's own has the names of union members in between."""
    path = ""
    value = body
    for at, step in enumerate(error["loc"]):
        last = at == len(error["loc"]) - 1
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            path += f"[{step}]"
            value = value[step]
        elif isinstance(step, str) and isinstance(value, dict) and (step in value or (last and _is_missing(error))):
            path += f".{step[:200]}" if path else step[:200]
            value = value.get(step)
    return path


def _is_missing(error: ErrorDetails) -> bool:
    return error["type"] == "missing"


def _message(model: type[BaseModel], error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        known = sorted(set(_field_names(model)))
        close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        return f"unknown field: {f'did you mean `{close[0]}`?' if close else 'leave it out'}"
    if kind == "too_short" and error.get("ctx", {}).get("actual_length") == 0:
        return "empty: give at least one"
    if kind in ("union_tag_invalid", "union_tag_not_found") and "discriminator" in error["ctx"]:
        expected = error["ctx"].get("expected_tags", "'stdio', 'call', 'asserts' or 'pytest'")
        return f"the field {error['ctx']['discriminator'].replace(chr(39), '`')} should be one of {expected}"
    if kind in FIXES:
        return FIXES[kind]
    return error["msg"].removeprefix("Value error, ").removeprefix("Input ")


def _field_names(model: type[BaseModel]) -> Iterator[str]:
    _, schema = models_json_schema([(model, "validation")])
    for definition in cast("dict[str, dict[str, Any]]", schema["$defs"]).values():
        yield from definition.get("properties", {})
