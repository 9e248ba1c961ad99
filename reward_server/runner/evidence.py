"""What stands against a pass although the test code came to its end. Runs in the judge's process.

A test passes only if nothing was kept from it: the submission is alive, no failure of the test's own was swallowed in a
callback, no exception of the submission was taken for the end of a loop, and nothing was refused by the wall.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from reward_server.runner import values

if TYPE_CHECKING:
    from types import CodeType

ENDS_OF_LOOPS = frozenset(
    {"StopIteration", "StopAsyncIteration", "LookupError", "AttributeError", "GeneratorExit", "CancelledError"}
)
"""What the interpreter, the library or an event loop may swallow without a handler in the test code."""
PROTOCOLS = {
    "get": "AttributeError",
    "__next__": "StopIteration",
    "__anext__": "StopAsyncIteration",
    "anext": "StopAsyncIteration",
    "await_next": "StopAsyncIteration",
    "send": "StopIteration",
    "throw": "StopIteration",
    "__getitem__": "LookupError",
}
"""What an object says by these exceptions, by the operation or the special method that was asked for."""
RUNNERS = frozenset({"_pytest.outcomes", "unittest.case"})
"""Modules whose exceptions are findings of a test, as an AssertionError is."""
HANDLED_UNSEEN = frozenset({"StopAsyncIteration", "GeneratorExit"})
MOST_RAISED, LAST = 1000, 7
HANDLERS = ("unittest", "_pytest", "contextlib", "numpy.testing", "doctest")
"""Libraries that catch an exception for the test, which then looks at it."""


NO_FAULTS = RecursionError, MemoryError, OSError, StopIteration, StopAsyncIteration
"""What depends on more than the statement that raises it."""
OF_KINDS = TypeError, AttributeError, NameError, ImportError
"""What may depend on whether something of the submission is a function or a class, or there at all."""


class Evidence:
    def __init__(self) -> None:
        self.checks = 0
        """Comparisons that the current test has come through."""
        self.constant: frozenset[tuple[str, int]] = frozenset()
        """File and line of asserts that say nothing of the submission, as `assert 1 + 1 == 3`."""
        self.files: frozenset[str] = frozenset()
        """The names of the test code's files."""
        self.expected: frozenset[str] = frozenset()
        """The types of exceptions that the test code names."""
        self.independent: frozenset[tuple[str, int]] = frozenset()
        """File and line of statements that have nothing to do with the submission."""
        self.fault = ""
        """What is wrong with the tests themselves, whatever the submission: then there is no verdict."""
        self.heard = False
        """Whether an exception of the submission has come, be it in a look-up."""
        self.problem = ""
        """What the test's own side cannot do across the wall: then there is no verdict."""
        self.answers = 0
        """What the submission has answered, but for look-ups of its functions and classes."""
        self.tests = 0
        """So many tests were begun."""
        self.calibrated = False
        """Whether the reference has passed these tests in two processes."""
        self.forget()

    def forget(self) -> None:
        """Begin the next test."""
        self.tests += 1
        self.doubts: list[str] = []
        self.raised: list[BaseException] = []
        """Those that could end a loop unseen."""
        self.theirs: list[BaseException] = []
        """The last exceptions of the submission."""
        self.failed_callbacks: dict[bytes, str] = {}
        self.checks = 0

    def check(self) -> None:
        self.checks += 1

    def blame_test(self, text: str) -> None:
        """Note what the test's own side cannot do: a failure is then no verdict."""
        self.problem = self.problem or text

    def cannot_carry(self, text: str) -> None:
        """Note what the test's side cannot do for this submission: it fails, if the reference needed no such thing."""
        self.doubt(text)
        if not self.calibrated:
            self.blame_test(text)

    def doubt(self, text: str) -> None:
        if not self.doubts:
            self.doubts.append(text)

    def note_raised(self, error: BaseException, operation: str, operands: tuple[Any, ...]) -> None:
        """Remember an exception of the submission."""
        self.heard = True
        self.theirs = [*self.theirs[-LAST:], error]
        asked_for = str(operands[1]) if operation == "special" else operation
        names = {kind.__name__ for kind in type(error).__mro__}
        if not names & ENDS_OF_LOOPS or PROTOCOLS.get(asked_for) in names:
            return
        # An `async for` is a handler of StopAsyncIteration, and what closes a generator is one of GeneratorExit.
        if names & HANDLED_UNSEEN or not names & self.expected:
            self.doubt(f"{type(error).__name__} of the submission, which the test does not expect")
        elif len(self.raised) < MOST_RAISED:
            self.raised.append(error)
        else:
            self.doubt_swallowed()
            self.raised = [error]

    def callback_ended(self, call: list[Any], error: BaseException | None, answers: int) -> None:
        """Note how the submission's call of the test's own code ended, and how many answers there were before it.

        The same call makes a failure good by ending well, as in a retry, unless the submission decides what is the
        same: by its answers during the call, or by a container that it changes in between.
        """
        if error is not None and self.raised and self.raised[-1] is error:
            self.raised.pop()  # the submission gets it back: it has ended no loop of the test's
        if error is None and not self.failed_callbacks:
            return
        key = values.dumps(call)
        if error is None:
            self.failed_callbacks.pop(key, None)
        elif is_finding(error) and not self.is_constant(error):
            text = f"{type(error).__name__} in a callback of the test: {error}"
            if self.answers == answers and is_plain(call):
                self.failed_callbacks.setdefault(key, text)
            else:
                self.doubt(text)

    def note_fault(self, error: BaseException) -> None:
        """Note an exception that the test code has raised on its own, with nothing of the submission in it.

        Either the statement uses nothing of it, or nothing has come from it so far but its functions and classes. An
        exception that says that a resource has run out, or that a check failed, is no such.
        """
        place = at = error.__traceback__
        while place is not None:
            if os.path.basename(place.tb_frame.f_code.co_filename) in self.files:
                at = place
            last, place = place, place.tb_next
        if at is None or not isinstance(error, Exception) or isinstance(error, NO_FAULTS) or is_finding(error):
            return
        file, line = os.path.basename(at.tb_frame.f_code.co_filename), at.tb_lineno
        if file not in self.files or str(last.tb_frame.f_globals.get("__name__", "")).startswith("reward_server."):
            return
        untouched = not self.answers and not self.heard and not isinstance(error, OF_KINDS)
        if untouched or (file, line) in self.independent:
            self.fault = self.fault or f"{type(error).__name__} in its tests: {error}"

    def is_constant(self, error: BaseException) -> bool:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        if place is None:
            return False
        return (os.path.basename(place.tb_frame.f_code.co_filename), place.tb_lineno) in self.constant

    def thread_failed(self, args: Any) -> None:
        """A failure in a thread of the test is none for anybody else."""
        self.doubt(f"a thread of the test ended by {args.exc_type.__name__}: {args.exc_value}")

    def against(self) -> str | None:
        """The first thing that stands against a pass."""
        if self.doubts:
            return self.doubts[0]
        for text in self.failed_callbacks.values():
            return text
        self.doubt_swallowed()
        return self.doubts[0] if self.doubts else None

    def doubt_swallowed(self) -> None:
        for error in self.raised:
            if self.was_swallowed(error):
                self.doubt(f"{type(error).__name__} of the submission ended a loop or a look-up of the test")

    def was_swallowed(self, error: BaseException) -> bool:
        """Whether no handler of the test's has seen it: what a test catches has passed a frame of it with one.

        The outermost frame of the traceback is that of the last handler (Python 3.11), or the last that it has left.
        """
        place = error.__traceback__
        if place is None:
            return False  # who takes the traceback off has seen the exception
        code = place.tb_frame.f_code
        if os.path.basename(code.co_filename) in self.files:
            return not has_handler(code, place.tb_lasti)
        return not str(place.tb_frame.f_globals.get("__name__", "")).startswith(HANDLERS)


def is_plain(call: list[Any]) -> bool:
    """Whether the encoded arguments of a call are plain values without parts."""
    match call:
        case ["call" | "method" | "special", *_, list(arguments), []]:
            return not any(isinstance(value, list) for value in arguments)
    return False


def is_finding(error: BaseException) -> bool:
    return isinstance(error, AssertionError) or any(kind.__module__ in RUNNERS for kind in type(error).__mro__)


def has_handler(code: CodeType, at: int) -> bool:
    import dis  # rarely needed

    return any(entry.start <= at < entry.end for entry in dis._parse_exception_table(code))  # type: ignore[attr-defined]
