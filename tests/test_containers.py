"""One container there is one here: two sides of the wall in one process, message by message."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest

from reward_server.runner import values
from reward_server.runner.containers import NOTHING, Containers


class Side:
    """One side: a registry and the coding that goes with it."""

    def __init__(self, step: int, *, forgets: bool) -> None:
        self.containers = Containers(step, forgets=forgets)

    def handle(self, value: Any, plain: bool = False) -> Any:
        return self.containers.name(value) if type(value) in values.CONTAINERS else values.refuse(value, plain)

    def contents(self, value: Any) -> Any:
        return values.contents(value, self.handle)

    def resolve(self, encoded: list[Any]) -> Any:
        return self.containers.find(encoded[1])

    def decode(self, encoded: Any) -> Any:
        return values.decode(encoded, self.resolve)

    def write(self, value: Any) -> bytes:
        encoded = values.encode(value, self.handle)
        text = values.dumps([self.containers.pack(self.contents), encoded])
        self.containers.sent()
        return text

    def read(self, text: bytes) -> Any:
        account, encoded = values.loads(text)
        self.containers.unpack(account, self.decode, self.contents)
        return self.decode(encoded)


@pytest.fixture
def judge() -> Side:
    return Side(-1, forgets=True)


@pytest.fixture
def submission() -> Side:
    return Side(1, forgets=False)


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1, 2], lambda held: held.append(3)),
        ({"a": 1}, lambda held: held.update(b=2)),
        ({1, 2}, lambda held: held.add(9)),
        (bytearray(b"ab"), lambda held: held.extend(b"c")),
        (deque([1], maxlen=2), lambda held: held.extend([2, 3])),
        (OrderedDict(a=1, b=2), lambda held: held.move_to_end("a")),
        (Counter("aab"), lambda held: held.update("bb")),
        (defaultdict(list, a=[1]), lambda held: held["b"].append(2)),
        ([1, 0], lambda held: held.__setitem__(0, True)),
    ],
)
def test_a_change_in_place_arrives_in_place(judge: Side, submission: Side, value: Any, change: Any) -> None:
    theirs = submission.read(judge.write(value))
    assert theirs == value
    assert type(theirs) is type(value)
    change(theirs)
    judge.read(submission.write(None))
    assert value == theirs
    assert repr(value) == repr(theirs)


def test_what_comes_back_is_what_was_sent(judge: Side, submission: Side) -> None:
    sent = [[1], [2]]
    row = sent[0]
    theirs = submission.read(judge.write(sent))
    assert judge.read(submission.write(theirs)) is sent
    assert judge.read(submission.write(theirs[0])) is row


def test_two_names_of_one_list_stay_two_names(judge: Side, submission: Side) -> None:
    row = [0]
    one, other = submission.read(judge.write((row, [row])))
    assert other[0] is one


def test_a_cycle_crosses(judge: Side, submission: Side) -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    arrived = judge.read(submission.write(loop))
    assert arrived[1]["again"] is arrived


def test_a_change_made_by_the_test_arrives_with_the_next_message(judge: Side, submission: Side) -> None:
    held: list[Any] = [1]
    theirs = submission.read(judge.write(held))
    held.append([2])
    submission.read(judge.write(None))
    assert theirs == [1, [2]]


@pytest.mark.parametrize("value", [[1, [2]], {"a": {1, 2, 3}}, [float("nan")]])
def test_nothing_is_told_twice(judge: Side, submission: Side, value: Any) -> None:
    held = judge.read(submission.write(value))
    assert held is not None
    for _ in range(2):
        text = judge.write(None)
        assert values.loads(text)[0] == NOTHING
        submission.read(text)
        text = submission.write(None)
        assert values.loads(text)[0] == NOTHING
        judge.read(text)


def test_what_the_test_no_longer_holds_is_forgotten_on_both_sides(judge: Side, submission: Side) -> None:
    """Else a submission that is called a million times would fill the memory of both."""
    for number in range(100):
        judge.read(submission.write([[number], {number: [number]}]))
        submission.read(judge.write([number]))
    submission.read(judge.write(None))
    assert not judge.containers.held
    assert not submission.containers.held


def test_a_last_change_goes_along_when_a_list_is_forgotten(judge: Side, submission: Side) -> None:
    """`node.children.append(x)`: nobody holds that list when the next call tells of it."""
    children: list[int] = []
    judge.read(submission.write(children)).append(7)
    submission.read(judge.write(None))
    assert children == [7]
    assert not submission.containers.held


def test_what_a_message_under_way_brings_is_not_forgotten(judge: Side, submission: Side) -> None:
    """To decode one value the judge may have to ask what class another one has."""
    account, encoded = values.loads(submission.write([1]))
    judge.containers.unpack(account, judge.decode, judge.contents)
    judge.containers.decoding += 1
    assert judge.containers.pack(judge.contents) == NOTHING
    judge.containers.decoding -= 1
    assert judge.decode(encoded) == [1]


def test_a_message_that_is_not_sent_leaves_nothing_behind(judge: Side, submission: Side) -> None:
    known = [1]
    theirs = submission.read(judge.write(known))
    known.append(2)
    values.encode([object()], judge.handle)
    with pytest.raises(values.Unfit):
        judge.containers.pack(judge.contents)
    judge.containers.undo()
    assert len(judge.containers.held) == 1
    submission.read(judge.write(None))
    assert theirs == [1, 2]


def test_a_known_list_that_can_no_longer_cross_stops_no_other_call(judge: Side, submission: Side) -> None:
    known: list[Any] = [1]
    theirs = submission.read(judge.write(known))
    known.append(object())
    assert submission.read(judge.write("other")) == "other"
    assert theirs == [1]


@pytest.mark.parametrize(
    "account",
    [
        [[-1], []],  # forgetting is the judge's
        [[], [[1, ["X", 1]]]],
        [[], [[-9, ["L", [1]]]]],  # a number that the judge would have given
        [[], [["1", ["L", [1]]]]],
        [[], [[-1, ["d", ["L", []], ["L", []]]]]],  # a list becomes a dict
        [[], [[5, ["l", ["k", 77]]]]],
        [[], [[5, ["q", -1, ["L", []]]]]],
        [[], [[5, ["dd", "exit", ["d", ["L", []], ["L", []]]]]]],
        [[], [[5, ["s", ["k", -1]]]]],  # a set that holds a list
        [[], 5],
        "k",
        [1, 2, 3],
        [[], [[1, ["ot", 1, 2, ["L", [1]]]]]],
    ],
)
def test_a_forged_account_is_refused(judge: Side, account: Any) -> None:
    ours = [1]
    judge.write(ours)
    with pytest.raises(values.Unfit):
        judge.containers.unpack(account, judge.decode, judge.contents)
    assert ours == [1]


class Bag:
    """As of a problem's setup."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def total(self) -> int:
        return 1

    @property
    def size(self) -> int:
        return len(self.items)

    @size.setter
    def size(self, size: int) -> None:
        self.items = [0] * size


def test_a_list_of_a_class_of_the_test_is_made_where_it_arrives() -> None:
    """By the numbers of its class and of itself. Whatever changes it, it stays the same list."""
    submission, made = Side(1, forgets=False), {(7, 8): Stack()}
    submission.containers.of_the_test = lambda *numbers: made.pop(numbers)
    for items in ([1], [1, 2]):
        submission.containers.unpack([[], [[-1, ["ot", 7, 8, ["L", items]]]]], submission.decode, lambda _: None)
    assert submission.containers.find(-1) == Stack([1, 2])
    assert type(submission.containers.find(-1)) is Stack


class Stack(list[int]):
    """As of a test's code."""


@pytest.mark.parametrize("name", ["__dict__", "__class__", "total", "size"])
def test_a_forged_instance_is_refused(name: str) -> None:
    """What a class of the setup answers by a method or a property, its instances do not say themselves."""
    judge = Side(-1, forgets=True)
    judge.containers.models = {"Bag": Bag}
    for state in (["d", ["L", [name]], ["L", [3]]], ["d", ["L", [name]], ["l", ["d", ["L", []], ["L", []]]]]):
        with pytest.raises(values.Unfit):
            judge.containers.unpack([[], [[1, ["ob", "Bag", state, None]]]], judge.decode, lambda _: None)
        judge.containers.drop(1)


def test_a_grid_that_no_message_names_is_kept_up_to_date(judge: Side, submission: Side) -> None:
    """`solver = Solver(grid)`, then `solver.solve()`: only the first call names it."""
    grid = [[0] * 50 for _ in range(1000)]
    theirs = submission.read(judge.write(grid))
    for row in theirs:
        row[7] = 1
    judge.read(submission.write(None))
    assert grid == theirs
    assert sum(map(sum, grid)) == 1000


def test_what_is_forgotten_while_a_message_is_read_is_dropped_after_it(judge: Side, submission: Side) -> None:
    """To understand an object of the test the submission asks in between, and the answer may forget what holds it."""
    first = submission.read(judge.write([1]))
    ((number, held),) = submission.containers.held.items()
    submission.containers.decoding += 1
    submission.containers.unpack([[number], []], submission.decode, submission.contents)
    assert submission.containers.find(number) is held.value is first
    submission.containers.decoding -= 1
    submission.write(None)
    assert not submission.containers.held
