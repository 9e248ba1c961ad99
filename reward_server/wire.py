"""From the bytes of a request to a checked value, or to an error that names the field and the fix.

Promises: never holds more of a body than the limit, nor more than there is room for beside the bodies of other
requests; never repeats what a request contained except for the names of its fields.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from reward_server.apart import Incomparable, WrongSources
from reward_server.complaints import explain
from reward_server.door import visit_of
from reward_server.errors import BadRequest, NotJson, TooLarge
from reward_server.large_bodies import CLOSING_OF, Item, NoJsonError, Opened, cut
from reward_server.turns import go_through
from tasks.schema import LATER

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from pydantic_core import ErrorDetails
    from starlette.requests import Request

    from reward_server.apart import Apart
    from tasks.schema import Problem

Model = TypeVar("Model", bound=BaseModel)

WHOLE_BYTES: Final = 128 << 10
"""A larger body is checked in pieces, so that others have the event loop in between."""
CHECK_BYTES: Final = 16 << 10
"""Of small pieces so much is checked at once, in half a millisecond."""
SEAMS: Final = {b"[": re.compile(rb"}[ \t\r\n]*,[ \t\r\n]*{"), b"{": re.compile(rb'}[ \t\r\n]*,[ \t\r\n]*"')}
"""Where one value may end and the next begin. It may also be in the midst of one; then what ends there is no JSON."""
LARGE_BYTES: Final = 4 << 20
"""Bodies of more are checked one at a time, as each is in memory twice by then."""

NOTHING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({})

CONTEXT: Final = {LATER: True}
"""Of the first validation, on the event loop."""
MOST_WORDED: Final = 64
"""More errors than these are put in words in another process: 50,000 take 100 ms."""
TOO_MANY_ERRORS: Final = "it takes too long to name what is wrong: send fewer problems or fields at once"

MAX_CONTAINERS: Final = 1_000_000
"""Lists and objects of one body: 3 bytes of JSON become 70 in memory, and no other request is answered meanwhile."""
PIECE_BYTES: Final = 64 << 10
ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
CONTAINER_BYTES: Final = 72
VALUE_BYTES: Final = 16


class _TooInvolved(Exception):
    """What is wrong with a body would take long to put in words."""


class Bodies:
    """Reads the bodies of requests and checks them.

    On the event loop, in turns: a thread would hold the interpreter's lock as often, and whoever waits for that waits
    longer than a turn takes.
    """

    def __init__(self, limit: int, apart: Apart) -> None:
        self._limit, self._apart = limit, apart
        self._one_large = asyncio.Lock()

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
            containers = await go_through(brackets_outside_text(body))
        if containers > MAX_CONTAINERS:
            raise TooLarge("body", f"{containers} lists and objects; at most {MAX_CONTAINERS}: split the batch")
        visit.hold(containers * CONTAINER_BYTES + values * VALUE_BYTES)
        async with self._one_large if len(body) > LARGE_BYTES else contextlib.nullcontext():
            return await self._looked_at(await self._parsed(model, body))

    async def _parsed(self, model: type[Model], body: bytes) -> Model:
        """Raises: NotJson, BadRequest."""
        try:
            if len(body) <= WHOLE_BYTES:
                return parse_now(model, body, at_once=True)
            return await go_through(parse_large(model, body, at_once=True))
        except _TooInvolved:
            refused = await self._refused(model, body)
        try:
            return await go_through(parse_large(model, body, refused, at_once=True))
        except _TooInvolved:  # a field is there twice
            raise BadRequest("body", TOO_MANY_ERRORS) from None

    async def _refused(self, model: type[BaseModel], body: bytes) -> dict[str, tuple[str, str]]:
        """Have another process say what is wrong. Returns: problems without which the request may go on.

        Raises: NotJson, BadRequest.
        """
        try:
            found = await self._apart.compute(refused_in, model, body, size=len(body))
        except Incomparable:
            raise BadRequest("body", TOO_MANY_ERRORS) from None
        if isinstance(found, BadRequest):
            raise found
        return found

    async def _looked_at(self, asked: Model) -> Model:
        """Look at long sources of problems elsewhere: to parse and walk them takes some 20 ms for each KB.

        Raises: BadRequest.
        """
        problems: dict[str, Problem] = getattr(asked, "problems", {})
        for name, problem in problems.items():
            try:
                await self._apart.analyse(problem)
            except WrongSources as wrong:
                errors = [{**each, "loc": ("problems", name, *each["loc"])} for each in wrong.errors]
                body = {"problems": {name: problem.model_dump(mode="json", exclude_unset=True)}}
                refuse(asked, name, explain(type(asked), cast("list[ErrorDetails]", errors), body))
        return asked


def _brackets(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def brackets_outside_text(body: bytes) -> Generator[None, None, int]:
    """Count those that begin a list or an object, step by step."""
    count, in_text, pending = 0, False, b""
    for at in range(0, len(body), PIECE_BYTES):
        piece = ESCAPE.sub(b"", pending + body[at : at + PIECE_BYTES])
        pending = b"\\" if piece.endswith(b"\\") else b""
        parts = piece.split(b'"')
        count += _brackets(b"".join(parts[in_text::2]))
        in_text ^= len(parts) % 2 == 0
        yield
    return count


def refused_in(model: type[BaseModel], body: bytes) -> dict[str, tuple[str, str]] | BadRequest:
    """Return the problems without which a request may go on, each with its wrong field and the fix; else the error."""
    steps = parse_large(model, body)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return getattr(end.value, "refused", {})
        except BadRequest as error:
            return error


def parse_large(
    model: type[Model], body: bytes, refused: Mapping[str, tuple[str, str]] = NOTHING, *, at_once: bool = False
) -> Generator[None, None, Model]:
    """Check a body as `parse_now` does, step by step: the values of fields that the model names in `PIECES` apart.

    `refused`: problems that are known to be wrong. Raises: NotJson, BadRequest; with `at_once`, _TooInvolved.
    """
    apart: dict[str, tuple[type[BaseModel], bytes]] = getattr(model, "PIECES", {})
    parts: dict[str, _Part] = {}
    rest: dict[str, bytes] = {}
    name = ""
    try:
        for found in cut(body, apart, lambda name, begin: parts[name].leap(begin)) if apart else ():
            yield
            if found is None:
                continue
            if isinstance(found, Item):
                parts[name].add(found)
            elif found.name in rest:
                return parse_now(model, body, at_once=at_once)  # the last one counts; nobody sends that
            elif isinstance(found, Opened):
                name = found.name
                parts[name] = _Part(found, *apart[name], body, refused, at_once=at_once)
                rest[name] = b""
            else:
                rest[found.name] = body[found.start : found.end]
                if at_once and len(rest) > MOST_WORDED:
                    raise _TooInvolved
    except NoJsonError as error:
        raise NotJson("body", f"expected a value or its end at byte {error.at}: send one JSON object") from None
    except UnicodeError:  # a name that UTF-8 cannot hold
        return parse_now(model, body, at_once=at_once)
    if not rest:
        return parse_now(model, body, at_once=at_once)
    for name, part in parts.items():
        part.check()
        rest[name] = part.stand_in()
    whole = b",".join(json.dumps(name).encode() + b":" + value for name, value in rest.items())
    asked = parse_now(model, b"{" + whole + b"}", at_once=at_once).model_copy(
        update={name: part.found() for name, part in parts.items()}
    )
    for part in parts.values():
        for key, wrong in part.refused.items():
            refuse(asked, key, wrong)
            yield
    return asked


def refuse(asked: BaseModel, name: str, error: BadRequest) -> None:
    """Leave out a wrong problem where the request may go on without it. Raises: BadRequest."""
    if not hasattr(asked, "refuse"):
        raise error
    asked.refuse(name, error)


class _Part:
    """The values of a list or an object, which are checked some at a time."""

    def __init__(
        self,
        opened: Opened,
        kind: type[BaseModel],
        smallest: bytes,
        body: bytes,
        refused: Mapping[str, tuple[str, str]],
        *,
        at_once: bool,
    ) -> None:
        self._field, self._bracket = opened
        self._kind, self._smallest, self._body = kind, smallest, body
        self._waiting: list[Item] = []
        self._listed: list[BaseModel] = []
        self._named: dict[str, BaseModel] = {}
        self._known, self._at_once = refused, at_once
        self.refused: dict[str, BadRequest] = {}

    def add(self, item: Item) -> None:
        if item.key is not None and item.key in self._known:
            self.refused[item.key] = BadRequest(*self._known[item.key])
            return
        self._waiting.append(item)
        if item.end - self._waiting[0].begin > CHECK_BYTES:
            self.check()

    def check(self) -> None:
        """Raises: NotJson, BadRequest."""
        if not self._waiting:
            return
        if not self._take(self._waiting[0].begin, self._waiting[-1].end):
            self._check_each()
        self._waiting.clear()

    def leap(self, begin: int) -> int | None:
        """Check some values from `begin` on by a guess where one of them ends. Returns: where; None if it was wrong."""
        if self._waiting:
            return None
        seam = SEAMS[self._bracket].search(self._body, begin + CHECK_BYTES, begin + 2 * CHECK_BYTES)
        end = seam.start() + 1 if seam is not None else None
        return end if end is not None and self._take(begin, end) else None

    def _take(self, begin: int, end: int) -> bool:
        """Check what lies between, and say whether it is whole values, and right ones."""
        inner = self._bracket + self._body[begin:end] + CLOSING_OF[self._bracket]
        try:
            found = _several(self._kind, self._bracket).validate_json(inner, strict=True, context=CONTEXT)
        except ValidationError:
            return False
        if isinstance(found, list):
            self._listed += found
        else:
            self._named |= found
        return True

    def _check_each(self) -> None:
        """To say what is wrong and where, or to find that it can be mended."""
        for item in self._waiting:
            within = (self._field, len(self._listed) if item.key is None else item.key)
            try:
                value = parse_now(
                    self._kind, self._body[item.start : item.end], item.start, within, at_once=self._at_once
                )
            except NotJson:
                raise
            except BadRequest as error:
                if item.key is None:
                    raise
                self.refused[item.key] = error
                if self._at_once and len(self.refused) - len(self._known) > MOST_WORDED:
                    raise _TooInvolved from None
                continue
            if item.key is None:
                self._listed.append(value)
            else:
                self._named[item.key] = value

    def found(self) -> dict[str, BaseModel] | tuple[BaseModel, ...]:
        return tuple(self._listed) if self._bracket == b"[" else self._named

    def stand_in(self) -> bytes:
        """The like of it, with values that are small."""
        if self._bracket == b"[":
            return b"[" + (self._smallest if self._listed else b"") + b"]"
        return (
            b"{"
            + b",".join(json.dumps(name).encode() + b":" + self._smallest for name in self._named or self.refused)
            + b"}"
        )


@functools.cache
def _several(kind: type[BaseModel], bracket: bytes) -> TypeAdapter[list[BaseModel] | dict[str, BaseModel]]:
    return TypeAdapter(list[kind] if bracket == b"[" else dict[str, kind])  # type: ignore[valid-type]


def parse_now(
    model: type[Model], body: bytes, start: int = 0, within: tuple[str | int, ...] = (), *, at_once: bool = False
) -> Model:
    """Check a body by the letter: `true` is no number, nor is "5".

    It may be a piece of one, that begins at `start` and is found there by the names and indexes of `within`.

    Raises: NotJson, BadRequest; with `at_once`, _TooInvolved rather than hold the event loop for long.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise NotJson("body", f"byte {start + error.start} is not UTF-8: send the JSON encoded as UTF-8") from None
    try:
        return model.model_validate_json(body, strict=True, context=CONTEXT)
    except ValidationError as error:
        if at_once and error.error_count() > MOST_WORDED:
            raise _TooInvolved from None
        errors = error.errors(include_input=False, include_url=False)
        first = errors[0]
        if first["type"] == "json_invalid":
            mended = without_lone_surrogates(body)
            if mended is not None:
                return parse_now(model, mended, start, within, at_once=at_once)
            place = f" of what begins at byte {start}" if within else ""
            raise NotJson("body", f"{first['ctx']['error']}{place}: send one JSON object") from None
        if at_once and len(body) > WHOLE_BYTES:
            raise _TooInvolved from None
        value = json.loads(body)
        if not within and (spared := without_wrong(model, errors, value)) is not None:
            return spared
        for step in reversed(within):
            value = {step: value} if isinstance(step, str) else [None] * step + [value]
        for each in errors:
            each["loc"] = (*within, *each["loc"])
        raise explain(model, errors, value) from None


def without_wrong(model: type[Model], errors: list[ErrorDetails], value: Any) -> Model | None:
    """The request without the problems that are wrong; None where other things are wrong as well, or it is strict."""
    field = getattr(model, "SPARED", None)
    if any(len(each["loc"]) < 2 or each["loc"][0] != field for each in errors):
        return None
    names: dict[str, list[ErrorDetails]] = {}
    for each in errors:
        names.setdefault(str(each["loc"][1]), []).append(each)
    kept = {**value, field: {name: each for name, each in value[field].items() if name not in names}}
    try:
        asked = model.model_validate_json(json.dumps(kept), strict=True, context=CONTEXT)
    except ValidationError:
        return None
    if getattr(asked, "strict", False):
        return None
    for name, wrong in names.items():
        refuse(asked, name, explain(model, wrong, value))
    return asked


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
