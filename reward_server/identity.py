"""When two submissions are the same: same code, judged in the same way."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from reward_server.turns import in_turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.schema import Problem

JUDGED: Final = {"language", "entry_point", "limits", "setup", "files", "tests"}
"""The fields of a problem that decide a verdict. Prompt, tags, reference and so on do not."""
DIGEST_BYTES: Final = 20
PART_CHARS: Final = 256 << 10
DEPTH: Final = 3
"""The problem, its tests, their cases: each case is one part, unless it holds a long text."""


async def judging_digest(problem: Problem) -> bytes:
    """Digest what decides the verdicts of a problem, which may be 60 MB: in turns with others."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    async for part in in_turns(_parts(problem.model_dump(include=JUDGED), DEPTH)):
        digest.update(part)
    return digest.digest()


def _parts(value: Any, depth: int) -> Iterator[bytes]:
    """Yield it in parts; no other value has the same ones."""
    if _is_long(value):
        yield b"%d " % len(value)
        for at in range(0, len(value), PART_CHARS):
            yield value[at : at + PART_CHARS].encode("utf-8", "surrogatepass")
        return
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    if inner and (depth > 0 or any(map(_is_long, inner))):
        yield f"{type(value).__name__} {list(value) if isinstance(value, dict) else len(value)} ".encode(
            "utf-8", "surrogatepass"
        )
        for each in inner:
            yield from _parts(each, depth - 1)
    else:
        # Not JSON: it would make one of 1 and 1.0, of a list and a tuple, and of null and NaN.
        yield repr(value).encode("utf-8", "surrogatepass") + b"\n"


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) > PART_CHARS


def submission_key(digest: bytes, code: str, *, stop: bool) -> bytes:
    """Digest a submission to the problem with this judging digest."""
    return _digest(digest + bytes([stop]) + code.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
