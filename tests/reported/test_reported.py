from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.support import IMAGE, docker_here
from tests.reported.rows import KINDS, judge, rows_of
from trainer.local_server import local_server

if TYPE_CHECKING:
    from collections.abc import Iterator


BACKEND = "X-Backend"
"""For the tests alone: what the server was started with."""


@pytest.fixture(scope="module", params=["embedded", "docker"])
def http(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    if request.param == "docker":
        docker_here()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PASSRATE_IMAGE", IMAGE)
        with (
            local_server(backend=request.param) as url,
            httpx.Client(base_url=url, timeout=110, trust_env=False, headers={BACKEND: request.param}) as client,
        ):
            yield client


@pytest.mark.sandbox
@pytest.mark.timeout(600)  # many rows a kind, some of which loop
@pytest.mark.parametrize("kind", KINDS)
def test_each_input_has_its_right_reward(http: httpx.Client, kind: str) -> None:
    rows = rows_of(kind)
    if http.headers[BACKEND] == "docker":  # the image of the tests has no numpy
        rows = [row for row in rows if "numpy" not in json.dumps([row.problem, row.program])]
    assert [str(outcome) for outcome in judge(http, rows) if not outcome.right] == []


def test_each_row_has_an_id_of_its_own() -> None:
    ids = [row.id for kind in KINDS for row in rows_of(kind)]
    assert len(set(ids)) == len(ids)
