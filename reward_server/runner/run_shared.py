"""Runs jobs whose tests share the submission's process. What that process says of its tests is all that there is."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

from reward_server.runner import link, page, processes, supervision
from reward_server.runner.rows import Row, Seen, told_of
from reward_server.runner.submission import Submission

if TYPE_CHECKING:
    from reward_server.runner.cell import Cell
    from reward_server.runner.rows import Job

MAX_REPORT = 16 << 20
MAX_TEXT, MAX_TESTS, MAX_CHECKS = 500, 10_000, 1_000_000
ENDINGS = frozenset({"returned", "raised", "unreached", "cpu"})
"""What a test in there may say of its end; all else is for this side to see."""


class Shared:
    """A process that holds a submission and its tests."""

    def __init__(self, cell: Cell, job: Job) -> None:
        self.job = job
        self.interval, self.begun_at = 0, time.monotonic()
        self.received = bytearray()
        self.report: dict[str, Any] | None = None
        self.control, control_end = socket.socketpair()
        page_descriptor, memory = supervision.shared_memory(page.size(job.tests))
        self.page = page.Page(memory)
        payload = job.part(1)
        try:
            role = "shared_pytest" if job.kind == "pytest" else "shared"
            self.submission = Submission(cell, job, role, control_end.fileno())
            pytest = job.kind == "pytest"
            told = {"pytest": pytest, "stop": job.stop, "timeouts": job.timeouts, "cpu_s": job.limits["cpu_s"]}
            socket.send_fds(self.control, [json.dumps(told).encode()], [payload, page_descriptor])
        except BrokenPipeError:
            pass  # it is gone already, and will be seen to be
        finally:
            control_end.close()
            supervision.close_quietly(payload, page_descriptor)
        self.submission.before_check = self.before_check  # type: ignore[method-assign]
        self.submission.loop.add(self.control.fileno(), self.on_control)

    def before_check(self) -> None:
        """Begin the interval that the page tells of; no interval moves the end of them all."""
        meter = self.submission.meter
        now = meter.sampled_at
        interval, _, submission_s, _, clock_s = self.page.interval()
        if interval != self.interval:
            self.interval = interval
            main = self.submission.main_pid
            measured_s = processes.clock(main)
            # Whatever the page says, a number: with NaN neither limit would ever be passed.
            used_s = submission_s if 0 <= submission_s <= measured_s else measured_s
            meter.begin(used_s + meter.cpu_beside(main), meter.delays.before_s)
            meter.clock_at_begin = clock_s if self.begun_at <= clock_s <= now else now
        if now - self.begun_at - meter.delay_s > self.job.limits["wall_s"] * (1 + max(1, self.job.tests)):
            self.submission.end("wall")

    def on_control(self) -> None:
        piece = self.control.recv(1 << 18)
        if not piece or len(self.received) > MAX_REPORT:
            self.submission.loop.remove(self.control.fileno())
            return
        self.received += piece
        text = link.take(self.received)
        if text is not None:
            self.submission.loop.remove(self.control.fileno())
            self.report = read_report(text, None if self.job.kind == "pytest" else self.job.tests)

    def run(self) -> Seen:
        while self.report is None and self.submission.ending is None and not self.submission.exited:
            self.submission.step()
        if self.report is None and self.submission.exited:
            self.submission.loop.step(0.0)  # a report that it sent just before
        self.submission.loop.remove(self.control.fileno())
        ended = self.submission.finish()
        if ended.ending == "lost":
            return Seen([ended])
        if self.report is not None and "given_up" in self.report:
            return Seen([Row("lost", message=self.report["given_up"])])
        if self.report is not None and self.report["failed_load"] is not None:
            ended.ending, ended.code = "raised", 0
            ended.value = b"F" + json.dumps(self.report["failed_load"]).encode()
            return Seen(failed_load=ended)
        rows = self.told(ended) if self.report is not None else self.seen(ended)
        rows[0].stdout, rows[0].stderr = ended.stdout, ended.stderr
        return Seen(rows)

    def told(self, ended: Row) -> list[Row]:
        assert self.report is not None
        return [
            Row(ending, 0, cpu_s, wall_s, ended.memory_bytes, message, passed, name, checks)
            for passed, ending, message, name, checks, cpu_s, wall_s in self.report["rows"]
        ]

    def seen(self, ended: Row) -> list[Row]:
        """It did not come to its report: what it had not found passed ends as it did."""
        rows = []
        message = {"exited": f"the process ended with exit code {ended.code} before its tests were through"}
        for number in range(self.job.tests):
            status, cpu_s, wall_s = self.page.read(number)
            passed = status == page.PASSED
            row = Row(ended.ending, ended.code, seconds(cpu_s), seconds(wall_s), ended.memory_bytes, passed=passed)
            row.message = message.get(ended.ending, "")
            if passed:
                row.ending, row.code, row.message = "returned", 0, ""
            rows.append(row)
        return rows

    def close(self) -> None:
        self.submission.close()
        self.control.close()


def read_report(text: bytes, tests: int | None) -> dict[str, Any] | None:
    """A report in the form that the rest relies on; None for what is none: then how the process ended decides."""
    try:
        told = json.loads(text)
        if "given_up" in told:  # who can say so could as well report that all tests passed
            return {"given_up": str(told["given_up"])[:MAX_TEXT]}
        if len(told["report"]) != tests and (tests is not None or len(told["report"]) > MAX_TESTS):
            return None
        rows = [
            (
                passed is True,
                ending if ending in ENDINGS else "raised",
                str(message)[:MAX_TEXT],
                str(name)[:MAX_TEXT],
                count(checks),
                seconds(cpu_s),
                seconds(wall_s),
            )
            for passed, ending, _, message, name, checks, cpu_s, wall_s in told["report"]
        ]
        failed_load = told["failed_load"] and told_of(told["failed_load"]["told"])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return {"rows": rows, "failed_load": failed_load} if rows else None


def count(told: Any) -> int:
    """A number of checks as the submission's process tells it, and as the server can read it. Raises: TypeError."""
    if type(told) is not int:
        raise TypeError
    return told if 0 <= told <= MAX_CHECKS else 0


def seconds(told: Any) -> float:
    """A number of seconds as the submission's process tells it. Raises: TypeError."""
    if type(told) not in (int, float):
        raise TypeError
    return float(told) if 0 <= told < 1e6 else 0.0


def run_shared(cell: Cell, job: Job) -> Seen:
    shared = Shared(cell, job)
    try:
        return shared.run()
    finally:
        shared.close()
