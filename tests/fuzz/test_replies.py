"""The server's end of a sandbox's channel: whatever comes, a slot answers with observations that can be judged, or is
lost. Nothing else, in bounded time, and without room for what was only announced.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_server.backends import sandboxed
from reward_server.backends.sandboxed import SandboxedSlot
from reward_server.errors import SandboxLost
from reward_server.judging import judge, plan
from reward_server.rewards import score
from reward_server.runner import frames
from reward_server.runs import Runs
from tests.contract.support import call, returns
from tests.fuzz.budget import fuzzed, tried

PROBLEM = call(returns(1), returns(2))
JOB = plan(PROBLEM, "def solve(): return 1")


class NoProcess:
    async def end(self) -> None:
        """There is none."""


async def answered(reply: bytes, *, close: bool = True) -> None:
    """Run a job in a slot whose sandbox sends this. What it answers can be judged and written down."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    slot = SandboxedSlot(ours, NoProcess(), Runs(), uses=10, age_s=60, silence_s=60)
    try:
        sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(theirs, reply))
        if close:
            sending.add_done_callback(lambda _: theirs.shutdown(socket.SHUT_WR))
        try:
            async with asyncio.timeout(20):
                seen = await slot.run(JOB)
        except SandboxLost:
            assert slot.spent
            return
        finally:
            sending.cancel()
        results = judge(PROBLEM, seen)
        scored = score(results, "pass_rate")
        json.dumps([result._asdict() for result in results], allow_nan=False)
        assert all(math.isfinite(result.cpu_s + result.wall_s) for result in results)
        assert scored.reward is None or 0 <= scored.reward <= 1
    finally:
        await slot.close()
        theirs.close()


ROW = ["returned", 0, 0.1, 0.1, 1, "", False, "", 0]
HEADER: dict[str, Any] = {"job": 9, "broken": None, "dirty": None, "spent": False, "failed_load": False}
HEADER |= {"run_s": 0.2, "clean_s": 0.1, "parts": [0, 0, 2], "rows": [ROW]}
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["raised", "lost", "exited", "elsewhere", "\ud800"]),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def bent_replies(draw: st.DrawFn) -> bytes:
    """A reply as it should be, but for some places."""
    header: dict[str, Any] = json.loads(json.dumps(HEADER))
    body = draw(st.binary(max_size=8) | st.just(b"=1"))
    header["parts"] = [0, 0, len(body)]
    for _ in range(draw(st.integers(0, 3))):
        match draw(st.sampled_from(["value"] * 4 + ["field", "row", "gone", "more"])):
            case "field":
                header[draw(st.sampled_from(sorted(header)))] = draw(odd)
            case "row":
                header["rows"] = draw(st.lists(odd, max_size=3) | odd)
            case "value" if header.get("rows") == [ROW]:
                header["rows"][0][draw(st.integers(0, len(ROW) - 1))] = draw(odd)
            case "gone":
                header.pop(draw(st.sampled_from(sorted(HEADER))), None)
            case "more":
                header[draw(st.text(max_size=5))] = draw(odd)
    head = json.dumps(header).encode()
    lengths = draw(st.sampled_from([(len(head), len(body))] * 6 + [(len(head) + 1, 0), (0, len(body)), (2**32 - 1, 5)]))
    return frames.LENGTHS.pack(*lengths) + head + body


def announced(head: bytes, body: bytes = b"") -> bytes:
    return frames.LENGTHS.pack(len(head), len(body)) + head + body


replies = (
    bent_replies()
    | st.binary(max_size=200)
    | st.binary(max_size=60).map(announced)
    | odd.map(lambda value: announced(json.dumps(value).encode()))
    | st.sampled_from([b"[", b'{"a":', b"9"]).map(lambda unit: announced(unit * 20_000))
)


@fuzzed(0.12)
@given(replies)
def test_whatever_a_sandbox_replies_is_judged_or_lost(reply: bytes) -> None:
    """Seen red: a deep header was a RecursionError; odd rows became observations that no judge expects."""
    tried("replies")
    asyncio.run(answered(reply))


@fuzzed(0.01)
@given(replies)
def test_a_reply_that_never_ends_is_lost_in_time(reply: bytes) -> None:
    tried("replies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandboxed, "longest_s", lambda _: 0.02)
        asyncio.run(answered(reply, close=False))


@pytest.mark.parametrize("lengths", [(0, 2**30), (2**30, 0), (2**32 - 1, 2**32 - 1), (10, 2**32 - 1)])
def test_what_is_only_announced_takes_no_memory(lengths: tuple[int, int]) -> None:
    tried("replies")
    tracemalloc.start()
    try:
        asyncio.run(answered(frames.LENGTHS.pack(*lengths) + bytes(1000)))
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
