from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import BACKENDS, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "contract":
            item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    sandbox = Sandbox(BACKENDS[request.param]())
    yield sandbox
    sandbox.close()
