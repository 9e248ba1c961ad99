from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reward_server.errors import BackendUnavailable
from tests.contract.support import BACKENDS, Sandbox, without_docker

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "contract":
            item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    try:
        backend = BACKENDS[request.param]()
    except BackendUnavailable as error:
        if request.param != "docker":
            raise
        without_docker(error)
    sandbox = Sandbox(backend)
    yield sandbox
    sandbox.close()
