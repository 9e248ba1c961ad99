"""Every error that the reward server raises, with its HTTP status.

RewardServerError        500
├── BadRequest           422   a field is wrong; names it and the fix
│   ├── NotJson          400   the body is not JSON in UTF-8; names the position
│   ├── UnknownProblem   404   no inline problem and no stored one has this id
│   └── TooLarge         413   more bytes or items than the server takes at once
├── Overloaded           429   the queue is full; retry later
├── SandboxLost          503   no verdict could be had
│   └── Unjudged         503   the same for one test or more, in a sandbox that may go on
├── JudgingFailed        500   a bug of ours in a judging process
├── BackendUnavailable   503   no sandbox can be started here; says how to mend it
└── BadSetting           -     a setting is unknown or wrong; the server does not start

A program that crashes, loops or cheats is none of these: that is a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from reward_server.verdicts import TestResult


class RewardServerError(Exception):
    status: ClassVar[int] = 500


class BadRequest(RewardServerError):
    """A field of the request is wrong."""

    status = 422

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class NotJson(BadRequest):
    """The body is not JSON in UTF-8."""

    status = 400


class UnknownProblem(BadRequest):
    status = 404


class TooLarge(BadRequest):
    status = 413


class Overloaded(RewardServerError):
    """The queue is full."""

    status = 429

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SandboxLost(RewardServerError):
    """A sandbox ended or broke its protocol: nothing is known about the submission."""

    status = 503


class Unjudged(SandboxLost):
    """A run came to its end, but at least one of its tests ended in our failure."""

    def __init__(self, message: str, results: tuple[TestResult, ...]) -> None:
        super().__init__(message)
        self.results = results


class JudgingFailed(RewardServerError):
    """A judging process raised what it should not: its log says more."""


class BackendUnavailable(RewardServerError):
    """No sandbox can be started on this machine."""

    status = 503


class BadSetting(RewardServerError):
    """A setting is unknown or wrong. One line for whoever starts the server."""
