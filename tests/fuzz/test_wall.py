"""What a submission may write is decoded or `Unfit`; whatever it answers, its judge reports, and nothing passed.

Without room for what is only announced.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import socket
import threading
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_server.judging.payloads import asserts_payload
from reward_server.judging.raised import read_raised
from reward_server.runner import judge, link, page, rows, run_shared, values
from tests.fuzz.budget import fuzzed, tried
from tests.fuzz.test_hostile_channels import encoded, framed, messages, spoken


@fuzzed(0.06)
@given(encoded | st.binary(max_size=200))
def test_any_message_decodes_or_is_unfit(message: Any) -> None:
    tried("decoders")
    with contextlib.suppress(values.Unfit):
        value = values.decode(values.loads(message if isinstance(message, bytes) else json.dumps(message).encode()))
        values.dumps(values.encode(value, lambda _, plain=False: None if plain else ["N"]))  # it can go back


@fuzzed(0.03)
@given(st.lists(spoken | st.binary(max_size=30), max_size=5).map(b"".join), st.lists(st.integers(1, 50), max_size=8))
def test_messages_come_off_a_stream_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    tried("decoders")
    whole, piecemeal = [], []
    received = bytearray(stream)
    while (text := link.take(received)) is not None:
        whole.append(text)
    left, arrived = bytearray(stream), bytearray()
    for cut in [*cuts, len(stream)]:
        arrived += left[:cut]
        del left[:cut]
        while (text := link.take(arrived)) is not None:
            piecemeal.append(text)
    assert piecemeal == whole
    assert arrived == received


@fuzzed(0.03)
@given(
    st.binary(max_size=100)
    | encoded.map(lambda value: b"!" + json.dumps(value).encode())
    | spoken.map(lambda text: text[3:])
)
def test_what_is_said_of_a_failure_can_be_read(value: bytes) -> None:
    tried("decoders")
    said = read_raised(value)
    assert [type(field) for field in said[:4]] == [tuple, str, bool, int]
    assert said.call is None or type(said.call) is int
    assert all(type(part) is str for row in said.types for part in row)
    assert not said.satisfies("ValueError")
    report = run_shared.read_report(value[1:], 1)
    assert report is None or "given_up" in report or len(report["rows"]) == 1


@fuzzed(0.01)
@given(st.dictionaries(st.sampled_from(["types", "text", "compile"]), encoded))
def test_a_failed_load_is_told_in_one_form(failure: dict[str, Any]) -> None:
    tried("decoders")
    told = rows.told_of(failure)
    assert json.loads(json.dumps(told)) == told
    assert all(type(name) is str for name in told["types"])


SECRET = "what no message holds"
SOURCE = f"assert solve([1, len]) == {SECRET!r}\nassert Solve(1).a == {SECRET!r}"
PAYLOAD, TESTS = (payload := asserts_payload(SOURCE, "solve")).with_assurance(objects=True), payload.tests
SPEC = {"submission_pid": os.getpid(), "nested": False, "stop": False, "cpu_s": 60.0, "timeouts": 1000}
ENDED = json.dumps({"ending": "exited", "code": 0, "message": "it ended", "cpu_s": 0.0}).encode()


def drain(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while end.recv(1 << 16):
            pass


def control(end: socket.socket, reports: list[dict[str, Any]]) -> None:
    """What the control process does for a judge: says how the submission ended, and keeps the report."""
    received = bytearray()
    while piece := end.recv(1 << 16):
        received += piece
        while (text := link.take(received)) is not None:
            message = json.loads(text)
            if "lost" in message:
                end.send(ENDED)
            else:
                reports.append(message)


def judged(stream: bytes) -> dict[str, Any]:
    """The report of a real judge on a submission that sends this, whatever it is asked."""
    reports: list[dict[str, Any]] = []
    (link_end, theirs), (control_end, ours) = socket.socketpair(), socket.socketpair()
    payload = os.memfd_create("payload")
    os.write(payload, PAYLOAD)
    tasks = ((drain, (theirs,)), (control, (ours, reports)))
    threads = [threading.Thread(target=target, args=given, daemon=True) for target, given in tasks]
    with theirs, ours, control_end, mmap.mmap(-1, page.size(TESTS)) as memory:
        theirs.sendall(stream)
        theirs.shutdown(socket.SHUT_WR)
        for thread in threads:
            thread.start()
        try:
            judge.try_submission(SPEC, control_end, link_end.detach(), payload, page.Page(memory))
        finally:
            control_end.close()
            for thread in threads:
                thread.join(20)
    (report,) = reports
    return report


LOADED = framed(["loaded", True])
NAMED = framed(["=", 0, [["h", 1, "function", None], ["h", 2, "class", None]]])
told = st.lists(messages.map(framed) | spoken, max_size=6).map(b"".join)


@fuzzed(0.08)
@given(st.sampled_from([b"", LOADED, LOADED + NAMED, LOADED + NAMED]), told)
def test_whatever_a_submission_answers_its_judge_reports_that_no_test_passed(head: bytes, told: bytes) -> None:
    """Seen red: an answer to the first question that was a SystemExit ended the judge."""
    tried("wall")
    report = judged(head + told)
    assert "given_up" not in report
    assert len(report["report"]) == TESTS
    assert not any(passed for passed, *_ in report["report"])


@pytest.mark.parametrize("size", [0, (64 << 20) + 1, 2**32 - 1])
def test_the_judge_takes_no_memory_for_what_is_only_announced(size: int) -> None:
    tried("wall")
    tracemalloc.start()
    try:
        assert judged(size.to_bytes(4, "big"))["failed_load"] is not None
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
