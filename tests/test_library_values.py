"""Mutable objects of the library cross with all that they hold, and names of the library by what they are."""

from __future__ import annotations

import argparse
import array
import random
import types
import typing
import xml.etree.ElementTree as ET
from collections import OrderedDict, defaultdict
from typing import Any

import pytest

from reward_server.runner import library_values, values


def crossed(value: Any) -> Any:
    def resolve(encoded: list[Any]) -> Any:
        assert encoded[0] in library_values.NAMESPACES
        return library_values.make(encoded[0], [values.decode(encoded[1])])

    return values.decode(values.loads(values.dumps(values.encode(value))), resolve)


@pytest.mark.parametrize(
    "value",
    [
        types.SimpleNamespace(a=1, b=[2]),
        argparse.Namespace(verbose=True),
        array.array("d", [1.5, 2]),
        array.array("u", "ab"),
    ],
)
def test_an_object_of_the_library_crosses(value: Any) -> None:
    assert crossed(value) == value
    assert type(crossed(value)) is type(value)


def test_a_generator_of_random_numbers_goes_on_where_it_was() -> None:
    ours = random.Random(5)
    ours.gauss(0, 1)
    theirs = crossed(ours)
    assert [theirs.random(), theirs.gauss(0, 1)] == [ours.random(), ours.gauss(0, 1)]


def test_an_element_crosses_with_all_below_it() -> None:
    text = '<a k="v">x<b>y</b>z<c /></a>'
    assert ET.tostring(crossed(ET.fromstring(text)), encoding="unicode") == text


def test_a_comment_is_no_element() -> None:
    with pytest.raises(values.Unfit):
        crossed(ET.Comment("x"))


@pytest.mark.parametrize(
    "encoded",
    [
        ["rn", 3, ["T", [1, 2]], None],
        ["rn", 3, None, None],
        ["ar", 5, [1]],
        ["ar", "i", ["x"]],
        ["ar", "no", [1]],
        ["xe", "a", None, None, 5],
        ["xe", "a", None, None, ["d", ["L", []], ["L", []]], 7],
    ],
    ids=repr,
)
def test_what_is_no_object_of_the_library_is_unfit(encoded: Any) -> None:
    with pytest.raises(values.Unfit):
        values.decode(encoded)


@pytest.mark.parametrize(
    "value",
    [list[int], dict[str, list[int]], int | None, typing.Optional[int], typing.Union[int, str], typing.Callable],  # noqa: UP045, UP007
    ids=repr,
)
def test_a_type_is_made_anew_from_its_parts(value: Any) -> None:
    def there(part: Any) -> Any:
        parts = library_values.parts_of_alias(part)
        return part if parts is None else library_values.alias([there(each) for each in parts])

    assert there(value) == value


@pytest.mark.parametrize("kind", [OrderedDict, type(None), types.FunctionType, ET.Element])
def test_a_class_of_the_library_is_found_by_its_place(kind: type) -> None:
    place = library_values.place_of(kind)
    assert place is not None
    assert library_values.find(*place) is kind


def test_a_class_of_the_test_has_no_place() -> None:
    assert library_values.place_of(type("OrderedDict", (), {"__module__": "collections"})) is None


def test_a_factory_that_cannot_cross_leaves_a_plain_dict() -> None:
    encoded = values.encode(defaultdict(lambda: 5, a=1))
    assert values.decode(encoded) == {"a": 1}
