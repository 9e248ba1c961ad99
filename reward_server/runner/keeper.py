"""Keeps what comes of each test, and runs test code so that each `assert` counts on its own.

The server wrapped each in a site: `with __site__(3): assert ...`. What comes of it is told to the control process, over
a channel and a shared page. The judge (`judge.py`) does so in a process that the submission cannot reach; tests of a
problem that asks for one process (`shared.py`), in the submission's own.
"""

from __future__ import annotations

import abc
import builtins
import functools
import importlib
import json
import mmap
import os
import sys
import types
from builtins import max  # noqa: A004, UP029 a test may patch the builtin
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from reward_server.runner import entry, link, tracebacks, values, wording
from reward_server.runner.evidence import Evidence
from reward_server.runner.page import FAILED, PASSED, UNREACHED, Page
from reward_server.runner.rows import MAX_MESSAGE, MAX_SAID, PROBLEM_FAULT, TIME_LIMITS

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

TEST_MODULE = "__test__"
"""The module name of test code."""
TOP_LEVEL_AWAIT, IS_COROUTINE = 0x2000, 0x80
"""`ast.PyCF_ALLOW_TOP_LEVEL_AWAIT` and `inspect.CO_COROUTINE`, without these modules."""
Begun = tuple[float, float, float]
"""The processor seconds of submission and judge, and the clock, when an interval began."""


class Stop(BaseException):
    """Ends the test code where no test is to follow."""


class NotTheirs(Exception):
    """What went wrong before the first test has nothing to do with the submission."""


class FailedLoad(Exception):
    def __init__(self, why: dict[str, Any]) -> None:
        super().__init__(why)
        self.why = why


class Keeper(abc.ABC):
    """Keeps the tests' results and tells the control process."""

    def __init__(
        self, control: socket.socket, page: Page, names: list[str], *, stop: bool, timeouts: int, cpu_s: float
    ) -> None:
        """`timeouts`: so many time limits end the tests. `cpu_s`: the limit of each execution of a test."""
        self.control, self.page, self.cpu_limit_s = control, page, cpu_s
        self.stop, self.timeouts = stop, timeouts
        self.over = False
        """Whether no other test is begun, also where the test code swallows a `Stop`."""
        self.evidence = Evidence()
        self.operands: list[Any] = []
        """What the assert under way has compared so far."""
        self.operators: list[str] = []
        """Of each assert, as `wording.failed` takes it; empty for tests that pytest runs, which words them itself."""
        self.interval = self.depth = 0
        """`depth`: so many sites the test code is in; a callback may have sites of its own."""
        self.start_over(names)

    @abc.abstractmethod
    def clocks(self) -> tuple[float, float]:
        """Processor seconds so far, of the submission and of the judge beside it."""

    def end_of(self, error: BaseException | None) -> BaseException | None:
        """What ended the test code; where it was the end of the submission, the tests not reached end as that did."""
        return error

    def candidate(self, target: Any, entry_point: str) -> Any:
        """What a `check(candidate)` is called with: `target`, or a method of it."""
        method = entry_point.partition(".")[2]
        if not method:
            return target
        return entry.method_of(target, method)

    def tell(self, message: dict[str, Any]) -> None:
        text = json.dumps(message).encode()
        self.control.sendall(link.LENGTH.pack(len(text)) + text)

    def start_over(self, names: list[str]) -> None:
        """These are the tests, after all: pytest knows them only once it has collected them."""
        self.names = names
        self.endings, self.messages = [("unreached", 0)] * len(names), [""] * len(names)
        self.states, self.seconds = [UNREACHED] * len(names), [(0.0, 0.0)] * len(names)
        self.checks = [0] * len(names)

    def is_over(self, row: int) -> bool:
        """Whether no test is to follow this one, as it failed or as the time limits are used up."""
        self.over = self.timeouts <= 0 or (self.stop and self.states[row] == FAILED)
        return self.over

    def leave_out(self, rows: set[int]) -> None:
        """Tests that a mark skips do not count."""
        held: list[list[Any]] = [self.names, self.endings, self.messages, self.states, self.seconds, self.checks]
        for column in held:
            column[:] = [value for row, value in enumerate(column) if row not in rows]

    def begin_interval(self, *, inside: bool = False) -> Begun:
        self.interval += 1
        begun = *self.clocks(), monotonic()
        self.page.begin(self.interval, *begun, inside=inside)
        return begun

    def settle(
        self,
        row: int,
        begun: Begun,
        *,
        failed: bool,
        ending: str = "returned",
        code: int = 0,
        message: str = "",
        submission_s: float | None = None,
        checks: int = 0,
    ) -> None:
        """Enter the result of one execution of a test. Once failed it stays failed. `checks`: comparisons that it made.

        One that came to its end has failed all the same if something stands against it (`evidence.py`).

        One that used more than its limit and came to its end before the control process saw it has failed as well:
        when that looks depends on what else the machine does.
        """
        if not failed and self.depth <= 1 and (against := self.evidence.against()) is not None:
            failed, message = True, against
        read_s, judge_s = self.clocks()
        cpu_s = max((read_s if submission_s is None else submission_s) - begun[0], 0.0) + judge_s - begun[1]
        if submission_s is None and cpu_s > self.cpu_limit_s:
            failed, ending, code, message = True, "cpu", 0, ""
        self.timeouts -= ending in TIME_LIMITS
        wall_s = monotonic() - begun[2]
        earlier_cpu_s, earlier_wall_s = self.seconds[row]
        self.seconds[row] = earlier_cpu_s + cpu_s, earlier_wall_s + wall_s
        if failed and self.states[row] != FAILED:
            self.states[row] = FAILED
            self.endings[row] = ending, code
            self.messages[row] = message[:MAX_MESSAGE]
        elif not failed and self.states[row] == UNREACHED:
            self.states[row] = PASSED
            self.endings[row] = "returned", 0
        self.checks[row] += checks
        self.page.write(row, self.states[row], *self.seconds[row])

    def fail(self, row: int, begun: Begun, error: BaseException, checks: int = 0) -> None:
        """Enter a test that ended in an exception. `checks`: comparisons that it came through before."""
        is_finding = isinstance(error, AssertionError)
        ending = "returned" if is_finding else "raised"
        said = self.explain(row, describe(error)) if is_finding else describe(error)
        message = said if is_finding and self.operands else placed(said, error)
        self.settle(row, begun, failed=True, ending=ending, message=message, checks=checks + is_finding)

    def saw(self, operand: Any) -> Any:
        """Keep what an assert compares."""
        self.operands.append(operand)
        return operand

    def explain(self, row: int, text: str) -> str:
        """Why an assert failed: what it says itself, and the values that it compared."""
        try:
            values = wording.failed(self.operators[row], self.operands) if self.operators else ""
        except Exception:  # no value may spoil the result of its test
            values = ""
        return f"{text[: MAX_MESSAGE // 2]}: {values}" if text and values else text or values

    def report(self, uncaught: BaseException | None, failed_load: dict[str, Any] | None = None) -> None:
        """Tell the control process all; there is no verdict where the tests themselves are at fault."""
        if self.evidence.fault:
            self.give_up(NotTheirs(self.evidence.fault))
            return
        if uncaught is not None:
            # The kind of error first: it tells the verdict.
            text = describe(uncaught) or type(uncaught).__name__
            self.blame(f"{placed(text, uncaught)} (it ended the test code)")
        elif (against := self.evidence.against()) is not None:
            self.blame(against)
        self.tell(
            {
                "report": [
                    [state == PASSED, ending, code, message, name, checks, *seconds]
                    for state, (ending, code), message, name, checks, seconds in zip(
                        self.states, self.endings, self.messages, self.names, self.checks, self.seconds, strict=True
                    )
                ],
                "failed_load": failed_load,
                "learned": self.learned(),
            }
        )

    def learned(self) -> dict[str, Any] | None:
        """What a calibration has learned from the reference."""
        return None

    def give_up(self, ours: NotTheirs) -> None:
        """Tell the control process that nothing can be said about the submission."""
        self.tell({"given_up": f"{PROBLEM_FAULT}: {ours}"[:MAX_MESSAGE]})

    def blame(self, message: str) -> None:
        """Test code that ends in an exception never passes whole: what it did not reach fails, else its last test."""
        rows = [row for row, state in enumerate(self.states) if state == UNREACHED]
        if not rows and FAILED not in self.states:
            rows = [len(self.states) - 1]
        for row in rows:
            self.states[row], self.endings[row], self.messages[row] = FAILED, ("raised", 0), message[:MAX_MESSAGE]


def describe(error: BaseException) -> str:
    if isinstance(error, link.Gone):
        return "the submission ended"
    try:
        if isinstance(error, AssertionError | values.Unfit | link.Refused):  # whose text says all
            return str(error)[:MAX_MESSAGE]
        return f"{type(error).__name__}: {error}"[:MAX_MESSAGE]
    except BaseException:
        return type(error).__name__


def placed(text: str, error: BaseException) -> str:
    """What an exception says, and where in the submission it was raised."""
    place = tracebacks.place_of(error)
    return text[:MAX_SAID] + place if place else text


class Site:
    """Around one `assert`. `raising`: inside a try or with block, where the test code wants to see the exception."""

    __slots__ = ("begun", "keeper", "raising", "row")

    def __init__(self, keeper: Keeper, row: int, raising: bool) -> None:
        self.keeper, self.row, self.raising = keeper, row, raising

    def __enter__(self) -> None:
        if self.keeper.over:
            raise Stop
        self.keeper.depth += 1
        self.keeper.operands = []
        self.begun = self.keeper.begin_interval(inside=True)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        keeper = self.keeper
        try:
            if error is None:
                keeper.settle(self.row, self.begun, failed=False, checks=1)
                if keeper.is_over(self.row):
                    raise Stop
            elif isinstance(error, Stop):
                return False
            else:
                keeper.fail(self.row, self.begun, error)
                if keeper.is_over(self.row):
                    raise Stop
        finally:
            self.leave()
        keeper.begin_interval()
        return not self.raising

    def leave(self) -> None:
        self.keeper.depth -= 1
        self.keeper.operands = []  # what the test no longer holds is not to be kept
        if not self.keeper.depth:
            self.keeper.evidence.forget()


class Never(Site):
    """Around an `assert False`: passes unless it is reached."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        says_nothing = error is None or (type(error) is AssertionError and not error.args)
        reached = AssertionError("`assert False` was reached")
        self.keeper.fail(self.row, self.begun, reached if says_nothing or error is None else error)
        self.leave()
        return False


@functools.lru_cache(maxsize=256)
def compiled(source: str, flags: int = 0) -> types.CodeType:
    """Test code is compiled once by a standing judge, however many submissions to its problem there are."""
    code: types.CodeType = compile(source, "tests.py", "exec", flags, dont_inherit=True)
    return code


def compiled_tests(source: str) -> types.CodeType:
    """As `compiled`, for code that may await at its top. Raises: NotTheirs for `return` outside of a function, say."""
    try:
        return compiled(source, TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotTheirs(f"`tests.source` does not compile: {getattr(error, 'msg', error)}") from None


def run_code(code: types.CodeType, namespace: dict[str, Any]) -> None:
    """Run code that may await at its top."""
    outcome = eval(code, namespace)  # noqa: S307 - unlike `exec`, it gives the coroutine of such code
    if code.co_flags & IS_COROUTINE:
        run_coroutine(outcome)


def is_coroutine_function(function: Any) -> bool:
    """Whether this is one of the test code's: what stands for one of the submission is no function."""
    return isinstance(function, types.FunctionType) and bool(function.__code__.co_flags & IS_COROUTINE)


def run_coroutine(coroutine: Any) -> None:
    import asyncio  # what few tests need

    asyncio.run(coroutine)


def shared_page(descriptor: int) -> Page:
    memory = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    return Page(memory)


def run_tests(
    keeper: Keeper, payload: dict[str, Any], code: types.CodeType, namespace: dict[str, Any]
) -> BaseException | None:
    """Run test code of kind `asserts`. Returns the exception that ended it, if one did."""
    keeper.begin_interval()
    entry_point = payload["entry_point"] or ""
    tested = namespace.get(entry_point.partition(".")[0])  # before the test code can bind that name itself
    try:
        run_code(code, namespace)
        if payload["calls_check"]:
            check, candidate = namespace["check"], keeper.candidate(tested, entry_point)
            if is_coroutine_function(check):
                run_coroutine(check(candidate))
            else:
                check(candidate)
    except Stop:
        return None
    except BaseException as error:
        return error
    if keeper.over:
        return None
    for row, site in enumerate(payload["rows"]):
        if site["kind"] == "never" and keeper.states[row] == UNREACHED:
            keeper.states[row], keeper.endings[row] = PASSED, ("returned", 0)
    return None


def missing(name: str) -> dict[str, Any]:
    return {"ending": "raised", "code": 0, "told": {"text": f"NameError: the submission defines no {name!r}"}}


def make_namespace(
    keeper: Keeper,
    payload: dict[str, Any],
    look_up: Callable[[list[str]], dict[str, Any]],
    setup: Mapping[str, Any] = types.MappingProxyType({}),
) -> dict[str, Any]:
    """The globals of the test code: its sites, and the names that it uses and does not define.

    `look_up` finds those of the submission. `setup` holds what the problem's setup defines: it and the names of the
    library are never taken from the submission. Raises: FailedLoad, NotTheirs.
    """
    module = types.ModuleType(TEST_MODULE)
    sys.modules[TEST_MODULE] = module
    namespace = module.__dict__
    rows: dict[str, Callable[..., Site]] = {
        "__site__": lambda row: Site(keeper, row, raising=False),
        "__raising_site__": lambda row: Site(keeper, row, raising=True),
        "__never__": lambda row: Never(keeper, row, raising=True),
    }
    namespace.update(rows, __saw__=keeper.saw, __builtins__=builtins)
    keeper.operators = [row["check"] for row in payload["rows"]]
    first = (payload["entry_point"] or "").partition(".")[0]
    ours = {name: setup[name] for name in payload["names"] if name in setup and name != first}
    wanted = [name for name in payload["names"] if name not in ours]
    if first and first not in wanted:
        wanted.append(first)
    found = look_up(wanted) if wanted else {}
    if first and first not in found:
        raise FailedLoad(missing(first))
    namespace.update(found)
    namespace.update(library(payload["library"]))
    namespace.update(ours)
    return namespace


def library(homes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What the test code uses of the library without an import. Raises: NotTheirs."""
    found = {}
    for name, (module, attribute) in homes.items():
        try:
            home = importlib.import_module(module)
        except Exception as error:
            raise NotTheirs(describe(error)) from None
        found[name] = getattr(home, attribute) if attribute else home
    return found
