"""`passrate run`: one program in the sandbox, what it prints and how it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console

from trainer.client import SyncRewardClient
from trainer.inputs import read_text
from trainer.local_server import server_at

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def main(arguments: argparse.Namespace) -> int:
    """Run a file. Returns: 0 where the program ended well, else 1."""
    program: dict[str, Any] = {"code": read_text("FILE", arguments.file), "stdin": _stdin(arguments)}
    limits = {"cpu_s": arguments.cpu_s, "wall_s": arguments.wall_s, "memory_mb": arguments.memory_mb}
    program["limits"] = {name: value for name, value in limits.items() if value is not None}
    with (
        server_at(arguments.url, backend=arguments.backend) as url,
        SyncRewardClient(url, api_key=arguments.api_key, deadline_s=arguments.deadline) as client,
    ):
        seen = client.run(program)
    sys.stdout.write(seen["stdout"])
    sys.stdout.flush()
    sys.stderr.write(seen["stderr"])
    Console(stderr=True).print(outcome(seen), markup=False, highlight=False)
    return 0 if seen["ending"] == "exited" and seen["exit_code"] == 0 else 1


def outcome(seen: Mapping[str, Any]) -> str:
    """Say in one line how a program ended and what it used."""
    endings = {
        "exited": f"exit code {seen['exit_code']}",
        "signaled": f"ended by signal {seen['signal']}",
        "raised": f"did not compile: {seen['message']}",
        "cpu": "ended at its limit of CPU time",
        "wall": "ended at its limit of time",
        "memory": "ended at its limit of memory",
        "output": "ended at its limit of output",
    }
    used = f"{seen['cpu_s']:.3f} s CPU, {seen['wall_s']:.3f} s, {seen['memory_bytes'] / 2**20:.1f} MiB"
    return f"[{endings.get(seen['ending'], seen['ending'])}; {used}]"


def _stdin(arguments: argparse.Namespace) -> str:
    if arguments.stdin is None:
        return ""
    if str(arguments.stdin) == "-":
        return sys.stdin.read()
    return read_text("--stdin", arguments.stdin)
