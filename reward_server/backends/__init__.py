"""The backends by name. Each is imported when it is chosen, so that one needs nothing of the others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from reward_server.errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reward_server.backends.base import Backend
    from reward_server.settings import Settings


def _embedded(settings: Settings) -> Backend:
    from reward_server.backends.embedded import EmbeddedBackend  # noqa: PLC0415 imported when chosen

    return EmbeddedBackend(settings)


def _docker(settings: Settings) -> Backend:
    from reward_server.backends.docker import DockerBackend  # noqa: PLC0415 imported when chosen

    return DockerBackend(settings)


BACKENDS: Final[Mapping[str, Callable[[Settings], Backend]]] = {"embedded": _embedded, "docker": _docker}

STRONGEST_FIRST: Final = ("docker", "embedded")

log = logging.getLogger(__name__)


def choose_backend(settings: Settings) -> Backend:
    """Make the backend that the settings name; log which, and what it covers. Raises: BackendUnavailable.

    `auto` takes the strongest that works here, before any program has run; a named one is taken or refused. Neither is
    ever exchanged for another later on.
    """
    if settings.backend != "auto":
        return _made(settings.backend, settings, {})
    passed_over: dict[str, str] = {}
    for name in STRONGEST_FIRST[:-1]:
        try:
            return _made(name, settings, passed_over)
        except BackendUnavailable as error:
            passed_over[name] = str(error)
    return _made(STRONGEST_FIRST[-1], settings, passed_over)


def _made(name: str, settings: Settings, passed_over: Mapping[str, str]) -> Backend:
    backend = BACKENDS[name](settings)
    log.info("backend", extra={"chosen": name, "covers": backend.covers, "passed_over": passed_over})
    return backend
