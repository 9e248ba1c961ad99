"""What arrives over the link between judge and submission is believed in one shape only."""

from __future__ import annotations

import builtins
import contextlib
import json
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.runner import link, values
from reward_server.runner.evidence import Evidence
from reward_server.runner.stand_ins import RemoteException, RemoteFunction
from reward_server.runner.wall import Wall

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ends() -> Iterator[tuple[Wall, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wall(ours, Evidence()), theirs


@pytest.fixture
def plain_ends() -> Iterator[tuple[Wall, socket.socket]]:
    """Ends of a link that objects of the submission do not cross."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wall(ours, Evidence(), objects=False), theirs


CLASS = {"name": "C", "doc": None, "bases": [], "known": [["solution", "C"]], "exception": False, "hashable": True}


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


@pytest.mark.timeout(3)
@pytest.mark.parametrize(
    "answer", [["h", 1, "object", 2], ["l", ["h", 1, "object", 2]], ["T", [["h", 1, "object", 2]]]]
)
def test_no_object_arrives_where_the_test_needs_none(plain_ends: tuple[Wall, socket.socket], answer: Any) -> None:
    """Whatever the submission's process sends: its own side of the link would not."""
    wall, theirs = plain_ends
    theirs.sendall(framed(["=", 0, answer]) + framed(["=", 0, {**CLASS, "special": ["__eq__"], "methods": []}]))
    with pytest.raises(values.Unfit):
        wall.call(1, (), {})


@pytest.mark.timeout(3)
def test_no_class_arrives_where_the_test_needs_no_object(plain_ends: tuple[Wall, socket.socket]) -> None:
    """Nor a tuple with names that has methods, nor an exception whose attributes the submission answers."""
    wall, theirs = plain_ends
    told = framed(["=", 0, {**CLASS, "special": [], "methods": ["m"]}])
    theirs.sendall(framed(["=", 0, ["h", 1, "class", None]]) + told)
    assert type(wall.call(1, (), {})) is RemoteFunction

    fields = {"fields": ["a"], "defaults": [], "properties": []}
    tuple_told = framed(["=", 0, {**CLASS, **fields, "special": [], "methods": ["m"]}])
    wall, theirs = again(wall, theirs)
    theirs.sendall(framed(["=", 0, ["nt", 2, "C", ["a"], [1]]]) + tuple_told)
    named = wall.call(1, (), {})
    assert named == (1,)
    assert not hasattr(type(named), "m")

    rows = [["solution", "Bad"], ["builtins", "Exception"]]
    exception_told = framed(["=", 0, {**CLASS, "known": rows, "exception": True, "special": [], "methods": ["m"]}])
    wall, theirs = again(wall, theirs)
    theirs.sendall(framed(["!", 0, [rows, ["T", ["no more"]], 3, 4, None, [None, False, [], []]]]) + exception_told)
    with pytest.raises(Exception, match="no more") as caught:
        wall.call(1, (), {})
    assert not isinstance(caught.value, RemoteException)


def again(wall: Wall, theirs: socket.socket) -> tuple[Wall, socket.socket]:
    """The same ends with nothing under way."""
    wall.buffered.clear()
    wall.channel.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        wall.channel.recv(1 << 16)
    wall.channel.setblocking(True)
    return wall, theirs


def test_an_exception_is_of_few_kinds() -> None:
    """One that is of every kind would be what any test expects."""
    names = ("ValueError", "KeyError", "TypeError", "ZeroDivisionError", "Exception")
    kind = link.make_exception_type([("solution", "Any"), *(("builtins", name) for name in names)], {})
    assert [name for name in names if issubclass(kind, getattr(builtins, name))] == [
        "ValueError",
        "KeyError",
        "Exception",
    ]


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "BaseExceptionGroup"])
def test_an_exception_that_no_test_expects_is_none_of_that_name(name: str) -> None:
    rows = [("builtins", name), ("builtins", "BaseException")]
    assert not issubclass(link.make_exception_type(rows, {}), getattr(builtins, name))
    assert issubclass(link.make_exception_type([("builtins", "SystemExit")], {}), SystemExit)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("unittest.case", "_ShouldStop"),
        ("unittest.case", "SkipTest"),
        ("_pytest.outcomes", "XFailed"),
        ("solution", "E"),
    ],
)
def test_exceptions_of_test_runners_are_not_known(module: str, name: str) -> None:
    """Nor those of the submission: only the language's and the setup's."""
    __import__("unittest.case")
    assert link.known_exception(module, name, {}) is None
    assert link.known_exception("json.decoder", "JSONDecodeError", {}) is json.JSONDecodeError
