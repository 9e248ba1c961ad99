"""J, the judge: runs test code, in a process of its own, against a submission in another one.

What it finds it tells the control process only, over a channel that the submission does not have.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import types
from builtins import open as open_file  # a test may patch these
from time import clock_gettime, process_time
from typing import TYPE_CHECKING, Any, NoReturn

from reward_server.runner import call_sites, containment, frames, guarding, link, modules, values, wall
from reward_server.runner.keeper import (
    TEST_MODULE,
    Begun,
    FailedLoad,
    Keeper,
    NotTheirs,
    compiled,
    compiled_tests,
    describe,
    make_namespace,
    run_tests,
    shared_page,
)
from reward_server.runner.page import FAILED, UNREACHED, Page
from reward_server.runner.rows import told_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reward_server.runner.mirrored import Mirrored

CONTROL, LINK, PAYLOAD, PAGE = 3, 4, 5, 6
DEFAULT_MODULE = "solution"
STANDING_PAGE = 4


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
                with open_file(f"/proc/{self.pid}/task/{self.pid}/children") as children:
                    self.identity = self._clock(int(children.read().split()[0]))
            return clock_gettime(self.identity)
        except (OSError, IndexError):
            return 0.0


class Judge(Keeper):
    """A keeper with a link to the submission."""

    def __init__(
        self,
        spec: dict[str, Any],
        control: socket.socket,
        channel: int,
        page: Page,
        names: list[str],
        payload: dict[str, Any],
        files: Mapping[str, str],
    ) -> None:
        """`files`: the test code's files, by name."""
        super().__init__(control, page, names, stop=spec["stop"], timeouts=spec["timeouts"], cpu_s=spec["cpu_s"])
        self.nested = spec["nested"]
        self.clock = SubmissionClock(spec["submission_pid"], self.nested)
        self.folder = os.getcwd()
        self.setup, self.broken_setup = run_setup(payload.get("module") or DEFAULT_MODULE, payload["setup"])
        objects, sites = payload["assurance"] == "objects", payload["sites"]
        self.learns = payload["learn"]
        self.evidence.calibrated = payload["calibrated"]
        self.evidence.constant = frozenset(map(tuple, payload["constant"]))
        self.evidence.independent = frozenset(map(tuple, payload["independent"]))
        self.evidence.files, self.evidence.expected = frozenset(files), frozenset(payload["expected"])
        threading.excepthook = self.evidence.thread_failed
        self.wall = wall.Wall(
            socket.socket(fileno=channel),
            self.evidence,
            objects=objects,
            class_names=frozenset(payload["classes"]),
            likely_names=frozenset(payload["likely"]),
            sites=call_sites.CallSites(files, None if self.learns else sites) if self.learns or sites else None,
            models=modules.models_of(self.setup),
            empty=payload["empty"],
        )
        self.reads_source = bool(payload["surroundings"].get("reads_source"))
        """Then a pass says nothing either: the test has seen nothing of it."""
        if payload["surroundings"].get("needs_source"):
            self.evidence.blame_test("the test reads the docstrings of the submission, or reads or starts its file")
        if payload["surroundings"].get("kinds"):
            data = [name for name in files if not name.endswith(".py")]
            self.wall.mirrored = mirror(self.wall, payload["surroundings"], data, nested=self.nested)
        self.wall.exports.decorating.sources = files
        if spec.get("role") in ("judge", "pytest"):  # a standing judge runs nothing that opens files
            guarding.guard(self.wall, control)
        self.lost = False

    def clocks(self) -> tuple[float, float]:
        return self.clock.read(), process_time()

    def candidate(self, target: Any, entry_point: str) -> Any:
        if self.wall.objects or "." not in entry_point:
            return super().candidate(target, entry_point)
        return lambda *arguments, **keywords: self.wall.call_entry(entry_point, arguments, keywords)

    def settle(self, row: int, begun: Begun, *, failed: bool, **how: Any) -> None:
        """As in `Keeper`. What the submission's end was kept from has failed by it, however the test went on."""
        if not failed and self.wall.gone and not self.lost and self.depth <= 1:
            self.fail(row, begun, link.Gone())
        else:
            super().settle(row, begun, failed=failed, **how)

    def report(self, uncaught: BaseException | None, failed_load: dict[str, Any] | None = None) -> None:
        """As in `Keeper`; there is no verdict where the problem cannot be judged across the wall."""
        if uncaught is not None:
            self.evidence.note_fault(uncaught)
        if self.evidence.problem and (uncaught is not None or FAILED in self.states or self.reads_source):
            self.give_up(NotTheirs(f'{self.evidence.problem}: set "isolation": "shared" in its tests'))
        else:
            super().report(uncaught, failed_load)

    def learned(self) -> dict[str, Any] | None:
        return {"sites": self.wall.sites.rows()} if self.learns and self.wall.sites is not None else None

    def wait_until_loaded(self) -> None:
        """Raises: FailedLoad, NotTheirs."""
        self.begin_interval()
        try:
            message = self.wall.receive()
        except link.Gone:
            self.lost = True
            raise FailedLoad(self.ask_why(again=False)) from None
        if message[0] == "failed" and type(message[1]) is dict:
            raise FailedLoad({"ending": "raised", "code": 0, "told": told_of(message[1])})
        if message[0] != "loaded":
            raise FailedLoad({"ending": "exited", "code": 0})
        if self.broken_setup is not None:
            raise self.broken_setup

    def ask_why(self, *, again: bool) -> dict[str, Any]:
        """Ask the control process what ended the submission and, if `again`, for a new one.

        There is none where that was the last time limit that may be met.
        """
        self.tell({"lost": again, "timeouts": self.timeouts})
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

    def fail(self, row: int, begun: Begun, error: BaseException, checks: int = 0) -> None:
        if not isinstance(error, link.Gone):
            self.evidence.note_fault(error)
            super().fail(row, begun, error, checks)
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

    def end_of(self, gone: BaseException | None) -> BaseException | None:
        """The submission ended between two tests: what was not reached ends as it did."""
        if isinstance(gone, link.Gone) and not self.lost:
            why = self.ask_why(again=False)
            for row, state in enumerate(self.states):
                if state == UNREACHED:
                    self.states[row], self.messages[row] = FAILED, why["message"]
                    self.endings[row] = why["ending"], why["code"]
        return gone


def mirror(link_to: wall.Wall, found: dict[str, Any], files: Collection[str], *, nested: bool) -> Mirrored:
    """What carries to the submission what the test does around it."""
    from reward_server.runner import mirrored  # what few tests need

    return mirrored.Mirrored(link_to, found, files, nested=nested)


def run_setup(name: str, source: str) -> tuple[dict[str, Any], NotTheirs | None]:
    """Run the problem's setup for the test code, which never takes from the submission what that defines.

    Returns its namespace, and what went wrong.
    """
    if not source:
        return {"__name__": name}, None
    module = sys.modules[name] = types.ModuleType(name)
    try:
        exec(compiled(source), module.__dict__)
    except BaseException as error:
        return {"__name__": name}, NotTheirs(f"its setup fails beside the tests: {describe(error)}")
    return module.__dict__, None


def put_module(judge: Judge, payload: dict[str, Any]) -> None:
    """Have the test code import the submission by its name."""
    from reward_server.runner import reloading, remote_module  # what few tests need

    module = remote_module.RemoteModule(judge, payload)
    modules.put(payload["module"], module)
    reloading.watch(judge.wall, module)


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
        sys.modules.pop(TEST_MODULE, None)
        sys.modules.pop(DEFAULT_MODULE, None)


def try_submission(spec: dict[str, Any], control: socket.socket, channel: int, payload_at: int, page: Page) -> None:
    """Run the test code against the submission at the other end of `channel`, and report."""
    payload = values.loads(frames.read_all(payload_at))
    names = [row["name"] for row in payload["rows"]]
    judge = Judge(spec, control, channel, page, names, payload, {"tests.py": payload["source"]})
    try:
        try:
            code = compiled_tests(payload["source"])
            judge.wait_until_loaded()
            if payload["module"]:
                put_module(judge, payload)
            namespace = make_namespace(judge, payload, judge.wall.names, judge.setup)
        except FailedLoad as failed:
            judge.report(None, failed.why)
            return
        except link.Gone:
            judge.report(None, judge.ask_why(again=False))
            return
        except NotTheirs as ours:
            judge.give_up(ours)
            return
        except BaseException as error:  # whatever it answers when asked for its names: SystemExit, say
            judge.report(None, {"ending": "raised", "code": 0, "told": {"text": describe(error)}})
            return
        judge.report(judge.end_of(run_tests(judge, payload, code, namespace)))
    finally:
        judge.wall.channel.close()
