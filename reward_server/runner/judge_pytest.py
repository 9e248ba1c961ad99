"""J for tests of kind `pytest`: runs the test files with pytest, against a stand-in for the submission's module."""

from __future__ import annotations

import builtins
import json
import os
import socket
import unittest
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from reward_server.runner import frames, judge, keeper, link
from reward_server.runner.page import UNREACHED

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Mapping

    from reward_server.runner.evidence import Evidence

ARGUMENTS = (
    "-q",
    "-s",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:junitxml",
    "-p",
    "no:pastebin",
    "-p",
    "no:threadexception",  # a failure in a thread counts: see `evidence.py`
    "--tb=native",  # what pytest makes itself of a thousand frames takes seconds
)
MAX_TESTS = 10_000
ASYNCHRONOUS = 0x80 | 0x200
"""`inspect.CO_COROUTINE` and `CO_ASYNC_GENERATOR`."""
NO_PARAMETERS = "got empty parameter set"


class Checked:
    """A context manager that checks something, such as `pytest.raises`: a check was made when its block has ended."""

    def __init__(self, evidence: Evidence, manager: Any) -> None:
        self.evidence, self.manager = evidence, manager

    def __enter__(self) -> Any:
        return self.manager.__enter__()

    def __exit__(self, *error: object) -> Any:
        swallowed = self.manager.__exit__(*error)
        self.evidence.check()
        return swallowed


def counted(evidence: Evidence, value: Any) -> Any:
    """What a check inside an expression gave."""
    evidence.check()
    return value


def each(evidence: Evidence, items: Iterable[Any]) -> Iterator[Any]:
    """The items of a loop that fails the test for a wrong one: each is a check."""
    for item in items:
        evidence.check()
        yield item


def do_nothing(*_: object, **__: object) -> None:
    """Stand in for `unittest.main` and `pytest.main`: a file may call them, and its tests are run anyway."""


class Plugin:
    """Enters each test's result as pytest goes along."""

    def __init__(self, kept_by: keeper.Keeper, payload: Mapping[str, Any], folder: str) -> None:
        self.keeper, self.folder, self.files = kept_by, Path(folder), frozenset(payload["files"])
        self.listed: list[str] = payload["names"]
        """The tests that the source shows."""
        self.unchecked = frozenset(payload["unchecked"])
        """Those that pass by coming to their end."""
        self.file_skips, self.test_skips = ({(file, line) for file, line in each} for each in payload["skips"])
        """Where files and tests are skipped and the submission has no part in it."""
        self.skipped_files: set[str] = set()
        """Those that were skipped in any other way."""
        self.consulted = False
        """Whether the submission had a say in which tests there are: then each test function counts once."""
        self.expected: dict[str, list[Any]] = {}
        """The marks of tests that are expected to fail, as the files have them."""
        self.against: str | None = None
        """What stands against every test, since the files were collected."""
        self.rows: dict[str, int] = {}
        self.left_out: set[int] = set()
        self.uncollected = ""
        self.gone: link.Gone | MemoryError | None = None
        """The submission ended, or had no more memory, while the tests were collected."""
        self.error: BaseException | None = None
        self.failed = self.skipped = False

    def pytest_collectreport(self, report: Any) -> None:
        if report.skipped:
            self.skip_file(os.path.basename(str(report.longrepr[0])), report.longrepr[1])
        if report.failed and not self.uncollected:
            lines = str(report.longrepr).strip().splitlines()
            self.uncollected = lines[-1] if lines else "the test files could not be collected"

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """In a shared process the submission may have written other test files."""
        own = collection_path.parent == self.folder and collection_path.name in self.files
        return None if own or collection_path == self.folder else True

    def skip_file(self, name: str, line: int) -> None:
        if (name, line) in self.file_skips:
            self.listed = [test for test in self.listed if not test.startswith(f"{name}::")]
        else:
            self.skipped_files.add(name)

    def skips_all(self) -> bool:
        """Whether there is no test that the files do not skip."""
        return not self.keeper.names or not (self.rows or self.listed)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        error = call.excinfo.value
        if isinstance(node, pytest.Collector):
            if isinstance(error, link.Gone | MemoryError):
                self.gone = error
            self.error = error.__cause__ if isinstance(error, node.CollectError) else error

    def pytest_collection_finish(self, session: Any) -> None:
        evidence = self.keeper.evidence
        if not session.items and not session.testsfailed and not evidence.answers:
            evidence.fault = "pytest finds no test in its files"
        self.consulted, self.against = bool(evidence.answers), evidence.against()
        for item in filter(is_never_awaited, session.items):
            evidence.fault = f"{item.nodeid} is asynchronous: derive its class from unittest.IsolatedAsyncioTestCase"
        ids = [item.nodeid for item in session.items]
        self.expected = {item.nodeid: list(item.iter_markers("xfail")) for item in session.items}
        if self.consulted:  # what it left out has failed: it was never reached
            names = list(dict.fromkeys([*map(function_of, ids), *self.listed]))[:MAX_TESTS]
        else:
            unread = [test for test in self.listed if test.partition("::")[0] in self.skipped_files]
            names = [*ids, *unread][:MAX_TESTS]
        rows = {name: row for row, name in enumerate(names)}
        of_id = function_of if self.consulted else str
        self.rows = {each: rows[of_id(each)] for each in ids if of_id(each) in rows}
        if names:
            self.keeper.start_over(names)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, Any, Any]:
        row = self.rows.get(item.nodeid)
        self.error, self.failed, self.skipped = None, False, False
        evidence = self.keeper.evidence
        evidence.forget()
        if self.against:
            evidence.doubt(self.against)
        begun = self.keeper.begin_interval(inside=True)
        result = yield
        if row is not None:
            if self.failed:
                self.keeper.fail(row, begun, self.error or AssertionError("failed"), evidence.checks)
            elif self.skipped:
                self.left_out.add(row)
            else:
                if not evidence.checks and function_of(item.nodeid) not in self.unchecked:
                    evidence.doubt("no check of this test was reached")
                self.keeper.settle(row, begun, failed=False, checks=evidence.checks)
            if self.keeper.is_over(row):
                item.session.shouldstop = "no test is to follow"
                left = item.session.items[item.session.items.index(item) + 1 :]
                self.left_out |= {self.rows.get(each.nodeid, -1) for each in left if is_left_out(each)}
        evidence.forget()
        self.keeper.begin_interval()
        return result

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool | None:
        """Run a coroutine to its end. A plugin that does so is asked before."""
        if not keeper.is_coroutine_function(getattr(pyfuncitem.obj, "__func__", pyfuncitem.obj)):
            return None
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        keeper.run_coroutine(pyfuncitem.obj(**arguments))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> None:
        """A fixture that is asynchronous needs a plugin, which knows the event loop of its tests."""
        code = getattr(fixturedef.func, "__code__", None)
        if code is not None and code.co_flags & ASYNCHRONOUS and os.path.basename(code.co_filename) in self.files:
            self.keeper.evidence.fault = (
                f"the fixture {fixturedef.argname!r} is asynchronous: await in the tests what it prepares"
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
        raised = call.excinfo
        report = yield
        places = self.places(raised or call.excinfo)
        if report.skipped and report.when != "teardown" and len(places) == 1 and places[0] in self.test_skips:
            self.skipped = True
        elif report.skipped and not hasattr(report, "wasxfail"):
            # Only a mark may skip, or a line that the text alone leads to. Any other may be the submission's doing.
            if self.consulted and not has_plain_skip(item):
                self.failed, self.error = True, AssertionError("what the submission says may not skip a test")
            elif (report.when == "setup" and marked_to_skip(item) and not places) or skipped_by_decorator(item):
                self.skipped = True
            else:
                self.failed, self.error = True, AssertionError("skipped by an exception")
        elif report.failed and not self.failed:
            self.failed = True
            error = call.excinfo.value if call.excinfo is not None else AssertionError(str(report.longrepr))
            self.note_missing_fixture(item, error)
            # `pytest.fail`, and `pytest.raises` that saw nothing raised: a finding of the test, as an assert is.
            self.error = AssertionError(str(error)) if isinstance(error, pytest.fail.Exception) else error
        elif report.skipped and expects_failure(
            item, self.expected.get(item.nodeid, ()), by_condition=not self.consulted
        ):
            self.keeper.evidence.check()
        elif report.skipped:
            self.failed, self.error = True, AssertionError("what the submission says may not excuse a failure")
        return report

    def note_missing_fixture(self, item: Any, error: BaseException) -> None:
        """A test asks for a fixture that is not there; which ones it asks for, its text says."""
        if isinstance(error, pytest.FixtureLookupError) and not self.consulted and error.argname in item.fixturenames:
            self.keeper.evidence.fault = f"{item.nodeid}: there is no fixture {error.argname!r}"

    def places(self, raised: Any) -> list[tuple[str, int]]:
        """The frames of the test files through which an exception came."""
        entries = raised.traceback if raised is not None else ()
        places = [(os.path.basename(str(entry.path)), entry.lineno + 1) for entry in entries]
        return [place for place in places if place[0] in self.files]


def function_of(nodeid: str) -> str:
    """The node id without parameters."""
    return nodeid.partition("[")[0]


def has_plain_skip(item: Any) -> bool:
    """Whether a mark skips it in any case."""
    reasons = [str(mark.kwargs.get("reason", "")) for mark in item.iter_markers("skip")]
    return bool(reasons) and not any(reason.startswith(NO_PARAMETERS) for reason in reasons)


def expects_failure(item: Any, marks: Collection[Any], *, by_condition: bool) -> bool:
    """Whether one of these marks or a decorator says that it fails, perhaps under a condition."""
    if getattr(getattr(item, "obj", None), "__unittest_expecting_failure__", False):
        return True
    return any(by_condition or not (mark.args or "condition" in mark.kwargs) for mark in marks)


def is_never_awaited(item: Any) -> bool:
    """Whether unittest would call a test that is a coroutine function, and take its coroutine for a pass."""
    kind = getattr(item, "cls", None) or object
    if not issubclass(kind, unittest.TestCase) or issubclass(kind, unittest.IsolatedAsyncioTestCase):
        return False
    return keeper.is_coroutine_function(getattr(kind, item.originalname, None))


def marked_to_skip(item: Any) -> bool:
    return any(item.get_closest_marker(name) for name in ("skip", "skipif"))


def is_left_out(item: Any) -> bool:
    """Whether a test that was not begun would have been skipped whatever the submission says."""
    return has_plain_skip(item) or skipped_by_decorator(item)


def skipped_by_decorator(item: Any) -> bool:
    """By one of unittest's."""
    return any(getattr(getattr(item, name, None), "__unittest_skip__", False) for name in ("obj", "cls"))


def skip_test(_: unittest.TestCase, reason: str) -> NoReturn:
    """As unittest does it, the exception would not show where it was raised."""
    pytest.skip(reason)


def run(spec: dict[str, Any]) -> NoReturn:
    payload = json.loads(frames.read_all(judge.PAYLOAD))
    control = socket.socket(fileno=judge.CONTROL)
    page = keeper.shared_page(judge.PAGE)
    owner = judge.Judge(spec, control, judge.LINK, page, payload["names"], payload, payload["files"])
    try:
        owner.wait_until_loaded()
    except keeper.FailedLoad as failed:
        owner.report(None, failed.why)
        os._exit(0)
    except keeper.NotTheirs as ours:
        owner.give_up(ours)
        os._exit(0)
    owner.wall.test_modules = frozenset(name.removesuffix(".py") for name in payload["files"])
    judge.put_module(owner, payload)
    if owner.wall.mirrored is None or owner.wall.mirrored.files is None:
        os.environ["TMPDIR"] = os.getcwd()  # `tmp_path` belongs where the submission cannot go
    run_files(owner, payload, folder=owner.folder)
    os._exit(0)


def write_files(folder: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def run_files(kept_by: keeper.Keeper, payload: dict[str, Any], *plugins: object, folder: str) -> None:
    """Run the test files in this folder, against the module that stands in `sys.modules`, and report.

    Where the working folder is another one, only the files that are no code lie there too.
    """
    write_files(folder, payload["files"])
    if folder != os.getcwd():
        write_files(os.getcwd(), {name: text for name, text in payload["files"].items() if not name.endswith(".py")})
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    builtins.__check__ = kept_by.evidence.check  # type: ignore[attr-defined]
    builtins.__checked__ = partial(Checked, kept_by.evidence)  # type: ignore[attr-defined]
    builtins.__counted__ = partial(counted, kept_by.evidence)  # type: ignore[attr-defined]
    builtins.__each__ = partial(each, kept_by.evidence)  # type: ignore[attr-defined]
    run_pytest = pytest.main
    pytest.main = unittest.main = do_nothing  # type: ignore[assignment]
    unittest.TestCase.skipTest = skip_test  # type: ignore[assignment]
    plugin = Plugin(kept_by, payload, folder)
    settings = ["-c", f"{folder}/{payload['settings']}" if payload["settings"] else os.devnull]
    where = [f"--rootdir={folder}", *(["-x"] if kept_by.stop else []), folder]
    kept_by.begin_interval()
    uncaught: BaseException | None = None
    try:
        run_pytest([*ARGUMENTS, *settings, *where], plugins=[plugin, *plugins])
    except BaseException as error:
        uncaught = error
    # One function may be several tests: where one of them passed or failed, it counts.
    kept_by.leave_out({row for row in plugin.left_out if kept_by.states[row] == UNREACHED})
    if uncaught is None and not plugin.uncollected and not plugin.gone and plugin.skips_all():
        kept_by.give_up(keeper.NotTheirs("all of its tests are skipped"))
        return
    if plugin.uncollected:
        if uncaught is None and plugin.error is not None:
            kept_by.evidence.note_fault(plugin.error)
        uncaught = uncaught or RuntimeError(plugin.uncollected)
    elif not kept_by.stop and kept_by.timeouts > 0 and UNREACHED in kept_by.states:
        uncaught = uncaught or link.Refused("pytest ended before this test")
    kept_by.report(kept_by.end_of(plugin.gone or uncaught))
