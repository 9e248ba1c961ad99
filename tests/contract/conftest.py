from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reward_server.backends.embedded import EmbeddedBackend
from reward_server.errors import BackendUnavailable
from tests.contract.support import BACKENDS, WITH_PACKAGES, without_docker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reward_server.backends.base import Backend
    from tests.contract.support import Sandbox, Sandboxes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "contract":
            item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest, sandboxes: Sandboxes) -> Sandbox:
    return lent(sandboxes, BACKENDS, request.param)


@pytest.fixture(scope="module", params=WITH_PACKAGES)
def with_packages(request: pytest.FixtureRequest, sandboxes: Sandboxes) -> Sandbox:
    """A sandbox whose Python has numpy, pandas and sympy."""
    pytest.importorskip("pandas")
    if request.param == "embedded":
        skip_where_unseen(WITH_PACKAGES["embedded"]())
    return lent(sandboxes, WITH_PACKAGES, request.param)


def skip_where_unseen(backend: Backend) -> None:
    """Skip where these tests' own interpreter lies in a folder that each sandbox has of its own, such as /tmp."""
    assert isinstance(backend, EmbeddedBackend)
    try:
        backend.command()
    except BackendUnavailable as error:
        pytest.skip(f"NOT TESTED on embedded: {error}")


def lent(sandboxes: Sandboxes, backends: Mapping[str, Callable[[], Backend]], name: str) -> Sandbox:
    try:
        return sandboxes.lend(backends[name])
    except BackendUnavailable as error:
        if name != "docker":
            raise
        without_docker(error)
