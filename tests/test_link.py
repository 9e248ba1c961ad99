"""What arrives over the link between judge and submission is believed in one shape only."""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.runner import link, values
from reward_server.runner.wall import Wall

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ends() -> Iterator[tuple[Wall, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wall(ours), theirs


def framed(message: Any) -> bytes:
    text = json.dumps(message).encode()
    return struct.pack(">I", len(text)) + text


@pytest.mark.parametrize(
    "message",
    [
        5,
        None,
        "x",
        {},
        {"=": 1},
        [],
        ["="],
        ["=", 0],
        ["=", 0, 1, 2],
        ["!", 0],
        ["?", 0],
        [5, 0, 1],
        [["="], 0, 1],
        ["?"] * 9,
    ],
    ids=str,
)
def test_a_message_of_another_shape_is_the_end_of_the_submission(
    ends: tuple[Wall, socket.socket], message: Any
) -> None:
    """And no exception in the midst of the judge. Seen red without the checks in `receive`."""
    wall, theirs = ends
    theirs.sendall(framed(message))
    with pytest.raises(link.Gone):
        wall.receive()


@pytest.mark.timeout(3)
def test_the_judge_waits_for_no_message_that_it_could_not_hold(ends: tuple[Wall, socket.socket]) -> None:
    wall, theirs = ends
    theirs.sendall(struct.pack(">I", (64 << 20) + 1))
    with pytest.raises(link.Gone):
        wall.receive()


@pytest.mark.parametrize(
    "account",
    [5, None, {}, [5], [[], [[0]]], [[], [[-1, ["d", ["L", []], ["L", []]]]]], [[-1], []], [[], [[-2, ["L", []]]]]],
    ids=str,
)
def test_a_forged_account_changes_nothing(ends: tuple[Wall, socket.socket], account: Any) -> None:
    wall, theirs = ends
    held = [1, 2]
    theirs.sendall(framed(["=", account, 1]))
    with pytest.raises(values.Unfit):
        wall.call(1, (held,), {})
    assert held == [1, 2]


def test_a_number_that_was_never_handed_out_leads_nowhere(ends: tuple[Wall, socket.socket]) -> None:
    wall, theirs = ends
    theirs.sendall(framed(["=", 0, ["r", 1]]))
    with pytest.raises(values.Unfit):
        wall.call(1, (), {})


@pytest.mark.timeout(10)
def test_what_it_may_not_ask_is_refused(ends: tuple[Wall, socket.socket]) -> None:
    """And the judge goes on to its answer."""
    wall, theirs = ends
    asked: list[list[Any]] = [
        ["exec", "1"],
        ["call", 1],
        ["call", "1", [], []],
        ["get", 1, "x"],
        ["get", 1, "__class__"],
        ["next", 1],
    ]

    def bend() -> None:
        for request in asked:
            theirs.sendall(framed(["?", 0, *request]))
        theirs.sendall(framed(["=", 0, 7]))

    thread = threading.Thread(target=bend)
    thread.start()
    assert wall.call(1, (), {}) == 7
    thread.join()
    text = theirs.recv(1 << 16)
    assert text.count(b'["~",') + text.count(b'["!",') == len(asked)


def test_a_class_brings_no_special_method_but_those_that_are_forwarded(ends: tuple[Wall, socket.socket]) -> None:
    """A finalizer, say, would ask the submission whenever the judge lets go of an object."""
    wall, theirs = ends
    special = ["__len__", "__del__", "__getattribute__", "__class__", "__init_subclass__", "__reduce__"]
    told = {"name": "C", "doc": None, "bases": [], "known": [], "exception": False, "special": special}
    theirs.sendall(framed(["=", 0, {**told, "methods": ["m", "__del__", "1"], "hashable": True}]))
    held = vars(wall.mirror(5))
    assert {"__len__", "m"} <= held.keys()
    assert not {"__del__", "__getattribute__", "__class__", "__init_subclass__", "__reduce__", "1"} & held.keys()
