"""The server's end of a sandbox's channel: what does not come is lost in time, what comes broken at once."""

from __future__ import annotations

import asyncio
import socket

import pytest

from reward_server.backends import sandboxed
from reward_server.backends.sandboxed import SandboxedSlot
from reward_server.errors import SandboxLost
from reward_server.judging import plan
from reward_server.runner import frames
from tests.contract.support import call, returns

JOB = plan(call(returns(1)), "def solve(): return 1")


class NoProcess:
    async def end(self) -> None:
        """There is none."""


async def lost_by(answer: bytes | None) -> str:
    """Why a slot is lost whose sandbox sends these bytes and closes, or says nothing at all."""
    ours, theirs = socket.socketpair()
    slot = SandboxedSlot(ours, NoProcess(), uses=10, age_s=60)
    try:
        if answer is not None:
            theirs.sendall(answer)
            theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(SandboxLost) as lost:
            await asyncio.wait_for(slot.run(JOB), 10)
        assert slot.spent
    finally:
        await slot.close()
        theirs.close()
    return str(lost.value)


def test_a_sandbox_that_says_nothing_is_lost_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red without the alarm: the run waits for ever."""
    monkeypatch.setattr(sandboxed, "longest_s", lambda _: 0.05)
    assert asyncio.run(lost_by(None)) == "the sandbox did not answer in time"


ROW = ["returned", 0, 0.1, 0.1, 1, "", True, ""]


def reply(rows: list[list[object]], parts: int) -> bytes:
    return frames.pack(
        {"broken": None, "dirty": None, "spent": False, "failed_load": False, "rows": rows}, [b""] * parts
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed its channel"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00[]", "broke its protocol"),
        (frames.pack({"broken": "no user id left"}), "no user id left"),
        (reply([ROW], 2), "broke its protocol: ValueError"),
        (reply([ROW[:-1]], 3), "a row of another form"),
        (reply([[*ROW, 1, 2, 3, 4]], 3), "broke its protocol: ValueError: a row of another form"),
        (reply([["gone", *ROW[1:]]], 3), "a row of another form"),
        (reply([[*ROW[:2], float("nan"), *ROW[3:]]], 3), "a row of another form"),
        (b"\x00\x01\x86\xa0\x00\x00\x00\x00" + b"[" * 100_000, "a header that nests too deep"),
    ],
    ids=[
        "closed",
        "no_header",
        "broken",
        "missing_parts",
        "short_row",
        "long_row",
        "odd_ending",
        "odd_seconds",
        "deep",
    ],
)
def test_a_sandbox_that_breaks_its_protocol_is_lost(answer: bytes, said: str) -> None:
    assert said in asyncio.run(lost_by(answer))
