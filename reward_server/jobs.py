"""What goes into a sandbox and what is seen there: the two values that backends exchange with the rest.

A `Job` holds nothing that decides a verdict, except for what the judge process needs (`judge`), which the runner keeps
from the submission. `Observations` are facts (exit status, seconds, bytes), never verdicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from tasks.schema import Limits

Kind = Literal["program", "call", "asserts", "pytest"]
Ending = Literal["returned", "raised", "exited", "signaled", "cpu", "wall", "memory", "output", "unreached", "lost"]
"""How a test ended. `returned` and `raised`: a call or a check came to its end. `exited` and `signaled`: the process
did. `cpu`, `wall`, `memory`, `output`: the runner ended it at that limit. `unreached`: never begun. `lost`: our
failure."""


class Job(NamedTuple):
    """One submission with its tests, as the runner needs them."""

    kind: Kind
    limits: Limits
    submission: bytes
    """UTF-8 JSON for the submission's process: code, setup, files, entry_point, module."""
    judge: bytes = b""
    """UTF-8 JSON for the judge's process (`asserts`, `pytest`); empty for the other kinds."""
    cases: tuple[bytes, ...] = ()
    """`program`: the stdin of each run. `call`: the encoded arguments of each call."""
    tests: int = 0
    """`asserts`: the number of counted asserts. `pytest`: that of test functions, as far as the source shows it."""
    pure: bool = False
    """`asserts`: the test code can leave nothing behind, so that its judge process may serve other jobs."""
    shared: bool = False
    """`asserts` and `pytest`: the test code runs in the submission's process, which then reports for it."""
    package: str = ""
    """A package that takes long to import, and that the submission or its tests import."""
    stop: bool = False
    """Stop after the first test that ends in anything but `returned` or exit code 0."""
    stdin: Literal["pipe", "file"] = "pipe"
    """`program`: what the standard input is."""
    timeouts: int = 1
    """Stop after so many tests that end as `cpu` or `wall`."""
    cpu_s: tuple[float, ...] = ()
    """Processor seconds that a test may use, where these are less than the limit: of `program` for each case, else one
    number."""
    fresh: bool = False
    """`call`: start the submission anew for each call."""


class Observation(NamedTuple):
    """What was seen of one test. A tuple, as there are many: the runner sends its first fields in this order."""

    ending: Ending
    code: int = 0
    """The exit code of `exited`, the signal of `signaled`."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    """Less the time spent waiting for a processor."""
    memory_bytes: int = 0
    message: str = ""
    """`raised`: type and text of the exception, untrusted. `lost`: what went wrong on our side."""
    passed: bool = False
    """`asserts` and `pytest` only: the judge process found that the test holds."""
    name: str = ""
    """`pytest`: the node id. `raised` in a call: the exception's type and its bases, most derived first, by comma.
    `lost`: the cause, where the submission may be it (`errors.Cause`)."""
    checks: int = 0
    """`asserts` and `pytest` only: comparisons that the test made."""
    stdout: bytes = b""
    stderr: bytes = b""
    value: bytes = b""
    """`call`: the encoded value that was returned. Untrusted."""


class Observations(NamedTuple):
    """What was seen of one job: one observation a test, in order.

    `failed_load` is set when the submission did not get as far as its tests (syntax error, exception at import, a
    missing entry point); then `tests` is empty.
    """

    tests: tuple[Observation, ...]
    failed_load: Observation | None = None
    learned: str | None = None
    """JSON of what came back at each call site, where the job asked the judge to learn that."""
    cpu_s: float = 0.0
    """Processor seconds of the submission's processes from their start, so with all that is of no test."""
