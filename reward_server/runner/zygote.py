"""Z, the zygote: a warm interpreter that forks a child for each run.

It answers three requests of the control process (a run, another zygote, `reap`), one at a time, and reads nothing else.
In a child `serve` returns what the child is to become, so that the child's stack holds no frame of the zygote.

Promises: no child can find another job in its memory. The plain zygote is forked before the first job, all others from
it, and a request says who is to run and within what limits. Code, tests, answers and reports pass it as descriptors.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import marshal
import os
import signal
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from reward_server.runner import containment, kernel, modules, warmth
from reward_server.runner.processes import FAILURE_BYTES, FAILURES_AT

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable

PRELOADED = {
    # What programs import most, as far as a fork stays cheap: each MB here costs every run 0.14 ms.
    "plain": (
        *("bisect", "collections", "copy", "functools", "heapq", "io", "itertools", "json", "math", "operator"),
        *("random", "re", "string", "traceback", "typing", "linecache", "threading", "atexit"),
        *("reward_server.runner.programs", "reward_server.runner.served", "reward_server.runner.judge"),
        "reward_server.runner.shared",
    ),
    "pytest": ("pytest", "_pytest.assertion.rewrite", "unittest", "reward_server.runner.judge_pytest"),
}
PACKAGES = {
    "numpy": ("numpy", "numpy.random", "numpy.linalg"),
    "pandas": ("pandas", "numpy.random", "numpy.linalg"),
    "sympy": ("sympy",),
}
ROLES = {
    "program": "reward_server.runner.programs:run",
    "calls": "reward_server.runner.served:run_calls",
    "served": "reward_server.runner.served:run_served",
    "judge": "reward_server.runner.judge:run",
    "shared": "reward_server.runner.shared:run",
    "shared_pytest": "reward_server.runner.shared:run",
    "standing": "reward_server.runner.judge:run_standing",
    "pytest": "reward_server.runner.judge_pytest:run",
    "sweep": "reward_server.runner.sweeping:run",
}
LATE_ROLES = frozenset({"pytest", "shared_pytest"})
MAX_MESSAGE = 1 << 16
KEPT: list[object] = []
"""What a child would tear down as it leaves the zygote's frames: kept alive, it costs no page fault (154 of 187)."""


def main(channel: int, started: mmap.mmap, *, filtered: bool) -> Callable[[], object]:
    """Be the plain zygote until the channel closes. Returns in a child, with what it is to do.

    `started` is shared with the control process: a child sets its byte there when it is contained, and lets go of it.
    `filtered`: children need no namespaces of their own, so that the zygote can put on their seccomp filter for them.
    """
    containment.arrange_descriptors([0, 1, 2, channel])
    for name in PRELOADED["plain"]:
        importlib.import_module(name)
    modules.open_standard_streams()
    kernel.forbid_new_privileges()
    containment.prepare_zygote(by_uid=filtered)
    if filtered:
        kernel.install_filter()
    else:  # or a child could not write its own id maps
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    return serve(socket.socket(fileno=3), started, "plain")


def load_more(channel: int, started: mmap.mmap, kind: str, package: str, library: str | None) -> Callable[[], object]:
    """Become a zygote that has more loaded than the plain one, of which it is a fork."""
    containment.arrange_descriptors([0, 1, 2, channel])
    if library is not None:
        sys.path.insert(0, library)  # before one that the interpreter may have of its own
    for name in PRELOADED[kind]:
        importlib.import_module(name)
    for name in PACKAGES.get(package, ()):
        with contextlib.suppress(Exception):  # is it not here, or broken, its importers will see that
            importlib.import_module(name)
    return serve(socket.socket(fileno=3), started, kind)


def serve(channel: socket.socket, started: mmap.mmap, kind: str) -> Callable[[], object]:
    """Answer requests until the channel closes. Returns in a child only."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    roles = {role: load(place) for role, place in ROLES.items() if role not in LATE_ROLES or kind == "pytest"}
    warmth.warm_up()
    gc.collect()
    gc.freeze()
    statuses: dict[int, int] = {}
    KEPT.extend((roles, statuses, channel, started))
    channel.send(marshal.dumps({"ready": True}))
    while True:
        text, descriptors, _, _ = socket.recv_fds(channel, MAX_MESSAGE, 16)
        if not text:
            os._exit(0)
        message: dict[str, Any] = marshal.loads(text)  # noqa: S302 the control process is ours
        if "reap" in message:
            channel.send(marshal.dumps(reap(message["reap"], statuses.pop(message["reap"], None))))
            continue
        containment.seed_random()
        try:
            pid, status = fork(message)
        except OSError as error:
            channel.send(marshal.dumps({"error": str(error)}))
        else:
            if pid == 0 and "load" in message:
                return partial(load_more, descriptors[0], started, *message["load"])
            if pid == 0:
                return partial(begin, roles[message["role"]], message, descriptors, status, started)
            if status is not None:
                statuses[pid] = status
            channel.send(marshal.dumps({"pid": pid}))
        for descriptor in descriptors:
            os.close(descriptor)


def fork(spec: dict[str, Any]) -> tuple[int, int | None]:
    """Returns the child's pid (0 in the child) and, with namespaces, this side's end of its status pipe."""
    if not spec.get("namespaces"):
        return kernel.fork(), None
    reader, writer = os.pipe()
    pid = kernel.fork_into_namespaces()
    if pid == 0:
        return 0, writer
    os.close(writer)
    return pid, reader


def load(place: str) -> Callable[[dict[str, Any]], object]:
    module, function = place.split(":")
    role: Callable[[dict[str, Any]], object] = getattr(importlib.import_module(module), function)
    return role


def begin(
    role: Callable[[dict[str, Any]], object],
    spec: dict[str, Any],
    descriptors: list[int],
    status: int | None,
    started: mmap.mmap,
) -> object:
    """In a child: shed everything, then become the role."""
    try:
        if status is not None:
            containment.enter_namespaces(spec["outer_uid"], spec["outer_gid"], spec["limits"]["disk_bytes"])
            child = kernel.fork()
            if child:
                containment.guard(child, status)
        containment.arrange_descriptors(descriptors)
        containment.confine(spec)
        started[spec["mark"]] = 1
        started.close()
        return partial(role, spec)
    except BaseException as error:  # whatever it is, this process must not go on half contained
        text = f"{type(error).__name__}: {error}".encode()[: FAILURE_BYTES - 1]
        at = FAILURES_AT + FAILURE_BYTES * spec["mark"]
        started[at : at + len(text) + 1] = text + b"\0"
        os._exit(120)


def reap(pid: int, status: int | None) -> dict[str, Any]:
    """Wait for a child that has ended. `memory_bytes` is the largest resident set."""
    _, code, usage = os.wait4(pid, 0)
    seconds, kibibytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
    if status is not None:
        with open(status, "rb", buffering=0) as pipe:
            told = pipe.read(containment.STATUS.size)
        if told and len(told) == containment.STATUS.size:
            code, user_s, system_s, kibibytes = containment.STATUS.unpack(told)
            seconds = max(seconds, user_s + system_s)
    return {"status": code, "cpu_s": seconds, "memory_bytes": kibibytes * 1024}
