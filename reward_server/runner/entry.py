"""Which part of a submission is under test: a function or a method of a class.

Sets and programs differ in the form: where `add` is asked for and the submission has a method `Solution.add`, that
counts, and where `Solution.add` is asked for, a function `add`. In this order: the form that is asked for, if the
submission defines it; the other form, if it defines that; the form that is asked for, if it imports it. What the
problem's setup defines is never the submission's.

Runs in the submission's process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types
    from collections.abc import Mapping

SOLUTION = "Solution"
"""The class in which programs for LeetCode define their function."""


def find(module: types.ModuleType, entry_point: str, given: Mapping[str, Any]) -> Any:
    """The function or the class that the entry point begins with; None if the submission has neither form.

    `given`: what the problem's setup has defined in the module.
    """
    first, _, method = entry_point.partition(".")
    asked = None if is_given(vars(module), first, given) else getattr(module, first, None)
    if method and not hasattr(asked, method):
        asked = None
    if is_own(asked, module):
        return asked
    other = as_class(module, first, method) if method else as_function(module, first)
    return asked if other is None else other


def named(module: types.ModuleType, entry_point: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `find` gives, by its name; empty if that is nothing."""
    found = find(module, entry_point, given)
    return {} if found is None else {entry_point.partition(".")[0]: found}


def is_given(names: Mapping[str, Any], name: str, given: Mapping[str, Any]) -> bool:
    """Whether a name of the submission still holds what the problem has defined."""
    return name in given and names.get(name) is given[name]


def is_own(value: Any, module: types.ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def as_class(module: types.ModuleType, name: str, method: str) -> type | None:
    """A class with the submission's function of that name as its method."""
    function: Any = getattr(module, method, None)
    if not is_own(function, module):
        return None
    return type(name, (), {"__module__": module.__name__, method: staticmethod(function)})


def as_function(module: types.ModuleType, method: str) -> Any:
    """The submission's method `Solution.<method>` as a function."""
    kind = getattr(module, SOLUTION, None)
    if not is_own(kind, module) or not hasattr(kind, method):
        return None
    return method_of(kind, method)


def method_of(kind: Any, name: str) -> Any:
    """A method as a function, which makes a new instance for each call."""
    return lambda *arguments, **keywords: bound(kind, name)(*arguments, **keywords)  # noqa: PLW0108 - new each time


def bound(kind: Any, name: str) -> Any:
    """A method, on a new instance unless it needs none."""
    rows = [vars(base) for base in kind.__mro__] if isinstance(kind, type) else []
    method = next((row[name] for row in rows if name in row), None)
    return getattr(kind if isinstance(method, staticmethod | classmethod) else kind(), name)
