"""The server's end of a sandbox's channel: what does not come is lost in time, what comes broken at once."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from reward_server.backends import sandboxed
from reward_server.backends.sandboxed import SandboxedSlot
from reward_server.errors import BackendUnavailable, SandboxLost
from reward_server.judging import plan
from reward_server.runner import frames
from reward_server.runner.server import Server
from reward_server.runs import Runs
from tests.contract.support import call, returns

if TYPE_CHECKING:
    from reward_server.jobs import Job, Observation

JOB = plan(call(returns(1)), "def solve(): return 1")


class NoProcess:
    async def end(self) -> None:
        """There is none."""


async def lost_by(answer: bytes | None, silence_s: float = 60) -> str:
    """Why a slot is lost whose sandbox sends these bytes and closes, or says nothing at all."""
    ours, theirs = socket.socketpair()
    slot = SandboxedSlot(ours, NoProcess(), Runs(), uses=10, age_s=60, silence_s=silence_s)
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


def test_a_kernel_that_will_not_do_is_named() -> None:
    """As gVisor's, where the runner only died, and the advice was to build the image anew."""

    async def start() -> None:
        ours, theirs = socket.socketpair()
        slot = SandboxedSlot(ours, NoProcess(), Runs(), uses=10, age_s=60, silence_s=60)
        theirs.sendall(frames.pack({"hello": 1, "lacks": ["/proc/self/schedstat", "pidfd_open"]}))
        try:
            with pytest.raises(BackendUnavailable, match=r"has no /proc/self/schedstat and no pidfd_open: .* gVisor"):
                await slot.start(b"runner", 10)
        finally:
            await slot.close()
            theirs.close()

    asyncio.run(start())


def test_a_sandbox_that_says_nothing_is_lost_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red without the alarm: the run waits for ever."""
    monkeypatch.setattr(sandboxed, "longest_s", lambda _: 0.05)
    assert asyncio.run(lost_by(None)) == "the sandbox did not answer in time"


def test_a_sandbox_that_hangs_is_lost_long_before_its_time() -> None:
    """Red without the look at when it was heard last: it takes two minutes, the least that a job may take."""
    assert asyncio.run(lost_by(None, silence_s=0.05)) == "the sandbox hangs"


def test_a_sandbox_that_says_each_second_that_it_is_there_may_take_its_time() -> None:
    async def answer_late() -> list[Observation]:
        ours, theirs = socket.socketpair()
        slot = SandboxedSlot(ours, NoProcess(), Runs(), uses=10, age_s=60, silence_s=0.2)
        with theirs:
            running = asyncio.ensure_future(slot.run(JOB))
            for _ in range(8):
                await asyncio.sleep(0.05)
                theirs.sendall(Server.SIGN)
            theirs.sendall(reply([ROW], 3))
            seen = await running
            assert not slot.spent
            await slot.close()
            return list(seen.tests)

    (row,) = asyncio.run(answer_late())
    assert row.ending == "returned"


ROW = ["returned", 0, 0.1, 0.1, 1, "", True, "", 3]


def reply(rows: list[list[object]], parts: int, job: int = 9) -> bytes:
    """The slot counts its jobs down: this is the answer to the first of ten."""
    header: dict[str, object] = {"job": job, "broken": None, "dirty": None, "spent": False, "failed_load": False}
    header |= {"run_s": 0.002, "clean_s": 0.001}
    return frames.pack({**header, "rows": rows}, [b""] * parts)


def learned(told: object) -> str | None:
    header = {"parts": [], "rows": [ROW], "failed_load": False, "learned": told}
    return sandboxed.observations(header, b"").learned


def test_what_was_learned_is_kept_as_text_and_bounded() -> None:
    assert learned(None) is None
    assert learned({"sites": [["t.py", 1, "\ud800"], {"x": 1.5}]}) == '[["t.py",1,"\\ud800"],{"x":1.5}]'
    assert learned({"sites": []}) == "[]"
    assert learned({"sites": ["x" * sandboxed.MOST_LEARNED_CHARS]}) is None


@pytest.mark.parametrize("told", [[], "x", 1, {}, {"sites": None}, {"sites": {}}, {"sites": "[]"}])
def test_what_was_learned_in_another_form_breaks_the_protocol(told: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        learned(told)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed its channel"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00[]", "broke its protocol"),
        (b"\x00\x00\x00\x02\x00\x00\x00\x00{,", "broke its protocol"),
        (frames.LENGTHS.pack(30_000, 0) + b"[" * 30_000, "broke its protocol: JSONDecodeError"),
        (b"Traceback (most recent call last):", "more bytes than any job may have"),
        (frames.LENGTHS.pack(1 << 31, 0), "more bytes than any job may have"),
        (reply([ROW], 3)[:-4], "closed its channel"),
        (reply([ROW], 3)[:20], "closed its channel"),
        (frames.pack({"job": 9, "broken": "no user id left"}), "no user id left"),
        (reply([ROW], 3) * 2, "more than one reply"),
        (reply([ROW], 3, job=8), "an answer to another job"),
        (reply([ROW], 2), "broke its protocol: ValueError"),
        (reply([ROW[:-1]], 3), "a row of another form"),
        (reply([[*ROW, 1, 2, 3, 4]], 3), "a row of another form"),
        (reply([[*ROW[:2], "0.1", *ROW[3:]]], 3), "a row of another form"),
        (reply([[*ROW[:6], "no", "", 3]], 3), "a row of another form"),
        (reply([["gone", *ROW[1:]]], 3), "a row of another form"),
        (reply([[*ROW[:-1], True]], 3), "a row of another form"),
        (reply([[*ROW[:-1], 3.0]], 3), "a row of another form"),
        (reply([[*ROW[:2], float("nan"), *ROW[3:]]], 3), "broke its protocol"),
        (reply([ROW], 3).replace(b"0.001", b'"now"'), "broke its protocol: ValueError"),
        (reply({"0": ROW}, 3), "broke its protocol"),  # type: ignore[arg-type]
    ],
    ids=[
        *("closed", "no_header", "no_json", "deep_json", "text", "huge", "cut_header", "cut_short", "broken", "double"),
        *(
            "late",
            "missing_parts",
            "short_row",
            "long_row",
            "text_for_seconds",
            "text_for_a_verdict",
            "odd_ending",
            "truth_for_checks",
            "fraction_for_checks",
            "odd_seconds",
            "odd_time",
            "rows_by_name",
        ),
    ],
)
def test_a_sandbox_that_breaks_its_protocol_is_lost(answer: bytes, said: str) -> None:
    assert said in asyncio.run(lost_by(answer))


@pytest.mark.parametrize(
    ("fields", "wear", "dirty"),
    [
        ({}, None, {}),
        ({"dirty": "/box is not empty"}, "dirty", {"files": 1}),
        ({"dirty": "3 processes are still there"}, "dirty", {"processes": 1}),
        ({"spent": True}, "uses", {}),
    ],
    ids=["clean", "files", "processes", "no_user_id_left"],
)
def test_a_slot_knows_why_it_is_spent_and_its_backend_what_it_took(
    fields: dict[str, object], wear: str | None, dirty: dict[str, int]
) -> None:
    header: dict[str, object] = {
        "broken": None,
        "dirty": None,
        "spent": False,
        "clean_s": 0.25,
        "run_s": 0.5,
        "failed_load": False,
    }
    header |= {"job": 9, "rows": [ROW, ROW]}
    runs = Runs()

    async def run() -> None:
        ours, theirs = socket.socketpair()
        slot = SandboxedSlot(ours, NoProcess(), runs, uses=10, age_s=60, silence_s=60)
        theirs.sendall(frames.pack({**header, **fields}, [b""] * 6))
        await slot.run(JOB)
        assert (slot.wear, slot.spent) == (wear, wear is not None)
        await slot.close()
        theirs.close()

    asyncio.run(run())
    assert {name: count for name, count in runs.dirty.items() if count} == dirty
    assert (runs.cpu.total, runs.clean.total) == (0.2, 0.25)
    assert runs.wall.total == 0.5


UNBEGUN = [frames.pack({"job": number, "unbegun": True}) for number in (8, 7)]


async def told_of(answers: bytes, jobs: list[Job]) -> tuple[list[tuple[int, str | None]], str, str | None]:
    """What is said of several jobs by a sandbox that sends these bytes, why it is lost then, and the slot's wear."""
    ours, theirs = socket.socketpair()
    slot = SandboxedSlot(ours, NoProcess(), Runs(), uses=10, age_s=60, silence_s=60)
    theirs.sendall(answers)
    theirs.shutdown(socket.SHUT_WR)
    told: list[tuple[int, str | None]] = []
    why = ""
    try:
        async for place, seen in slot.run_all(jobs):
            told.append((place, seen.tests[0].name if seen is not None else None))
    except SandboxLost as lost:
        why = str(lost)
    wear = slot.broken
    await slot.close()
    theirs.close()
    return told, why, wear


def named(job: int, **fields: object) -> bytes:
    header: dict[str, object] = {"job": job, "broken": None, "dirty": None, "spent": False, "failed_load": False}
    header |= {"run_s": 0.002, "clean_s": 0.001, "rows": [[*ROW[:-2], str(job), 3]]}
    return frames.pack(header | fields)


@pytest.mark.parametrize(
    ("answers", "told", "why", "wear"),
    [
        ([named(9), named(8), named(7)], [(0, "9"), (1, "8"), (2, "7")], "", None),
        ([*UNBEGUN, named(9)], [(1, None), (2, None), (0, "9")], "", None),
        ([*UNBEGUN, bytes(8), named(9, dirty="/box is not empty")], [(1, None), (2, None), (0, "9")], "", "dirty"),
        ([UNBEGUN[1], named(9), named(8, spent=True)], [(2, None), (0, "9"), (1, "8")], "", "uses"),
        ([named(9), named(8)], [(0, "9"), (1, "8")], "closed its channel", "lost"),
        ([named(9), named(9)], [(0, "9")], "an answer to another job", "lost"),
        ([frames.pack({"job": 9, "unbegun": True})], [], "broke its protocol", "lost"),
        ([named(9), named(8, dirty="/tmp is not empty"), named(7)], [(0, "9"), (1, "8")], "not clean", "lost"),
        ([named(9), frames.pack({"job": 8, "broken": "no user id left"})], [(0, "9")], "no user id left", "lost"),
        ([named(9), named(8), named(7), b"?"], [(0, "9"), (1, "8")], "more than one reply", "lost"),
    ],
    ids=["all", "back", "dirty", "spent", "ended", "twice", "first_back", "goes_on_dirty", "broken", "too_many"],
)
def test_of_several_jobs_each_gets_its_own_answer_or_none(
    answers: list[bytes], told: list[tuple[int, str | None]], why: str, wear: str | None
) -> None:
    """Red where an answer is taken by its order: one that has not begun would get what another has shown."""
    said = asyncio.run(told_of(b"".join(answers), [JOB] * 3))
    assert said[0] == told
    assert why in said[1]
    assert said[2] == wear


def test_no_message_holds_more_than_a_sandbox_should(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red where large jobs travel together: the control process keeps them all, and of memory there is little."""
    monkeypatch.setattr(sandboxed, "MESSAGE_BYTES", 2 * len(JOB.submission) + 2 * len(JOB.cases[0]))
    said = asyncio.run(told_of(named(9) + named(8), [JOB] * 3))
    assert said == ([(2, None), (0, "9"), (1, "8")], "", None)
    large = [JOB._replace(submission=bytes(1000))] * 2
    assert asyncio.run(told_of(named(9), large)) == ([(1, None), (0, "9")], "", None)
