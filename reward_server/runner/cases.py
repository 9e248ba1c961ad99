"""What a case of kind `call` asks for: what a call returns, what it leaves of an argument, or what a sequence of calls
on one object returns. Runs in the submission's process.
"""

from __future__ import annotations

import importlib
import types
from typing import TYPE_CHECKING, Any

from reward_server.runner import values

if TYPE_CHECKING:
    from collections.abc import Callable


class RaisedInCall(Exception):
    """A call of a sequence has raised its cause."""

    def __init__(self, number: int) -> None:
        """`number`: which call it was, from 1."""
        super().__init__(number)
        self.number = number


def answer(case: tuple[Any, ...], call: Any, find: Callable[[str], Any]) -> values.Encoded:
    """The encoded value that a case asks for. `find` gives a class of the submission.

    Raises: Unfit for a value that cannot cross; RaisedInCall; without `calls` whatever the submission raises.
    """
    arguments, keywords, *more = case
    asked: dict[str, Any] = more[0] if more else {}
    if "calls" in asked:
        return ["l", *sequence(asked["calls"], find)]
    result = finished(call(*arguments, **keywords))
    if "argument" not in asked:
        return encoded(result)
    which = asked["argument"]
    left = (keywords if isinstance(which, str) else arguments)[which]
    return encoded([result if asked["returned"] else None, left])


def sequence(calls: list[Any], find: Callable[[str], Any]) -> list[values.Encoded]:
    """What each call gives, as it is when that call ends: a later one may change it. The first makes the object."""
    made = find(calls[0][0])
    answers: list[values.Encoded] = [None]
    for number, (name, arguments) in enumerate(calls, 1):
        try:
            result = finished((getattr(made, name) if number > 1 else made)(*arguments))
        except BaseException as error:
            raise RaisedInCall(number) from error
        if number == 1:
            made = result
        else:
            answers.append(encoded(result))
    return answers


def finished(result: Any) -> Any:
    """The result of a function, also of an asynchronous one."""
    return importlib.import_module("asyncio").run(result) if isinstance(result, types.CoroutineType) else result


def encoded(value: Any) -> values.Encoded:
    return values.encode(value, values.as_json)
