"""Every error that the reward server raises, with its HTTP status.

RewardServerError        500
├── BadRequest           422   a field is wrong; names it and the fix
│   ├── NotJson          400   the body is not JSON in UTF-8; names the position
│   ├── UnknownProblem   404   no inline problem and no stored one has this id
│   └── TooLarge         413   more bytes or items than the server takes at once
├── Unauthorized         401   no key, or none that is known here
├── ForeignPage          403   a page of another site asks, by the browser of someone who reaches the server
├── Overloaded           429   a bound of the server or of the client is reached; retry later
├── SandboxLost          503   no verdict could be had
│   ├── Unjudged         503   the same for one test or more, in a sandbox that may go on
│   └── Disturbed        503   the program itself is why: a verdict, where it is judged
├── BackendUnavailable   503   no sandbox can be started here; says how to mend it
│   └── Stopping         503   the server ends what it has begun and takes nothing new
└── BadSetting           -     a setting is unknown or wrong; the server does not start

A program that crashes, loops or cheats is none of these: that is a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast, get_args

if TYPE_CHECKING:
    from reward_server.verdicts import TestResult

Loss = Literal["gone", "late", "protocol", "broken", "unjudged", "failed"]
"""How a run was lost. `gone`: its sandbox ended. `late`: it did not answer in time. `protocol`: what it answered cannot
be read. `broken`: it said itself that it could not run the job. `unjudged`: a test ended in our failure. `failed`: a
bug of the server."""
Cause = Literal["judge", "control", "folders", "reply"]
"""What failed in a sandbox, where the submission may be the reason. `judge`, `control`: that process. `folders`: they
could not be emptied. `reply`: the answer could not be read. A machine that lacks memory, a sandbox that ended or hung,
overload, a zygote that was killed, and the problem's own faults have no cause in this sense."""
CAUSES: Final[frozenset[str]] = frozenset(get_args(Cause))
STOPPING: Final = "the server is stopping"
RESTART_S: Final = 5.0
"""After so long a server that stops may be back, or its successor there."""


def cause_named(word: object) -> Cause | None:
    """Read the word by which a sandbox names a cause; it has others for what is none."""
    return cast("Cause", word) if word in CAUSES else None


class RewardServerError(Exception):
    status: ClassVar[int] = 500


class BadRequest(RewardServerError):
    """A field of the request is wrong."""

    status = 422

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message

    def __reduce__(self) -> tuple[type[BadRequest], tuple[str, str]]:
        return type(self), (self.field, self.message)


class NotJson(BadRequest):
    """The body is not JSON in UTF-8."""

    status = 400


class UnknownProblem(BadRequest):
    status = 404


class TooLarge(BadRequest):
    status = 413


class Unauthorized(RewardServerError):
    """There is no key in the request, or none that is known here."""

    status = 401


class ForeignPage(RewardServerError):
    """A browser sends what a page of another site wants."""

    status = 403


class Overloaded(RewardServerError):
    """A bound of the server or of the client is reached."""

    status = 429

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SandboxLost(RewardServerError):
    """A sandbox ended or broke its protocol: nothing is known about the submission."""

    status = 503

    def __init__(self, message: str, loss: Loss = "broken", cause: Cause | None = None) -> None:
        """`cause`: None where no submission can bring this loss about."""
        super().__init__(message)
        self.loss = loss
        self.cause = cause


class Unjudged(SandboxLost):
    """A run came to its end, but at least one of its tests ended in our failure."""

    def __init__(self, message: str, results: tuple[TestResult, ...], cause: Cause | None = None) -> None:
        super().__init__(message, "unjudged", cause)
        self.results = results


class Disturbed(SandboxLost):
    """Work that was lost twice in the same way, each time alone in a fresh sandbox."""

    def __init__(self, lost: SandboxLost) -> None:
        super().__init__(
            f"the sandbox failed over this program, and a fresh one as well: {lost}", lost.loss, lost.cause
        )


class BackendUnavailable(RewardServerError):
    """No sandbox can be started on this machine."""

    status = 503


class Stopping(BackendUnavailable):
    """The server ends what it has begun and takes nothing new."""

    def __init__(self) -> None:
        super().__init__(STOPPING)
        self.retry_after_s = RESTART_S


class BadSetting(RewardServerError):
    """A setting is unknown or wrong. One line for whoever starts the server."""
