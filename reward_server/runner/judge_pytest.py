"""J for tests of kind `pytest`: runs the test files with pytest, against a stand-in for the submission's module."""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import types
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from reward_server.runner import frames, judge, link
from reward_server.runner.page import UNREACHED

if TYPE_CHECKING:
    from collections.abc import Generator

ARGUMENTS = (
    "-q",
    "-s",
    "-c",
    os.devnull,
    "--rootdir=.",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:junitxml",
    "-p",
    "no:pastebin",
)
MAX_TESTS = 10_000


class RemoteModule(types.ModuleType):
    """What test files import in the submission's place."""

    def __init__(self, keeper: judge.Judge, payload: dict[str, Any]) -> None:
        super().__init__(payload["module"])
        self.__dict__.update(_keeper=keeper, _payload=payload)

    def __getattr__(self, name: str) -> Any:
        keeper: judge.Judge = self.__dict__["_keeper"]
        payload: dict[str, Any] = self.__dict__["_payload"]
        if name == "__all__":
            public = keeper.wall.ask("public")
            return [*payload["star_modules"], *[name for name in payload["star_names"] if name in public]]
        if name in payload["star_modules"]:
            return importlib.import_module(name)
        if name.startswith("__") and name not in ("__version__", "__author__"):
            raise AttributeError(name)
        found = keeper.wall.names([name])
        if name not in found:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return found[name]

    def __dir__(self) -> list[str]:
        return sorted(map(str, self.__dict__["_keeper"].wall.ask("public")))

    def __setattr__(self, name: str, value: Any) -> None:
        """As `monkeypatch.setattr` does: the submission's own code is to see it."""
        if name.startswith("__"):
            super().__setattr__(name, value)
            return
        wall = self.__dict__["_keeper"].wall
        wall.ask("set_name", name, wall.encode(value))

    def __delattr__(self, name: str) -> None:
        self.__dict__["_keeper"].wall.ask("delete_name", name)


class Plugin:
    """Enters each test's result as pytest goes along."""

    def __init__(self, keeper: judge.Judge) -> None:
        self.keeper = keeper
        self.rows: dict[str, int] = {}
        self.left_out: set[int] = set()
        self.uncollected = ""
        self.error: BaseException | None = None
        self.failed = False

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.uncollected:
            lines = str(report.longrepr).strip().splitlines()
            self.uncollected = lines[-1] if lines else "the test files could not be collected"

    def pytest_collection_finish(self, session: Any) -> None:
        names = [item.nodeid for item in session.items[:MAX_TESTS]]
        self.rows = {name: row for row, name in enumerate(names)}
        if names:
            self.keeper.start_over(names)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, Any, Any]:
        row = self.rows.get(item.nodeid)
        self.error, self.failed = None, False
        self.keeper.wall.failed_in_callback = None
        begun = self.keeper.begin_interval(inside=True)
        result = yield
        if row is not None and row not in self.left_out:
            if not self.failed and self.keeper.wall.failed_in_callback is not None:
                self.failed, self.error = True, self.keeper.wall.failed_in_callback
            if self.failed:
                self.keeper.fail(row, begun, self.error or AssertionError("failed"))
            else:
                self.keeper.settle(row, begun, failed=False)
        self.keeper.begin_interval()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
        report = yield
        if report.skipped and not hasattr(report, "wasxfail"):
            # Only a mark may skip. The exception alone would be for the submission to raise.
            if (report.when == "setup" and marked_to_skip(item)) or skipped_by_decorator(item):
                self.left_out.add(self.rows.get(item.nodeid, -1))
            else:
                self.failed, self.error = True, AssertionError("skipped by an exception")
        elif report.failed and not self.failed:
            self.failed = True
            error = call.excinfo.value if call.excinfo is not None else AssertionError(str(report.longrepr))
            # `pytest.fail`, and `pytest.raises` that saw nothing raised: a finding of the test, as an assert is.
            self.error = AssertionError(str(error)) if isinstance(error, pytest.fail.Exception) else error
        return report


def marked_to_skip(item: Any) -> bool:
    return any(item.get_closest_marker(name) for name in ("skip", "skipif"))


def skipped_by_decorator(item: Any) -> bool:
    """By one of unittest's."""
    return any(getattr(getattr(item, name, None), "__unittest_skip__", False) for name in ("obj", "cls"))


def run(spec: dict[str, Any]) -> NoReturn:
    payload = json.loads(frames.read_all(judge.PAYLOAD))
    control = socket.socket(fileno=judge.CONTROL)
    keeper = judge.Judge(spec, control, judge.LINK, judge.shared_page(judge.PAGE), payload["names"])
    try:
        keeper.wait_until_loaded()
    except judge.FailedLoad as failed:
        keeper.report(None, failed.why)
        os._exit(0)
    for name, text in payload["files"].items():
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    keeper.wall.class_names = frozenset(payload["classes"])
    keeper.wall.test_modules = frozenset(name.removesuffix(".py") for name in payload["files"])
    sys.modules[payload["module"]] = RemoteModule(keeper, payload)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["TMPDIR"] = os.getcwd()  # `tmp_path` belongs where the submission cannot go
    plugin = Plugin(keeper)
    tests = [name for name in payload["files"] if name.startswith("test_") and name.endswith(".py")]
    keeper.begin_interval()
    uncaught: BaseException | None = None
    try:
        pytest.main([*ARGUMENTS, *(["-x"] if keeper.stop else []), *tests], plugins=[plugin])
    except BaseException as error:
        uncaught = error
    keeper.leave_out(plugin.left_out)
    if plugin.uncollected:
        uncaught = uncaught or RuntimeError(plugin.uncollected)
    elif not keeper.stop and UNREACHED in keeper.states:
        uncaught = uncaught or link.Refused("pytest ended before this test")
    keeper.report(uncaught)
    os._exit(0)
