"""Finds the pieces of a large body, so that each can be checked by itself.

One call that checks all of 60 MB holds the interpreter for as long as it takes, and with it the event loop. Pieces are
cut by brackets and quotes alone. Promises: whatever is no JSON either shows here, or in one of the pieces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
TOKENS: Final = re.compile(STRING + rb"|[][{}]", re.DOTALL)
KEY: Final = re.compile(rb"[ \t\r\n]*(" + STRING + rb")[ \t\r\n]*:", re.DOTALL)
VALUE: Final = re.compile(rb"[ \t\r\n]*(?:(?=[\[{])|" + STRING + rb"|[^][{}\",: \t\r\n]+)", re.DOTALL)
BEGIN: Final = re.compile(rb"[ \t\r\n]*([\[{])[ \t\r\n]*([]}])?")
NEXT: Final = re.compile(rb"[ \t\r\n]*([],}])")
SPACE: Final = re.compile(rb"[ \t\r\n]*")
QUOTE: Final = b'"'[0]
OPENING: Final = b"[{"
OPENING_OBJECT: Final = OPENING[1]
CLOSING_OF: Final = {b"{": b"}", b"[": b"]"}


class NoJsonError(ValueError):
    """At that byte."""

    def __init__(self, at: int) -> None:
        super().__init__(f"no JSON at byte {at}")
        self.at = at


class Piece(NamedTuple):
    """One value of an object or a list."""

    key: bytes | None
    """As JSON writes it; None in a list."""
    start: int
    end: int


def pieces(body: bytes, start: int = 0, end: int | None = None) -> Iterator[Piece]:
    """Yield what the object or list at `start` holds; it must reach to `end`. Raises: NoJsonError."""
    end = len(body) if end is None else end
    begin = BEGIN.match(body, start, end)
    if begin is None:
        raise NoJsonError(start)
    opening, closing = begin.groups()
    at = begin.end()
    while closing is None:
        key = None
        if opening == b"{":
            named = KEY.match(body, at, end)
            if named is None:
                raise NoJsonError(at)
            key, at = named[1], named.end()
        value = VALUE.match(body, at, end)
        if value is None:
            raise NoJsonError(at)
        first = SPACE.match(body, at, end).end()  # type: ignore[union-attr]  # it matches nothing at all as well
        last = value.end() if value.end() > first else _end_of_container(body, first, end)
        yield Piece(key, first, last)
        after = NEXT.match(body, last, end)
        if after is None:
            raise NoJsonError(last)
        at = after.end()
        closing = None if after[1] == b"," else after[1]
    if closing != CLOSING_OF[opening] or SPACE.fullmatch(body, at, end) is None:
        raise NoJsonError(at)


def is_container(body: bytes, piece: Piece) -> bool:
    return body[piece.start] in OPENING


def _end_of_container(body: bytes, start: int, end: int) -> int:
    depth = 0
    for token in TOKENS.finditer(body, start, end):
        first = body[token.start()]
        if first != QUOTE:
            depth += 1 if first in OPENING else -1
            if not depth:
                return token.end()
    raise NoJsonError(start)
