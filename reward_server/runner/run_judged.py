"""Runs jobs of kinds `asserts` and `pytest`: a submission in one process, the judge that tests it in another."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from reward_server.runner import containment, link, page, processes, supervision
from reward_server.runner.cell import STANDING_ROWS
from reward_server.runner.delays import Delays
from reward_server.runner.rows import TIME_LIMITS, Row, Seen
from reward_server.runner.submission import Submission

if TYPE_CHECKING:
    from reward_server.runner.cell import Cell
    from reward_server.runner.rows import Job


class Judged:
    """A submission and the judge that tests it."""

    def __init__(self, cell: Cell, job: Job) -> None:
        self.cell, self.job = cell, job
        self.report: dict[str, Any] | None = None
        self.lost: dict[str, Any] | None = None
        self.received = bytearray()
        self.judge_gone = False
        self.printed: list[Row] = []
        self.stands = job.kind == "asserts" and job.pure and job.tests <= STANDING_ROWS
        payload = job.part(1)
        try:
            if self.stands:
                self.join_standing(payload)
            else:
                self.start_judge(payload)
        finally:
            os.close(payload)
        self.watch()
        self.judge_delays = Delays(time.monotonic())
        self.look_at_judge()
        self.judge_delay_s = self.judge_delays.held_up_s

    def join_standing(self, payload: int) -> None:
        """Hand the submission to the cell's standing judge."""
        standing = self.cell.standing_judge()
        self.judge, self.control, self.page = standing.child, standing.control, standing.page
        self.page.clear(self.job.tests)
        judge_end = self.start_submission()
        told = {
            "submission_pid": self.submission.child.pid,
            "stop": self.job.stop,
            "timeouts": self.job.timeouts,
            "cpu_s": self.job.limits["cpu_s"],
        }
        try:
            socket.send_fds(self.control, [json.dumps(told).encode()], [judge_end.fileno(), payload])
        except OSError as error:
            raise processes.Broken(f"the standing judge is gone: {error}", "judge") from None
        finally:
            judge_end.close()

    def start_judge(self, payload: int) -> None:
        """Start a judge for this submission alone."""
        self.control, control_end = socket.socketpair()
        page_descriptor, memory = supervision.shared_memory(page.size(self.job.tests))
        self.page = page.Page(memory)
        self.cell.judge_zygote(self.job.kind)  # which may take a second to start: not of the submission's time
        judge_end = self.start_submission()
        try:
            self.judge = self.cell.spawn_judge(
                self.job.kind,
                [*[self.cell.null] * 3, control_end.fileno(), judge_end.fileno(), payload, page_descriptor],
                self.job.limits,
                submission_pid=self.submission.child.pid,
                stop=self.job.stop,
                timeouts=self.job.timeouts,
                cpu_s=self.job.limits["cpu_s"],
            )
        finally:
            control_end.close()
            judge_end.close()
            os.close(page_descriptor)

    def start_submission(self) -> socket.socket:
        """Returns the judge's end of the link."""
        judge_end, submission_end = socket.socketpair()
        try:
            self.submission = Submission(self.cell, self.job, "served", submission_end.fileno())
        finally:
            submission_end.close()
        self.interval, self.begun_at = 0, time.monotonic()
        self.submission.before_check = self.before_check  # type: ignore[method-assign]
        return judge_end

    def watch(self) -> None:
        self.submission.loop.add(self.control.fileno(), self.on_control)
        self.submission.loop.add(self.judge.descriptor, self.on_judge_exit)

    def before_check(self) -> None:
        """Take over what the judge noted at the begin of the interval.

        Inside a test its own processor time counts as well. What it waits for a processor is nobody's, nor is the time
        until it begins to wait for the submission.
        """
        meter = self.submission.meter
        interval, inside, submission_s, judge_s, clock_s = self.page.interval()
        self.look_at_judge()
        if interval == 0:
            if time.monotonic() - self.begun_at > self.job.limits["cap_s"]:
                self.submission.end("lost")
            meter.clock_at_begin = time.monotonic()
            return
        if interval != self.interval:
            # It began after the last look: what was waited since then may belong to it.
            self.judge_delay_s = self.judge_delays.before_s
            meter.begin(submission_s + meter.cpu_beside(self.submission.main_pid), meter.delays.before_s)
            meter.clock_at_begin = clock_s
            self.interval = interval
        meter.beside_s = max(0.0, processes.clock(self.judge.pid) - judge_s) if inside else 0.0
        meter.beside_delay_s = self.judge_delays.held_up_s - self.judge_delay_s
        meter.beside_unended_s = self.judge_delays.unended_s

    def look_at_judge(self) -> None:
        self.judge_delays.look({self.judge.pid: 0}, 0.0, time.monotonic())

    def on_control(self) -> None:
        piece = self.control.recv(1 << 18)
        if not piece:
            self.submission.loop.remove(self.control.fileno())
            self.judge_gone = True
            return
        self.received += piece
        text = link.take(self.received)
        if text is None:
            return
        message = json.loads(text.decode())
        if "report" in message or "given_up" in message:
            self.report = message
        else:
            self.lost = message

    def on_judge_exit(self) -> None:
        self.submission.loop.remove(self.judge.descriptor)
        self.control.setblocking(False)
        try:
            while not self.judge_gone:
                self.on_control()
        except BlockingIOError:
            self.judge_gone = True

    def run(self) -> Seen:
        after: Aftermath | None = None
        while self.report is None:
            self.submission.step()
            if self.report is not None:
                break
            if self.lost is not None:
                self.answer_lost(self.lost["lost"], self.lost["timeouts"])
                after = None
            elif self.judge_gone:
                break
            elif self.submission.ending is not None or self.submission.exited:
                # The judge sees the end of the link; if it does not, it is busy, as with what the submission has sent.
                self.look_at_judge()
                after = after or Aftermath(self.judge.pid, self.judge_delays.held_up_s)
                self.submission.next_check = time.monotonic() + 0.1
                ending = after.check(self.job.limits, self.judge_delays.held_up_s)
                if ending is not None:
                    self.submission.ending = self.submission.ending or ending
                    break
        return self.conclude()

    def answer_lost(self, again: bool, timeouts: int) -> None:
        """Tell the judge what ended the submission and, if it wants to go on, start another one.

        Not after the last of the time limits that may be met.
        """
        self.lost = None
        if self.submission.ending is None:
            self.submission.wait_for_exit()
        self.detach()
        row = self.submission.finish()
        self.submission.close()
        self.printed.append(row)
        answer = {
            "ending": row.ending,
            "code": row.code,
            "cpu_s": row.cpu_s,
            "message": row.message or wording(row),
        }
        if again and (timeouts > 1 or row.ending not in TIME_LIMITS):
            self.page.reset()
            judge_end = self.start_submission()
            answer["pid"] = self.submission.child.pid
            socket.send_fds(self.control, [json.dumps(answer).encode()], [judge_end.fileno()])
            judge_end.close()
        else:
            self.control.send(json.dumps(answer).encode())
        self.watch()

    def detach(self) -> None:
        for descriptor in (self.control.fileno(), self.judge.descriptor):
            self.submission.loop.remove(descriptor)

    def conclude(self) -> Seen:
        finished = self.submission.child.reaped is not None
        ending = self.submission.ending
        if not finished:
            self.detach()
            self.printed.append(self.submission.finish())
        last = self.printed[-1]
        memory_bytes = max(row.memory_bytes for row in self.printed)
        if any(row.ending == "lost" for row in self.printed):
            return Seen([Row("lost", message=last.message or "lost")])
        if self.report is None:
            return self.without_report(ending, last)
        report = self.report
        if "given_up" in report:
            return Seen([Row("lost", message=report["given_up"])])
        if report["failed_load"] is not None:
            why = report["failed_load"]
            failed = Row(
                why["ending"],
                why["code"],
                last.cpu_s,
                last.wall_s,
                memory_bytes,
                stdout=last.stdout,
                stderr=last.stderr,
            )
            failed.value = b"F" + json.dumps(why.get("told", {})).encode()
            failed.message = why.get("message", "")
            return Seen(failed_load=failed)
        rows = [
            Row(ending, code, cpu_s, wall_s, memory_bytes, message, passed, name, checks)
            for passed, ending, code, message, name, checks, cpu_s, wall_s in report["report"]
        ]
        if rows:
            rows[0].stdout = b"".join(row.stdout for row in self.printed)
            rows[0].stderr = b"".join(row.stderr for row in self.printed)
        return Seen(rows, learned=report.get("learned"))

    def without_report(self, ending: str | None, last: Row) -> Seen:
        """The judge did not come to its end. If a limit was passed, that is the ending of all that it had not found."""
        if ending is None and self.judge_used_all():
            ending = "cpu"
        if ending not in ("cpu", "wall", "memory", "output"):
            cause = "judge" if self.judge.contained else ""
            return Seen([Row("lost", message=f"the judge process {self.judges_end()}", name=cause)])
        rows = []
        for number in range(self.job.tests):
            status, cpu_s, wall_s = self.page.read(number)
            row = Row(ending, 0, cpu_s, wall_s, last.memory_bytes)
            if status == page.PASSED:
                row.ending, row.passed = "returned", True
            rows.append(row)
        return Seen(rows)

    def judge_used_all(self) -> bool:
        """Whether the kernel ended it for its processor time: it was busy with what the submission has sent."""
        if not self.judge.has_ended():
            return False
        limit_s = int(self.job.limits["rlimit_cpu_s"]) + containment.CPU_BEYOND_S
        return bool(self.judge.reap()["cpu_s"] >= limit_s)

    def judges_end(self) -> str:
        """Word how it was lost."""
        if not self.judge_gone:
            return "did not come to its end after the submission had"
        if not self.judge.has_ended():
            return "closed its channel without a report"
        status = self.judge.reap()["status"]
        if not self.judge.contained:
            return f"was not there: {self.judge.uncontained_because}"
        return f"ended without a report, with wait status {status}"

    def close(self) -> None:
        """A standing judge stays, if it came to the end of this job."""
        self.submission.close()
        if not self.stands:
            self.control.close()
        elif self.report is None:
            self.cell.end_standing()
        else:
            self.control.setblocking(True)


class Aftermath:
    """What a judge does after its submission has ended. It may take as long as one test."""

    def __init__(self, judge: int, held_up_s: float) -> None:
        self.judge, self.held_up_s = judge, held_up_s
        self.begun_s, self.begun_at = processes.clock(judge), time.monotonic()

    def check(self, limits: dict[str, Any], held_up_s: float) -> str | None:
        """The ending that is due, if any: by its processor time, or by the clock less what it was held up."""
        clock_s = time.monotonic() - self.begun_at
        if processes.clock(self.judge) - self.begun_s > limits["cpu_s"]:
            return "cpu"
        if clock_s - (held_up_s - self.held_up_s) > limits["wall_s"]:
            return "wall"
        return "lost" if clock_s > limits["cap_s"] else None


def wording(row: Row) -> str:
    return {
        "exited": f"the submission's process ended with exit code {row.code} while it was called",
        "signaled": f"the submission's process ended by signal {row.code} while it was called",
    }.get(row.ending, "")


def run_judged(cell: Cell, job: Job) -> Seen:
    judged = Judged(cell, job)
    try:
        return judged.run()
    finally:
        judged.close()
