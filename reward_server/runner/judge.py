"""J, the judge: runs test code, in a process of its own, against a submission in another one.

What it finds it tells the control process only, over a channel that the submission does not have. Each `assert` of
the test code was wrapped by the server in a site: `with __site__(3): assert ...`, and counts on its own.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import json
import mmap
import os
import socket
import sys
import time
import types
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from reward_server.runner import containment, frames, link, values, wall
from reward_server.runner.page import FAILED, PASSED, UNREACHED, Page

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL, LINK, PAYLOAD, PAGE = 3, 4, 5, 6
STANDING_PAGE = 4
MAX_MESSAGE = 500


Begun = tuple[float, float, float]
"""The processor seconds of submission and judge, and the clock, when an interval began."""


class Stop(BaseException):
    """Ends the test code after the first test that did not pass."""


class SubmissionClock:
    """Processor seconds of the submission's main process."""

    def __init__(self, pid: int, nested: bool) -> None:
        self.identity = None if nested else self._clock(pid)
        self.pid = pid

    @staticmethod
    def _clock(pid: int) -> int:
        return (~pid << 3) | 2  # CPUCLOCK_SCHED of the process, as clock_getcpuclockid(3) makes it

    def read(self) -> float:
        try:
            if self.identity is None:  # the pid is that of its namespace's first process: the submission is its child
                with open(f"/proc/{self.pid}/task/{self.pid}/children") as children:
                    self.identity = self._clock(int(children.read().split()[0]))
            return time.clock_gettime(self.identity)
        except (OSError, IndexError):
            return 0.0


class Judge:
    """Keeps the tests' results and the link to the submission."""

    def __init__(
        self, spec: dict[str, Any], control: socket.socket, channel: int, page: Page, names: list[str]
    ) -> None:
        self.control, self.page = control, page
        self.nested = spec["nested"]
        self.stop = spec["stop"]
        self.clock = SubmissionClock(spec["submission_pid"], self.nested)
        self.wall = wall.Wall(socket.socket(fileno=channel))
        self.interval = 0
        self.start_over(names)
        self.lost = False

    def wait_until_loaded(self) -> None:
        """Raises: FailedLoad."""
        self.begin_interval()
        try:
            message = self.wall.receive()
        except link.Gone:
            self.lost = True
            raise FailedLoad(self.ask_why(again=False)) from None
        if message[0] == "failed" and type(message[1]) is dict:
            raise FailedLoad({"ending": "raised", "code": 0, "told": message[1]})
        if message[0] != "loaded":
            raise FailedLoad({"ending": "exited", "code": 0})

    def ask_why(self, *, again: bool) -> dict[str, Any]:
        """Ask the control process what ended the submission and, if `again`, for a new one."""
        self.tell({"lost": again})
        text, descriptors, _, _ = socket.recv_fds(self.control, 4096, 1)
        if not text:
            os._exit(0)
        answer: dict[str, Any] = json.loads(text)
        if descriptors:
            self.wall.restart(socket.socket(fileno=descriptors[0]))
            self.clock = SubmissionClock(answer["pid"], self.nested)
            try:
                self.wait_until_loaded()
            except FailedLoad:
                self.lost = True
            else:
                self.lost = False
        return answer

    def tell(self, message: dict[str, Any]) -> None:
        text = json.dumps(message).encode()
        self.control.sendall(link.LENGTH.pack(len(text)) + text)

    def start_over(self, names: list[str]) -> None:
        """These are the tests, after all: pytest knows them only once it has collected them."""
        self.names = names
        self.endings, self.messages = [("unreached", 0)] * len(names), [""] * len(names)
        self.states, self.seconds = [UNREACHED] * len(names), [(0.0, 0.0)] * len(names)

    def leave_out(self, rows: set[int]) -> None:
        """Tests that a mark skips do not count."""
        held: list[list[Any]] = [self.names, self.endings, self.messages, self.states, self.seconds]
        for column in held:
            column[:] = [value for row, value in enumerate(column) if row not in rows]

    def begin_interval(self, *, inside: bool = False) -> Begun:
        self.interval += 1
        begun = self.clock.read(), time.process_time(), time.monotonic()
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
    ) -> None:
        """Enter the result of one execution of a test. Once failed it stays failed."""
        if submission_s is None:
            submission_s = self.clock.read()
        cpu_s = max(submission_s - begun[0], 0.0) + time.process_time() - begun[1]
        wall_s = time.monotonic() - begun[2]
        earlier_cpu_s, earlier_wall_s = self.seconds[row]
        self.seconds[row] = earlier_cpu_s + cpu_s, earlier_wall_s + wall_s
        if failed and self.states[row] != FAILED:
            self.states[row] = FAILED
            self.endings[row] = ending, code
            self.messages[row] = message[:MAX_MESSAGE]
        elif not failed and self.states[row] == UNREACHED:
            self.states[row] = PASSED
            self.endings[row] = "returned", 0
        self.page.write(row, self.states[row], *self.seconds[row])

    def fail(self, row: int, begun: Begun, error: BaseException) -> None:
        if not isinstance(error, link.Gone):
            ending = "returned" if isinstance(error, AssertionError) else "raised"
            self.settle(row, begun, failed=True, ending=ending, message=describe(error))
        elif self.lost:
            self.settle(
                row, begun, failed=True, ending="exited", message="the submission had ended before", submission_s=0.0
            )
        else:
            self.lost = True
            why = self.ask_why(again=not self.stop)
            self.settle(
                row,
                begun,
                failed=True,
                ending=why["ending"],
                code=why["code"],
                message=why["message"],
                submission_s=why["cpu_s"],
            )

    def report(self, uncaught: BaseException | None, failed_load: dict[str, Any] | None = None) -> None:
        """Tell the control process all."""
        if uncaught is not None:
            self.blame(f"the test code ended early: {describe(uncaught)}")
        self.tell(
            {
                "report": [
                    [state == PASSED, ending, code, message, name, *seconds]
                    for state, (ending, code), message, name, seconds in zip(
                        self.states, self.endings, self.messages, self.names, self.seconds, strict=True
                    )
                ],
                "failed_load": failed_load,
            }
        )

    def give_up(self, message: str) -> None:
        """Tell the control process that nothing can be said about the submission."""
        self.tell({"given_up": message[:MAX_MESSAGE]})

    def blame(self, message: str) -> None:
        """Test code that ends in an exception never passes whole: what it did not reach fails, else its last test."""
        rows = [row for row, state in enumerate(self.states) if state == UNREACHED]
        if not rows and FAILED not in self.states:
            rows = [len(self.states) - 1]
        for row in rows:
            self.states[row], self.endings[row], self.messages[row] = FAILED, ("raised", 0), message[:MAX_MESSAGE]


class NotTheirs(Exception):
    """What went wrong before the first test has nothing to do with the submission."""


class FailedLoad(Exception):
    def __init__(self, why: dict[str, Any]) -> None:
        super().__init__(why)
        self.why = why


def describe(error: BaseException) -> str:
    if isinstance(error, AssertionError):
        return str(error)[:MAX_MESSAGE]
    if isinstance(error, link.Gone):
        return "the submission ended"
    try:
        return f"{type(error).__name__}: {error}"[:MAX_MESSAGE]
    except BaseException:
        return type(error).__name__


class Site:
    """Around one `assert`. `raising`: inside a try or with block, where the test code wants to see the exception."""

    __slots__ = ("begun", "judge", "raising", "row")

    def __init__(self, judge: Judge, row: int, raising: bool) -> None:
        self.judge, self.row, self.raising = judge, row, raising

    def __enter__(self) -> None:
        self.begun = self.judge.begin_interval(inside=True)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        judge = self.judge
        if error is None:
            judge.settle(self.row, self.begun, failed=False)
        elif isinstance(error, Stop):
            return False
        else:
            judge.fail(self.row, self.begun, error)
            if judge.stop:
                raise Stop
        judge.begin_interval()
        return not self.raising


class Never(Site):
    """Around an `assert False`: passes unless it is reached."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> Literal[False]:
        self.judge.fail(self.row, self.begun, error or AssertionError("reached"))
        return False


def run(spec: dict[str, Any]) -> NoReturn:
    """Judge one submission."""
    control = socket.socket(fileno=CONTROL)
    try_submission(spec, control, LINK, PAYLOAD, shared_page(PAGE))
    os._exit(0)


def run_standing(spec: dict[str, Any]) -> NoReturn:
    """Judge one submission after another, by test code that can leave nothing behind, until the channel closes."""
    control = socket.socket(fileno=CONTROL)
    page = shared_page(STANDING_PAGE)
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, 4096, 2)
        if not text:
            os._exit(0)
        channel, payload = descriptors
        containment.seed_random()
        try_submission({**spec, **json.loads(text)}, control, channel, payload, page)
        sys.modules.pop(wall.TEST_MODULE, None)


@functools.lru_cache(maxsize=256)
def compiled(source: str) -> types.CodeType:
    """Test code is compiled once by a standing judge, however many submissions to its problem there are."""
    return compile(source, "tests.py", "exec", dont_inherit=True)


def shared_page(descriptor: int) -> Page:
    memory = mmap.mmap(descriptor, 0)
    os.close(descriptor)
    return Page(memory)


def try_submission(spec: dict[str, Any], control: socket.socket, channel: int, payload_at: int, page: Page) -> None:
    """Run the test code against the submission at the other end of `channel`, and report."""
    payload = values.loads(frames.read_all(payload_at))
    judge = Judge(spec, control, channel, page, [site["name"] for site in payload["sites"]])
    try:
        code = compiled(payload["source"])
        try:
            judge.wait_until_loaded()
            namespace = make_namespace(judge, payload)
        except FailedLoad as failed:
            judge.report(None, failed.why)
            return
        except link.Gone:
            judge.report(None, judge.ask_why(again=False))
            return
        except NotTheirs as ours:
            judge.give_up(f"the judge failed: {ours}")
            return
        except Exception as error:  # whatever it answers when asked for its names
            judge.report(None, {"ending": "raised", "code": 0, "told": {"text": describe(error)}})
            return
        judge.report(run_tests(judge, payload, code, namespace))
    finally:
        judge.wall.channel.close()


def run_tests(
    judge: Judge, payload: dict[str, Any], code: types.CodeType, namespace: dict[str, Any]
) -> BaseException | None:
    """Returns the exception that ended the test code, if one did."""
    judge.begin_interval()
    entry_point = payload["entry_point"] or ""
    tested = namespace.get(entry_point.partition(".")[0])  # before the test code can bind that name itself
    try:
        exec(code, namespace)
        if payload["calls_check"]:
            namespace["check"](candidate(tested, entry_point))
    except Stop:
        return None
    except link.Gone as gone:
        if not judge.lost:
            why = judge.ask_why(again=False)
            for row, state in enumerate(judge.states):
                if state == UNREACHED:
                    judge.states[row], judge.messages[row] = FAILED, why["message"]
                    judge.endings[row] = why["ending"], why["code"]
        return gone
    except BaseException as error:
        return error
    for row, site in enumerate(payload["sites"]):
        if site["kind"] == "never" and judge.states[row] == UNREACHED:
            judge.states[row], judge.endings[row] = PASSED, ("returned", 0)
    return None


def candidate(target: Any, entry_point: str) -> Any:
    """What a `check(candidate)` is called with: `target`, or a method of it."""
    method = entry_point.partition(".")[2]
    if not method:
        return target
    return lambda *arguments, **keywords: getattr(target(), method)(*arguments, **keywords)  # noqa: PLW0108 - a new instance each time


def missing(name: str) -> dict[str, Any]:
    return {"ending": "raised", "code": 0, "told": {"text": f"NameError: the submission defines no {name!r}"}}


def make_namespace(judge: Judge, payload: dict[str, Any]) -> dict[str, Any]:
    """The globals of the test code: its sites, and the names that it takes from the submission.

    Builtins are never taken from there, nor standard modules that the test code looks into (`math.isclose`).
    """
    module = types.ModuleType(wall.TEST_MODULE)
    sys.modules[wall.TEST_MODULE] = module
    namespace = module.__dict__
    rows: dict[str, Callable[..., Site]] = {
        "__site__": lambda row: Site(judge, row, raising=False),
        "__raising_site__": lambda row: Site(judge, row, raising=True),
        "__never__": lambda row: Never(judge, row, raising=True),
    }
    namespace.update(rows, __builtins__=builtins)
    wanted = list(payload["names"])
    first = (payload["entry_point"] or "").partition(".")[0]
    if first and first not in wanted:
        wanted.append(first)
    judge.wall.class_names = frozenset(payload["classes"])
    found = judge.wall.names(wanted) if wanted else {}
    if first and first not in found:
        raise FailedLoad(missing(first))
    for name in payload["modules"]:
        if name != first:
            try:
                found[name] = importlib.import_module(name)
            except Exception as error:
                raise NotTheirs(describe(error)) from None
    namespace.update(found)
    return namespace
