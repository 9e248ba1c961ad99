"""What lies between a sandbox and its machine: its own namespaces, no socket of the machine, an end with its server."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reward_server.backends.embedded import EmbeddedBackend
from reward_server.settings import Settings
from tests.contract.support import REPOSITORY, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("kind", ["ipc", "mnt", "net", "pid", "uts"])
def test_a_sandbox_has_a_namespace_of_its_own(sandbox: Sandbox, kind: str) -> None:
    theirs = sandbox.output(f"import os\nprint(os.readlink('/proc/self/ns/{kind}'), end='')")
    assert theirs.startswith(f"{kind}:[")
    assert theirs != str(Path(f"/proc/self/ns/{kind}").readlink())


def test_a_socket_of_the_machine_is_out_of_reach(sandbox: Sandbox) -> None:
    """Abstract names belong to no file: only a network namespace hides them."""
    name = f"passrate-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")
        listening.listen()
        code = (
            "import socket\ntry: socket.socket(socket.AF_UNIX).connect('\\0" + name + "')\n"
            "except OSError as error: print(type(error).__name__)\nelse: print('reached')"
        )
        assert sandbox.output(code) == "ConnectionRefusedError\n"


def test_its_session_is_within_the_sandbox(sandbox: Sandbox) -> None:
    """A session of the server's would bring the server's terminal along; from outside its number reads as 0."""
    assert sandbox.output("import os\nprint(os.getsid(0) > 0)") == "True\n"


@contextlib.contextmanager
def embedded() -> Iterator[Sandbox]:
    sandbox = Sandbox(EmbeddedBackend(Settings()))
    try:
        yield sandbox
    finally:
        sandbox.close()


def children_of(pid: int) -> set[int]:
    """All that descends from a process."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found |= {int(path.parent.name)} if int(path.read_text().rpartition(")")[2].split()[1]) == pid else set()
    return found.union(*map(children_of, found)) if found else found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's sandbox needs capabilities")
@pytest.mark.parametrize(("names", "mask"), [("CapEff CapPrm", 0xC0), ("CapInh CapAmb", 0)], ids=["holds", "passes_on"])
def test_the_control_process_has_two_capabilities_at_most(names: str, mask: int) -> None:
    """Looked at from outside, for within it other layers hide a hole in this one."""
    with embedded() as sandbox:
        sandbox.output("print(1)")
        held: set[int] = set()
        for pid in children_of(os.getpid()):
            status = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            if status["NSpid"].split()[1:] == ["1"]:
                held |= {int(status[name], 16) for name in names.split()}
    assert held == {mask}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give up a group")
def test_it_is_in_no_group_of_the_servers() -> None:
    groups = os.getgroups()
    os.setgroups([4242])
    try:
        with embedded() as sandbox:
            assert sandbox.output("import os\nprint(os.getgroups(), 0 in os.getresgid())") == "[] False\n"
    finally:
        os.setgroups(groups)


HOLDER = """
import asyncio
from reward_server.backends.embedded import EmbeddedBackend
from reward_server.settings import Settings
from tests.contract.test_docker import SLEEP
async def hold():
    slot = await EmbeddedBackend(Settings()).open_slot()
    print("running", flush=True)
    await slot.run(SLEEP)
asyncio.run(hold())
"""


def test_a_killed_server_takes_its_sandboxes_along() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "running\n"
        time.sleep(0.3)
        held = children_of(server.pid)
        assert held
        server.send_signal(signal.SIGKILL)
    until = time.monotonic() + 3
    while left := {pid for pid in held if Path(f"/proc/{pid}").exists()}:
        assert time.monotonic() < until, left
        time.sleep(0.05)
