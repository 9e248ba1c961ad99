"""The backends by name. Each is imported when it is chosen, so that one needs nothing of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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

AUTO: Final = "embedded"
"""What `auto` takes."""


def choose_backend(settings: Settings) -> Backend:
    """Make the backend that the settings name; it never falls back to a weaker one. Raises: BackendUnavailable."""
    return BACKENDS[AUTO if settings.backend == "auto" else settings.backend](settings)
