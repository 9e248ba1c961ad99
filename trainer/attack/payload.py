"""One hostile program and what must come of it.

Promises: every payload ends within a few times its limits, asks nothing of the network, and does to a sandbox that does
not hold what a real attack would do: so run it nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tasks.schema import AssertsTests, CallTests, Limits, Problem, PytestTests, StdioTests

if TYPE_CHECKING:
    from reward_server.verdicts import Verdict

LIMITS = Limits(cpu_s=0.4, wall_s=1.2, memory_mb=128)
"""Small, so that what goes over them does so soon."""
ROOMY = Limits(cpu_s=4, wall_s=12, memory_mb=512)
"""For what must come to its own end."""
SAID = "done"
"""What a program prints that has come to its end and found nothing amiss."""

Kind = Literal["stdio", "call", "asserts"]


@dataclass(frozen=True, slots=True)
class Payload:
    """One hostile program: a whole one, or of kind `call` and `asserts` a function `f` that should return 1."""

    name: str
    phrases: tuple[str, ...]
    """What it stands for in the list of hostile behaviour (`phrases.py`)."""
    verdicts: tuple[Verdict, ...]
    """Any of these is right."""
    code: str
    kind: Kind = "stdio"
    tests: AssertsTests | CallTests | PytestTests | None = field(default=None, hash=False)
    """Tests of its own, of `f`, in place of those of its kind."""
    stdin: str = ""
    expected: str = SAID
    """Of kind `stdio`: with any other output it is a `wrong_answer`."""
    limits: Limits = LIMITS
    then: str = ""
    """Runs next in the same slot, and prints `SAID` if it finds nothing of the first."""
    beside: str = ""
    """Runs in another slot meanwhile, and prints `SAID` if it is not hindered."""
    differs: bool = False
    """Whether the program runs twice, and must print different things."""
    hogs: int = 0
    """Processes of the machine that spin meanwhile."""
    may_spend: bool = False
    """Whether its slot may be given up and replaced: where cleaning up after it may take too long."""

    @property
    def problem(self) -> Problem:
        """The problem that it pretends to solve."""
        if self.tests is not None:
            entry_point = None if self.tests.kind == "pytest" else "f"
            return Problem(tests=self.tests, entry_point=entry_point, limits=self.limits)
        tests: Any
        match self.kind:
            case "stdio":
                tests = StdioTests(kind="stdio", cases=stdio_case(self.stdin, self.expected))
            case "call":
                tests = CallTests(kind="call", cases=({"expected": 1},))
            case "asserts":
                tests = AssertsTests(kind="asserts", source="import os\nassert f() == 1")
        entry_point = None if self.kind == "stdio" else "f"
        return Problem(tests=tests, entry_point=entry_point, limits=self.limits)


def stdio_case(stdin: str, stdout: str) -> Any:
    return ({"stdin": stdin, "stdout": stdout},)


def program_problem(limits: Limits = ROOMY) -> Problem:
    """The problem of a program that should print `SAID`."""
    return Problem(tests=StdioTests(kind="stdio", cases=stdio_case("", SAID)), limits=limits)


def none_succeed(attempts: str, setup: str = "") -> str:
    """Return a program that makes each attempt, a line of Python each, and prints those that were not refused."""
    lines = [line.strip() for line in attempts.strip().splitlines()]
    return f"""
import ctypes, errno, fcntl, mmap, os, resource, signal, socket, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *[x if isinstance(x, bytes) else ctypes.c_long(x) for x in arguments])
    if result == -1: raise OSError(ctypes.get_errno(), 'refused')
    return result
machine = {{'x86_64': 0, 'aarch64': 1}}[os.uname().machine]
{setup}
succeeded = []
for attempt in {lines!r}:
    try: exec(attempt)
    except (OSError, ValueError): continue
    succeeded.append(attempt)
print('\\n'.join(succeeded) or {SAID!r})
"""


def forked(child: str, then: str = "") -> str:
    """Return a program that starts a child, says that it is done, and leaves the child behind."""
    body = "\n".join("    " + line for line in child.strip().splitlines())
    return f"import os, signal, sys, time\nif not os.fork():\n{body}\n    os._exit(0)\n{then}\nprint({SAID!r})\n"
