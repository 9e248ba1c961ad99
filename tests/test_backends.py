"""Which backend is chosen, and that it is said. The suite that every backend must pass is `tests/contract/`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from reward_server import backends
from reward_server.backends.fake import FakeBackend
from reward_server.errors import BackendUnavailable
from reward_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_server.backends.base import Backend


class Strong(FakeBackend):
    name = "docker"
    covers = "much"


class Weak(FakeBackend):
    name = "embedded"
    covers = "less"


def absent(_: Settings) -> Backend:
    raise BackendUnavailable("no Docker daemon answers: start it")


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Backend]:
    def choose(asked: str, *, docker: Callable[[Settings], Backend]) -> Backend:
        monkeypatch.setattr(backends, "BACKENDS", {"docker": docker, "embedded": lambda _: Weak()})
        return backends.choose_backend(Settings.model_validate({"backend": asked}))

    return choose


def test_auto_takes_docker_where_it_works(choose: Callable[..., Backend], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert isinstance(choose("auto", docker=lambda _: Strong()), Strong)
    (event,) = caplog.records
    assert (event.chosen, event.covers, event.passed_over) == ("docker", "much", {})  # type: ignore[attr-defined]


def test_auto_takes_the_embedded_one_where_docker_does_not_work_and_says_why(
    choose: Callable[..., Backend], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert isinstance(choose("auto", docker=absent), Weak)
    (event,) = caplog.records
    assert event.passed_over == {"docker": "no Docker daemon answers: start it"}  # type: ignore[attr-defined]


def test_a_named_backend_is_taken_or_refused(choose: Callable[..., Backend]) -> None:
    """Never a weaker one in its place."""
    assert isinstance(choose("embedded", docker=lambda _: Strong()), Weak)
    with pytest.raises(BackendUnavailable, match="start it"):
        choose("docker", docker=absent)
