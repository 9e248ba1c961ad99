"""Finds the pieces of a large body, so that each can be checked by itself.

One call that checks all of 60 MB holds the event loop for as long as it takes. Pieces are cut by brackets and quotes
alone. Promises: whatever is no JSON either shows here, or in one of the pieces.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

TOKEN: Final = re.compile(rb'"[^"\\]{0,99}+"|[]["{}]')
"""A short plain text as a whole, of any other its first quote."""
REST_OF_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
SCALAR: Final = re.compile(rb"[^][{}\",: \t\r\n]+")
BEGIN: Final = re.compile(rb"([\[{])[ \t\r\n]*([]}])?")
COLON: Final = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
NEXT: Final = re.compile(rb"[ \t\r\n]*([],}])[ \t\r\n]*")
SPACE: Final = re.compile(rb"[ \t\r\n]*")
QUOTE, BACKSLASH = b'"\\'
OPENING: Final = b"[{"
CLOSING_OF: Final = {b"{": b"}", b"[": b"]"}
TOKENS_A_STEP: Final = 500
ESCAPED_QUOTES: Final = 50
"""A text with more of them is not searched quote by quote."""


class NoJsonError(ValueError):
    """At that byte."""

    def __init__(self, at: int) -> None:
        super().__init__(f"no JSON at byte {at}")
        self.at = at


class Member(NamedTuple):
    """A member of the body."""

    name: str
    start: int
    end: int


class Opened(NamedTuple):
    """A list or an object among them, whose items follow."""

    name: str
    bracket: bytes


class Item(NamedTuple):
    """One of its items. `begin`: where that begins with its key."""

    key: str | None
    begin: int
    start: int
    end: int


def cut(
    body: bytes, opened: Collection[str], leap: Callable[[str, int], int | None] = lambda _name, _begin: None
) -> Iterator[Member | Opened | Item | None]:
    """Yield the members of a JSON object, and of those named in `opened` their items; None to say that it goes on.

    `leap` is told such a member and where an item of it begins, and may have taken some by itself: up to that place.

    Raises: NoJsonError; UnicodeError for a key that UTF-8 cannot hold.
    """
    whole = _Walk(body, SPACE.match(body).end(), b"{")  # type: ignore[union-attr]  # it matches nothing at all as well
    while not whole.closed:
        key, _, start = whole.value()
        name = str(key)
        if name in opened and body[start : start + 1] in CLOSING_OF:
            inner = _Walk(body, start)
            yield Opened(name, inner.bracket)
            while not inner.closed:
                taken = leap(name, inner.at)
                if taken is not None:
                    inner.leave(taken)
                    yield None
                    continue
                key, begin, at = inner.value()
                end = yield from _end_of_value(body, at)
                yield Item(key, begin, at, end)
                inner.leave(end)
            whole.leave(inner.at)
        else:
            end = yield from _end_of_value(body, start)
            yield Member(name, start, end)
            whole.leave(end)
    if whole.at != len(body):
        raise NoJsonError(whole.at)


class _Walk:
    """Goes from value to value of an object or a list."""

    def __init__(self, body: bytes, start: int, bracket: bytes = b"") -> None:
        begin = BEGIN.match(body, start)
        if begin is None or not begin[1].startswith(bracket):
            raise NoJsonError(start)
        self._body = body
        self.bracket = begin[1]
        self.at = begin.end()
        self.closed = begin[2] is not None
        if self.closed:
            self._close(begin[2], self.at)

    def value(self) -> tuple[str | None, int, int]:
        """Return the key of the next value, where that begins, and where the value does."""
        begin = self.at
        if self.bracket == b"[":
            return None, begin, begin
        if self._body[begin : begin + 1] != b'"':
            raise NoJsonError(begin)
        end = _end_of_string(self._body, begin)
        colon = COLON.match(self._body, end)
        if colon is None:
            raise NoJsonError(end)
        return _text(self._body[begin:end], begin), begin, colon.end()

    def leave(self, end: int) -> None:
        """Go on behind a value."""
        after = NEXT.match(self._body, end)
        if after is None:
            raise NoJsonError(end)
        self.at = after.end()
        if after[1] != b",":
            self._close(after[1], end)

    def _close(self, bracket: bytes, at: int) -> None:
        if bracket != CLOSING_OF[self.bracket]:
            raise NoJsonError(at)
        self.closed = True
        self.at = SPACE.match(self._body, self.at).end()  # type: ignore[union-attr]


def _text(raw: bytes, at: int) -> str:
    try:
        text = str(json.loads(raw))
    except UnicodeError:
        raise
    except ValueError:
        raise NoJsonError(at) from None
    text.encode()
    return text


def _end_of_value(body: bytes, start: int) -> Generator[None, None, int]:
    first = body[start : start + 1]
    if first in CLOSING_OF:
        return (yield from _end_of_container(body, start))
    if first == b'"':
        return _end_of_string(body, start)
    scalar = SCALAR.match(body, start)
    if scalar is None:
        raise NoJsonError(start)
    return scalar.end()


def _end_of_container(body: bytes, start: int) -> Generator[None, None, int]:
    depth, at, left = 0, start, TOKENS_A_STEP
    while (token := TOKEN.search(body, at)) is not None:
        at = token.end()
        first = body[at - 1]
        if first == QUOTE:
            if at - token.start() == 1:
                at = _end_of_string(body, at - 1)
        else:
            depth += 1 if first in OPENING else -1
            if not depth:
                return at
        left -= 1
        if not left:
            yield
            left = TOKENS_A_STEP
    raise NoJsonError(start)


def _end_of_string(body: bytes, start: int) -> int:
    """A search for a quote is fifty times as fast as a look at each escape."""
    at = start + 1
    for _ in range(ESCAPED_QUOTES):
        quote = body.find(b'"', at)
        if quote < 0:
            raise NoJsonError(start)
        if body[quote - 1] != BACKSLASH:
            return quote + 1
        if body[quote - 2] != BACKSLASH or quote - 2 < at:  # an escaped quote; of more backslashes one cannot say here
            at = quote + 1
            continue
        break
    rest = REST_OF_STRING.match(body, at)
    if rest is None:
        raise NoJsonError(start)
    return rest.end()
