"""What the control process knows of other processes: spawns, measures, ends them, and proves them gone."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from reward_server.runner import kernel

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

MAX_MESSAGE = 1 << 16
FAILURES_AT, FAILURE_BYTES = 64, 512
"""Where on the page shared with the zygotes a child says why it could not be contained."""
NOT_PIDS = frozenset(name for name in os.listdir("/proc") if not name.isdigit())
PAGE_BYTES, TICKS_PER_S = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
ROOMY_BYTES = 4 << 30
"""With more addresses than that, page tables may take more than 8 MB. They are no resident memory, and without a bound
they fill the machine: 400 MB a second by one read in each 2 MB of an empty mapping."""
ALONE = 3
"""Links of the folder of the threads of a process that has one: its own two, and one for each thread."""


class Broken(Exception):
    """The slot cannot go on: a zygote is gone, or something did not end."""

    def __init__(self, message: str, cause: str = "") -> None:
        """`cause`: a word of `errors.Cause`, where the submission may be the reason."""
        super().__init__(message)
        self.cause = cause


class Zygote:
    """The control process's end of a zygote."""

    def __init__(self, channel: socket.socket, pid: int, started: mmap.mmap) -> None:
        """Wait until it is ready. Raises: Broken."""
        self.channel, self.pid, self.started = channel, pid, started
        self.ask({}, [], ready=True)
        self.resident_bytes = resident_bytes(pid)

    def load_more(self, kind: str, package: str, library: str | None) -> Zygote:
        """A fork of this zygote that has more loaded. Raises: Broken."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            pid = self.ask({"load": [kind, package, library]}, [theirs.fileno()])["pid"]
        return Zygote(ours, pid, self.started)

    def ask(self, message: dict[str, Any], descriptors: list[int], *, ready: bool = False) -> dict[str, Any]:
        """Raises: Broken when the zygote is gone or could not fork."""
        try:
            if not ready:
                socket.send_fds(self.channel, [marshal.dumps(message)], descriptors)
            text = self.channel.recv(MAX_MESSAGE)
        except OSError as error:
            raise Broken(f"a zygote is gone: {error}") from None
        if not text:
            raise Broken("a zygote is gone")
        answer: dict[str, Any] = marshal.loads(text)  # noqa: S302 the zygote is ours
        if "error" in answer:
            raise Broken(f"a zygote could not fork: {answer['error']}")
        return answer

    def spawn(self, spec: dict[str, Any], descriptors: list[int]) -> Child:
        self.started[spec["mark"]] = 0
        self.started[FAILURES_AT + FAILURE_BYTES * spec["mark"]] = 0
        pid = self.ask(spec, descriptors)["pid"]
        return Child(self, pid, spec["mark"])


class Child:
    """A process that a zygote forked."""

    def __init__(self, zygote: Zygote, pid: int, mark: int) -> None:
        self.zygote, self.pid, self.mark = zygote, pid, mark
        self.descriptor = os.pidfd_open(pid)
        self.reaped: dict[str, Any] | None = None

    def has_ended(self, within_s: float = 0.0) -> bool:
        if self.reaped is not None:
            return True
        ended = select.poll()
        ended.register(self.descriptor, select.POLLIN)
        return bool(ended.poll(1000 * within_s))

    def reap(self) -> dict[str, Any]:
        """Wait for its end, which must be near. Returns `status`, `cpu_s`, `memory_bytes`. Raises: Broken."""
        if self.reaped is None:
            if not self.has_ended(5.0):
                raise Broken("a process did not end when it was killed")
            self.reaped = self.zygote.ask({"reap": self.pid}, [])
            os.close(self.descriptor)
        return self.reaped

    @property
    def contained(self) -> bool:
        """True when it got as far as its role; before that, what happened to it is our failure."""
        return self.zygote.started[self.mark] == 1

    @property
    def uncontained_because(self) -> str:
        at = FAILURES_AT + FAILURE_BYTES * self.mark
        text = self.zygote.started[at : at + FAILURE_BYTES].split(b"\0")[0].decode(errors="replace")
        return f"a process could not be contained: {text or 'it ended before'}"


def pids() -> set[int]:
    """The processes that this one can see."""
    return set(map(int, set(os.listdir("/proc")) - NOT_PIDS))


def read(path: str) -> bytes:
    """Read a short file of /proc: a third of what a file object takes. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def first_child(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return int(file.read().split()[0])
    except (OSError, IndexError, ValueError):
        return None


def clock(pid: int) -> float:
    """Processor seconds of a process so far; 0 when it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED of the process
    except OSError:
        return 0.0


def threads(pid: int) -> list[int]:
    try:
        if os.stat(f"/proc/{pid}/task").st_nlink == ALONE:
            return [pid]
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def schedule(pid: int, thread: int) -> tuple[int, int, int]:
    """Nanoseconds that a thread ran and that it was ready to run and no processor was free; how often it was put on."""
    try:
        ran, waited, times = map(int, read(f"/proc/{pid}/task/{thread}/schedstat").split())
    except (OSError, ValueError):
        return 0, 0, 0
    return ran, waited, times


def run_delay(pid: int) -> float:
    """Seconds that a process's main thread was ready to run and no processor was free; 0 when unknown."""
    return schedule(pid, pid)[1] / 1e9


def is_ready(pid: int, thread: int) -> bool:
    """Whether a thread runs, or would if a processor were free."""
    return stat(pid, thread)[:1] == [b"R"]


def idle_and_stolen(processors: set[int]) -> tuple[float, float]:
    """Seconds so far in which they had nothing to do, and in which the host gave them to others; each on average."""
    wanted, idle, stolen = {f"cpu{number}" for number in processors}, 0, 0
    try:
        with open("/proc/stat") as file:
            for line in file:
                name, *ticks = line.split()
                if name in wanted:
                    idle, stolen = idle + int(ticks[3]) + int(ticks[4]), stolen + int(ticks[7])
                elif not name.startswith("cpu"):
                    break
    except (OSError, IndexError, ValueError):
        return 0.0, 0.0
    per_s = TICKS_PER_S * max(1, len(wanted))
    return idle / per_s, stolen / per_s


def resident_bytes(pid: int) -> int:
    return standing(pid)[0]


def standing(pid: int) -> tuple[int, float, int]:
    """Bytes that a process holds; the processor seconds and page faults of what it started and has waited for."""
    fields = stat(pid, pid)
    if not fields:
        return 0, 0.0, 0
    # Its first thread may have ended before the others, and then has no memory any more.
    holder = next((stat(pid, each) for each in threads(pid) if each != pid), []) if fields[0] == b"Z" else fields
    held = int(holder[21]) * PAGE_BYTES if holder else 0
    if holder and int(holder[20]) > ROOMY_BYTES:
        held += page_table_bytes(pid)
    return held, (int(fields[13]) + int(fields[14])) / TICKS_PER_S, int(fields[8])


def page_table_bytes(pid: int) -> int:
    """What the kernel holds to know where a process's memory is."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(read(f"/proc/{pid}/status").partition(b"VmPTE:")[2].split()[0]) << 10
    return 0


def user_of(pid: int) -> int | None:
    """The real user id of a process; None when it is gone. Who owns its folder in /proc says less: it may be root."""
    try:
        return int(read(f"/proc/{pid}/status").partition(b"\nUid:")[2].split()[0])
    except OSError:
        return None


def parent(pid: int) -> int:
    """0 when it is gone."""
    fields = stat(pid, pid)
    return int(fields[1]) if fields else 0


def stat(pid: int, thread: int) -> list[bytes]:
    """What /proc tells of a thread, from its state on; of a process, where it is the first one. Empty when gone."""
    try:
        return (
            read(f"/proc/{pid}/stat" if thread == pid else f"/proc/{pid}/task/{thread}/stat")
            .rpartition(b")")[2]
            .split()
        )
    except OSError:
        return []


def reap_orphans() -> None:
    """As pid 1 the control process inherits what a submission leaves behind."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


DEATH_SIGNAL = kernel.death_signal()
"""What bubblewrap's --die-with-parent has asked for. In a container there is none, and there must be none: its parent
has threads that come and go."""


def kill_all_of(uid: int) -> None:
    """Kill every process of a user id. A process group is not enough: setsid(2) leaves it.

    While it has that id this process can be signalled by it, but pid 1 ignores what comes from inside its namespace.
    """
    os.setresuid(uid, uid, 0)
    try:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    finally:
        return_to_root()


@contextlib.contextmanager
def reading_as(uid: int | None) -> Iterator[None]:
    """Open files with the rights of a user id, None for one's own. Nobody may signal this process for it."""
    if uid is None:
        yield
        return
    kernel.act_on_files_as(uid)
    try:
        yield
    finally:
        kernel.act_on_files_as(0)
        return_to_root()


def return_to_root() -> None:
    """With each change of user id the kernel forgets the death signal. Without it a sandbox that hangs outlives all."""
    os.setresuid(0, 0, 0)
    if DEATH_SIGNAL:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, DEATH_SIGNAL)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
