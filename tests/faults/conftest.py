from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.fire import under_fire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.strikes import Target


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "faults":
            item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="module", params=["embedded", "docker"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """One server for all tests of a module: each finds it whole, and at the end nothing is left of it."""
    with under_fire(request.param) as served:
        yield served
