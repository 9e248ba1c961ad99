from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.conftest import sandbox
from tests.contract.support import BACKENDS, docker_here
from trainer.attack.attacking import SIDE_BY_SIDE, Outcome, attack
from trainer.attack.payloads import PAYLOADS

if TYPE_CHECKING:
    from trainer.attack.payload import Payload

__all__ = ["sandbox"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.sandbox)


@pytest.fixture(scope="module", params=BACKENDS)
def outcomes(request: pytest.FixtureRequest) -> dict[str, Outcome]:
    """What came of each payload that is asked for: all of them run at once, some side by side."""
    found: dict[str, Outcome] = {}
    asked_for = {item.callspec.params.get("payload") for item in request.session.items if hasattr(item, "callspec")}
    payloads = [payload for section in PAYLOADS.values() for payload in section if payload in asked_for]

    def note(payload: Payload, outcome: Outcome) -> None:
        found[payload.name] = outcome

    async def run() -> None:
        backend = BACKENDS[request.param]()
        try:
            await attack(backend, payloads, note, SIDE_BY_SIDE)
        finally:
            await backend.close()

    if request.param == "docker":
        docker_here().close()
    asyncio.run(run())
    return found
