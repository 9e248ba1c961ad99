"""The slot as its control process keeps it: zygotes, user ids, and the proof that a run left nothing behind."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from reward_server.runner import containment, oom, page, processes, scratch, server, supervision

SUBMISSION, JUDGE, SWEEPER = 0, 1, 2
SWEEP_S = 10.0
SWEEP_LIMITS = {"cpu_s": 8.0, "memory_bytes": 256 << 20, "disk_bytes": 1 << 20, "open_files": 64, "processes": 8}
JUDGE_LIMITS = {"memory_bytes": 2 << 30, "disk_bytes": 64 << 20, "open_files": 256, "processes": 128}


PLAIN, PYTEST = "plain", "pytest"
MOST_ZYGOTES = 4
"""That one slot keeps. What a package takes of memory, each of them takes."""
JUDGE_BYTES = 256 << 20
"""A judge that holds more may be what filled a container's memory."""
STANDING_USES, STANDING_ROWS, STANDING_CPU_S = 500, 2000, 3600


class StandingJudge:
    """The control process's end of a judge that serves many jobs."""

    def __init__(self, child: processes.Child, control: socket.socket, shared: page.Page) -> None:
        self.child, self.control, self.page = child, control, shared
        self.uses = 0


class Cell:
    """One slot's processes, ids and folders.

    `containment` is `uid` (as root: each submission gets a user id of its own, from `uid_base` up) or `namespaces`.
    """

    def __init__(self, config: dict[str, Any], plain: processes.Zygote) -> None:
        self.by_uid: bool = config["containment"] == "uid"
        self.judge_library: str | None = config["library"]
        self.next_uid: int = config["uid_base"] + 2
        self.last_uid: int = config["uid_base"] + config["uid_count"] - 1
        self.judge_uid: int | None = config["uid_base"] if self.by_uid else None
        self.standing_uid: int | None = config["uid_base"] + 1 if self.by_uid else None
        self.uid: int | None = None
        self.null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self.plain = plain
        self.zygotes: dict[tuple[str, str], processes.Zygote] = {}
        """All others, by kind and package; what was used last stands last."""
        self.package = ""
        """What the current job imports and a zygote may have loaded before."""
        self.kernel_kills = oom.KernelKills()
        self.had_children = False
        """Whether a submission of the current job started processes."""
        self.shown_bytes = 0
        """Of what its tests printed and returned."""
        self.used_s = 0.0
        """Processor seconds of the current job's submission, in all its processes, from their start."""
        self.judge: processes.Child | None = None
        self.standing: StandingJudge | None = None
        usable = sorted(os.sched_getaffinity(0))
        # A slot's processes take turns rather than run at once, so that one processor serves them better than two.
        self.processors = usable if config["slots"] <= len(usable) else []
        self.seat: int | None = None
        self.make_judge_box()
        self.folders = (*containment.WRITABLE, containment.JUDGE_BOX)
        self.clean_state = [state_of(folder) for folder in self.folders]

    def make_judge_box(self) -> None:
        """A folder that only the judge's user can enter."""
        if self.judge_uid is None:
            return
        os.setresuid(0, 0, 0)
        os.chmod(containment.JUDGE_BOX, 0o1777)
        os.setresuid(self.judge_uid, self.judge_uid, 0)
        try:
            os.mkdir(f"{containment.JUDGE_BOX}/box", 0o700)
            os.mkdir(scratch.FOLDER, 0o755)
        finally:
            processes.return_to_root()
        os.chmod(containment.JUDGE_BOX, 0o755)

    def sit(self, seat: int) -> None:
        """Keep to the processor of this seat, where each slot has one of its own."""
        if seat == self.seat or not self.processors:
            return
        self.seat = seat
        self.end_standing()  # it has another user id, and would stay where it is
        for pid in (0, self.plain.pid, *(each.pid for each in self.zygotes.values())):
            os.sched_setaffinity(pid, {self.processors[seat % len(self.processors)]})

    @property
    def judge_folder(self) -> str:
        return containment.JUDGE_BOX if self.judge_uid is None else f"{containment.JUDGE_BOX}/box"

    def zygote(self, kind: str, package: str = "") -> processes.Zygote:
        """A zygote by what it has loaded; started when first asked for. Raises: Broken."""
        if (kind, package) == (PLAIN, ""):
            return self.plain
        known = self.zygotes.pop((kind, package), None)
        if known is None:
            if len(self.zygotes) >= MOST_ZYGOTES - 1:
                self.end_zygote(next(iter(self.zygotes)))
            known = self.plain.load_more(kind, package, self.judge_library if kind != PLAIN else None)
        self.zygotes[kind, package] = known
        return known

    @property
    def baseline(self) -> set[int]:
        ours = {1, self.plain.pid, *(zygote.pid for zygote in self.zygotes.values())}
        if self.standing is not None:
            ours.add(self.standing.child.pid)
        return ours

    def population(self) -> set[int]:
        """The processes that are charged to the submission: all but ours and the judge."""
        ours = self.baseline
        if self.judge is not None:
            ours.add(self.judge.pid)
        return processes.pids() - ours

    def begin_job(self) -> None:
        self.kernel_kills.begin_job()
        self.had_children = False
        self.shown_bytes, self.used_s = 0, 0.0
        if self.by_uid:
            self.uid = self.next_uid
            self.next_uid += 1

    @property
    def spent(self) -> bool:
        return self.by_uid and self.next_uid > self.last_uid

    def spawn_submission(
        self, role: str, descriptors: list[int], limits: dict[str, Any], **extra: Any
    ) -> processes.Child:
        spec = {
            **self.spec(role, limits, SUBMISSION),
            "uid": self.uid,
            "namespaces": not self.by_uid,
            "count_processes": True,
            "killed_first": True,
            **extra,
        }
        return self.submission_zygote(role).spawn(spec, descriptors)

    def submission_zygote(self, role: str) -> processes.Zygote:
        return self.zygote(PYTEST if role == "shared_pytest" else PLAIN, self.package)

    def judge_zygote(self, kind: str) -> processes.Zygote:
        """The zygote that forks the judge for jobs of this kind."""
        return self.zygote(PYTEST if kind == "pytest" else PLAIN, self.package)

    def spawn_judge(self, kind: str, descriptors: list[int], limits: dict[str, Any], **extra: Any) -> processes.Child:
        """The judge stays outside of the submission's namespaces."""
        spec = {
            **self.spec(
                "pytest" if kind == "pytest" else "judge", {**JUDGE_LIMITS, "cpu_s": limits["rlimit_cpu_s"]}, JUDGE
            ),
            "uid": self.judge_uid,
            "count_processes": self.by_uid,
            "folder": self.judge_folder,
            "nested": not self.by_uid,
            **extra,
        }
        self.judge = self.judge_zygote(kind).spawn(spec, descriptors)
        return self.judge

    def standing_judge(self) -> StandingJudge:
        """The judge for test code that can leave nothing behind: started when first needed, anew after many uses."""
        if self.standing is not None and (self.standing.uses >= STANDING_USES or self.standing.child.has_ended()):
            self.end_standing()
        if self.standing is None:
            control, control_end = socket.socketpair()
            page_descriptor, memory = supervision.shared_memory(page.size(STANDING_ROWS))
            spec = {
                **self.spec("standing", {**JUDGE_LIMITS, "cpu_s": STANDING_CPU_S}, JUDGE),
                "uid": self.standing_uid,
                "count_processes": self.by_uid,
                "folder": "/",
                "nested": not self.by_uid,
            }
            try:
                child = self.plain.spawn(spec, [self.null, self.null, self.null, control_end.fileno(), page_descriptor])
            finally:
                control_end.close()
                os.close(page_descriptor)
            self.standing = StandingJudge(child, control, page.Page(memory))
        self.standing.uses += 1
        return self.standing

    def end_standing(self) -> None:
        if self.standing is None:
            return
        self.end_process(self.standing.child, self.standing_uid)
        self.standing.control.close()
        self.standing = None

    def rest(self) -> None:
        """End the standing judge and every zygote but the plain one: they are started anew when asked for."""
        self.end_standing()
        for which in list(self.zygotes):
            self.end_zygote(which)

    def end_zygote(self, which: tuple[str, str]) -> None:
        ended = self.zygotes.pop(which)
        ended.channel.close()  # at which it ends
        self.plain.ask({"reap": ended.pid}, [])

    def end_process(self, child: processes.Child, uid: int | None) -> None:
        """Kill a process and, when it has a user id of its own, all others of that id."""
        if uid is not None:
            processes.kill_all_of(uid)
        elif child.reaped is None:
            processes.kill(child.pid)
        child.reap()

    def spec(self, role: str, limits: dict[str, Any], mark: int) -> dict[str, Any]:
        return {
            "role": role,
            "mark": mark,
            "limits": {**limits, "cpu_s": limits.get("rlimit_cpu_s", limits["cpu_s"])},
            "folder": containment.BOX,
            "namespaces": False,
            "filtered": self.by_uid,
            "outer_uid": os.getuid(),
            "outer_gid": os.getgid(),
            "count_processes": False,
            "killed_first": False,
        }

    def kill_submission(self) -> None:
        """End every process of the submission, also those that left its group or session."""
        if self.by_uid:
            assert self.uid is not None
            processes.kill_all_of(self.uid)
        else:
            # The first process of a pid namespace takes all others along. What the judge started goes as well.
            for pid in self.population():
                processes.kill(pid)

    def submission_is_gone(self) -> bool:
        """Whether no process of it is left, once its first one was waited for."""
        if not self.by_uid:  # that was the first of its namespace
            return True
        processes.reap_orphans()
        return all(processes.user_of(pid) != self.uid for pid in self.population())

    def kill_judge(self) -> None:
        if self.judge is not None:
            self.end_process(self.judge, self.judge_uid)
            self.judge = None

    def judge_bytes(self) -> int:
        """Resident memory of the judges."""
        judges = [] if self.standing is None else [self.standing.child]
        judges += [] if self.judge is None else [self.judge]
        return sum(processes.resident_bytes(judge.pid) for judge in judges)

    def killed_in(self) -> str | None:
        """Where the kernel killed for want of memory since last asked: `machine` also where the judge filled it."""
        killed_in = self.kernel_kills.happened()
        return "machine" if killed_in == "group" and self.judge_bytes() >= JUDGE_BYTES else killed_in

    def end_job(self) -> str | None:
        """Kill, reap, empty, prove. Returns what is not clean, or None."""
        self.kill_judge()
        return self.tidy()

    def tidy(self) -> str | None:
        """The same, without an end of the judge: between two runs of one job."""
        self.kill_submission()
        processes.reap_orphans()
        if self.unclean() is None:
            return None
        deadline = time.monotonic() + 2.0
        while self.population() and time.monotonic() < deadline:
            self.kill_submission()
            time.sleep(0.002)
            processes.reap_orphans()
        for uid in (self.uid, self.judge_uid):
            if self.unclean() is not None:
                self.sweep(uid)
        deadline = time.monotonic() + 2.0
        while self.unclean() is not None and time.monotonic() < deadline:
            # Files in flight between dead sockets: the kernel looks for them when a socket is closed.
            for end in socket.socketpair():
                end.close()
            time.sleep(0.002)
        return self.unclean()

    def unclean(self) -> str | None:
        alive = self.population()
        if alive:
            return f"{len(alive)} processes are still there"
        for folder, state in zip(self.folders, self.clean_state, strict=True):
            if state_of(folder) != state:
                return f"{folder} is not empty"
        return None

    def sweep(self, uid: int | None) -> None:
        """Empty the folders by a process with the rights of the user that filled them, and no others."""
        spec = {
            **self.spec("sweep", SWEEP_LIMITS, SWEEPER),
            "uid": uid,
            "folder": "/",
            # What the submission owns in the judge's folder goes first, or the judge's user could not remove the rest.
            "sweep": [
                *containment.WRITABLE,
                scratch.ROOT,
                scratch.THEIRS,
                scratch.OURS,
                scratch.FOLDER,
                self.judge_folder,
            ],
        }
        child = self.plain.spawn(spec, [self.null, self.null, self.null])
        ended = time.monotonic() + SWEEP_S
        loop = supervision.Loop()
        over: list[bool] = []
        loop.add(child.descriptor, lambda: over.append(True))
        while not over and time.monotonic() < ended:
            loop.step(min(server.SIGN_S, ended - time.monotonic()))
        self.end_process(child, uid)
        processes.reap_orphans()


def state_of(folder: str) -> tuple[int, int]:
    """Blocks and inodes in use."""
    held = os.statvfs(folder)
    return held.f_blocks - held.f_bfree, held.f_files - held.f_ffree
