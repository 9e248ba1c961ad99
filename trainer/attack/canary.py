"""The canary: an honest program that looks around a slot, and what it must see there.

It counts what no earlier run may have left: files, blocks and inodes of the writable folders, processes, descriptors,
System V objects, sockets with an abstract name. Its verdicts show that the slot still tells right from wrong.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.schema import Limits, Problem, StdioTests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reward_server.verdicts import TestResult

PROGRAM = """
import json, os, sys
def under(path):
    return [os.path.join(folder, name) for folder, folders, files in os.walk(path) for name in folders + files]
def lines(path):
    try:
        with open(path) as file: return file.readlines()[1:]
    except OSError: return []
def owner(pid):
    try: return os.stat(f'/proc/{pid}').st_uid
    except OSError: return None
folders = ('/box', '/tmp', '/dev/shm', '/judge')
used = [os.statvfs(folder) for folder in folders]
others = [int(name) for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid())]
print(sum(map(int, input().split())))
json.dump({
    'files': [path for folder in folders[:3] for path in under(folder)],
    'blocks': [held.f_blocks - held.f_bfree for held in used],
    'inodes': [held.f_files - held.f_ffree for held in used],
    'strays': [pid for pid in others if owner(pid) not in (0, None)],
    'children': open(f'/proc/self/task/{os.getpid()}/children').read().split(),
    'descriptors': sorted(map(int, os.listdir('/proc/self/fd')))[:-1],
    'ipc': [line for name in ('shm', 'sem', 'msg') for line in lines('/proc/sysvipc/' + name)],
    'sockets': [line.split()[-1] for line in lines('/proc/net/unix') if '@' in line],
    'variables': sorted(os.environ),
    'cwd': os.getcwd(),
    'umask': os.umask(0),
    'modules': [name for name in ('builtins', 'os', 'json') if 'left' in vars(sys.modules[name])],
}, sys.stderr)
"""
EMPTY = ("files", "strays", "children", "ipc", "sockets", "modules")
CASES = ({"stdin": "20 22", "stdout": "42"}, {"stdin": "20 22", "stdout": "43"})
"""A slot that lets everything pass is as broken as one that lets nothing."""
VERDICTS = ["passed", "wrong_answer"]
PROBLEM = Problem(
    tests=StdioTests.model_validate({"kind": "stdio", "cases": CASES}), limits=Limits(cpu_s=4, wall_s=12, memory_mb=512)
)


def complaint(results: Sequence[TestResult], fresh: Sequence[TestResult]) -> str:
    """Say what the canary did not like, if anything. `fresh`: what it saw when the slot had run nothing else."""
    verdicts = [result.verdict for result in results]
    if verdicts != VERDICTS:
        return f"an honest program got {', '.join(verdicts)}: {results[0].message}"
    seen = look(results)
    for name in EMPTY:
        if seen[name]:
            return f"{name}: {seen[name]}"[:200]
    before = look(fresh)
    for name, value in seen.items():
        if value != before[name]:
            return f"{name}: {value} after {before[name]}"[:200]
    return ""


def look(results: Sequence[TestResult]) -> dict[str, Any]:
    """What the canary saw. It is trusted: its program is ours, and nothing else ran with it."""
    seen: dict[str, Any] = json.loads(results[-1].stderr)
    return seen
