"""When two submissions are the same: same code, judged in the same way."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from reward_server.turns import in_turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.schema import Problem

JUDGED: Final = {"language", "entry_point", "limits", "setup", "prelude", "files", "tests"}
"""The fields of a problem that decide a verdict. Prompt, tags and so on do not; the reference where it calibrates."""
DIGEST_BYTES: Final = 20
PART_CHARS: Final = 256 << 10
"""About so much is digested at once, a value counting as much as a short text."""
VALUE_CHARS: Final = 8


async def judging_digest(problem: Problem) -> bytes:
    """Digest what decides the verdicts of a problem, which may be 60 MB: in turns with others."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    fields = JUDGED | {"reference"} if problem.is_calibrated else JUDGED
    async for part in in_turns(_parts(problem.model_dump(include=fields))):
        digest.update(part)
    return digest.digest()


def _parts(value: Any) -> Iterator[bytes]:
    """Yield it in parts, none of them large; no other value has the same ones."""
    if not isinstance(value, str | dict | list | tuple) or _room_beside(value, PART_CHARS) >= 0:
        # Not JSON: it would make one of 1 and 1.0, of a list and a tuple, and of null and NaN.
        yield repr(value).encode("utf-8", "surrogatepass") + b"\n"
    elif isinstance(value, str):
        yield b"%d " % len(value)
        for at in range(0, len(value), PART_CHARS):
            yield value[at : at + PART_CHARS].encode("utf-8", "surrogatepass")
    else:
        yield b"%b %d\n" % (type(value).__name__.encode(), len(value))
        for each in value.items() if isinstance(value, dict) else value:
            yield from _parts(each)


def _room_beside(value: Any, room: int) -> int:
    """Return what is left of `room` when this is in it; below 0, and soon, where it does not fit."""
    if isinstance(value, str):
        return room - len(value)
    room -= VALUE_CHARS
    if isinstance(value, dict | list | tuple):
        for each in value.items() if isinstance(value, dict) else value:
            if room < 0:
                break
            room = _room_beside(each, room)
    return room


def submission_key(digest: bytes, code: str, *, stop: bool) -> bytes:
    """Digest a submission to the problem with this judging digest."""
    return _digest(digest + bytes([stop]) + code.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
