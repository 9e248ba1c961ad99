"""The whole contract once more, as a user without rights: the embedded backend then contains by namespaces.

Runs only where the tests run as root, who alone can become another user. What that user could not read (an interpreter
below a closed home) is shown to it by an outer bubblewrap; nothing on the machine changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reward_server.backends.embedded import EmbeddedBackend
from reward_server.settings import Settings
from tests.contract.support import REPOSITORY, SEAT, SEAT_NAME

NOBODY = 65534
INNER = "CONTRACT_RUNS_UNPRIVILEGED"
SUITES = (("contract",), ("exploits",), ("honest", "test_end_to_end.py"), ("hostile",))
"""What is run again, in parts that may run at once."""
MAX_S = 900


def needed_folders() -> list[Path]:
    """What the inner run reads: the code, its environment, the interpreter, the data beside the repository."""
    prefixes = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix, sys.base_exec_prefix)}
    data = REPOSITORY.parent / "shared" / "data"
    return sorted({REPOSITORY, *prefixes, *([data] if data.is_dir() else [])})


def closed_parents(folders: list[Path]) -> list[Path]:
    """The topmost folders above these that others may not enter."""
    closed = set()
    for folder in folders:
        for parent in reversed([folder, *folder.parents]):
            if parent.stat().st_mode & 0o005 != 0o005:
                closed.add(parent)
                break
    return sorted(closed)


def opened() -> list[str]:
    """Arguments of bubblewrap that make all needed folders readable for everyone, below new parents."""
    folders = needed_folders()
    arguments: list[str] = []
    for closed in closed_parents(folders):
        arguments += ["--perms", "0755", "--tmpfs", str(closed)]
        for folder in folders:
            if closed not in (folder, *folder.parents):
                continue
            for parent in reversed(folder.parents):
                if closed in parent.parents:
                    arguments += ["--perms", "0755", "--dir", str(parent)]
            arguments += ["--ro-bind", str(folder), str(folder)]
    return arguments


def as_nobody(command: list[str]) -> list[str]:
    bwrap = EmbeddedBackend(Settings()).bwrap
    ids = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    return [bwrap, "--bind", "/", "/", "--dev-bind", "/dev", "/dev", *opened(), "--", "setpriv", *ids, *command]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        as_nobody(command),
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=MAX_S,
        check=False,
    )


def why_not() -> str:
    """Why this machine cannot run the contract as another user; empty if it can."""
    if os.geteuid() != 0:
        return "only root can become another user; as this user the contract has just run by namespaces itself"
    if shutil.which("setpriv") is None:
        return "setpriv is missing: install util-linux"
    limit = Path("/proc/sys/user/max_user_namespaces")
    if limit.exists() and limit.read_text(encoding="ascii").strip() == "0":
        return "user namespaces are off (user.max_user_namespaces is 0)"
    tried = run(["unshare", "--user", "--map-current-user", "true"])
    return f"this kernel lets no ordinary user make namespaces: {tried.stderr.strip()}" if tried.returncode else ""


inner = pytest.mark.skipif(INNER in os.environ, reason="this is the inner run")


@inner
@pytest.mark.slow
@pytest.mark.timeout(MAX_S)
@pytest.mark.parametrize("suites", SUITES, ids=lambda suites: suites[0])
def test_the_contract_holds_for_an_unprivileged_user(suites: tuple[str, ...]) -> None:
    """All but the controls, and not by falling back to something weaker: the inner run says how it contains."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    options = ["-q", "--tb=short", "--no-header", "-p", "no:cacheprovider", "-m", "sandbox"]
    options += ["-k", "not fools and not docker"]
    what = [str(REPOSITORY / "tests" / name) for name in suites]
    what.append(f"{Path(__file__)}::{test_the_inner_run_contains_by_namespaces.__name__}")
    ran = run([sys.executable, "-m", "pytest", *options, *what], **{INNER: "1", SEAT_NAME: f"gw{SEAT}"})
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    assert "namespaces of its own" in ran.stdout


@pytest.mark.skipif(INNER not in os.environ, reason="part of the inner run")
def test_the_inner_run_contains_by_namespaces(capfd: pytest.CaptureFixture[str]) -> None:
    assert os.geteuid() == NOBODY
    with capfd.disabled():
        sys.stdout.write(EmbeddedBackend(Settings()).covers + "\n")
