"""A decorator of the submission may set attributes of the class that it decorates, and of no other."""

from __future__ import annotations

import ast

import pytest

from reward_server.runner.decorating import decorators_in, may_be_set

SOURCE = """import solution
@solution.first
@second(1)
class A:
    @third
    def f(self): pass

@fourth
def g(): pass
"""


def test_decorators_of_classes_are_known_by_their_place() -> None:
    found = decorators_in({"test_it.py": SOURCE, "data.json": "{"})
    assert found == {("test_it.py", 2, 2, 1, 15): "A", ("test_it.py", 3, 3, 1, 10): "A"}
    assert ast.get_source_segment(SOURCE, ast.parse(SOURCE).body[1].decorator_list[1]) == "second(1)"  # type: ignore[attr-defined]


class Kind:
    public = 1
    _private = 2


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        *(("public", True), ("new", True), ("_new", True), ("__repr__", True), ("__init__", True), ("__lt__", True)),
        *(("_private", False), ("__class__", False), ("__dict__", False), ("__new__", False), ("co_consts", False)),
    ],
)
def test_what_a_decorator_may_set(name: str, allowed: bool) -> None:
    assert may_be_set(Kind, name) is allowed
