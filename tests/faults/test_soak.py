"""The soak, short: programs of every kind, one in a hundred hostile, and every fault. `make soak` runs it long."""

from __future__ import annotations

import pytest

from tests.bench.soak import soak
from tests.contract.support import IMAGE, docker_here
from tests.faults.strikes import STRIKES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SECONDS, FAULT_EVERY_S = 80, 8


@pytest.mark.parametrize("backend", ["embedded", "docker"])
def test_no_reward_is_wrong_and_nothing_is_left(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSRATE_IMAGE", IMAGE)
    daemon = docker_here() if backend == "docker" else None
    soaked = soak(backend, 2, daemon, seconds=SECONDS, fault_every_s=FAULT_EVERY_S, batch=100)
    if daemon is not None:
        daemon.close()
    assert soaked.wrong == []
    assert soaked.unanswered == 0
    assert soaked.left == []
    assert soaked.missing.total() <= soaked.struck.total(), soaked.missing
    assert len(soaked.struck) >= len(STRIKES) - 2, "the machine was too slow for the faults to come"
