"""Whom the kernel kills for want of memory in a full container: a child says nothing for its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import ROOMY, Sandbox, asserts, call, docker_here, returns, stdio
from tests.contract.test_docker import backend, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.schema import Problem


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    docker_here().close()
    with opened(backend(container_memory_mb=64)) as made:
        yield made


FILLED_BY_CHILDREN = """
import mmap, os, sys
shared = mmap.mmap(-1, 2 << 30)
def f(x):
    for part in range(32):
        if not os.fork():
            for at in range(part << 26, (part + 1) << 26, 4096): shared[at] = 1
            os._exit(0)
        if os.wait()[1]: raise ValueError("a child has failed")
    return x
"""


@pytest.mark.alone  # what the kernel kills here would cost embedded sandboxes beside it their runs
@pytest.mark.parametrize(
    ("problem", "then"),
    [
        (stdio(("", "done")), "f(1)"),
        (stdio(("", "done")), "try: f(1)\nexcept ValueError: sys.exit(3)"),
        (call(returns(1, 1), entry_point="f"), ""),
        (asserts("assert f(1) == 1", "f"), ""),
        (asserts("import os\nassert f(1) == 1", "f", isolation="shared"), ""),
    ],
    ids=["traceback", "exit", "call", "asserts", "shared"],
)
def test_a_child_that_fills_the_container_has_exceeded_the_submissions_memory(
    sandbox: Sandbox, problem: Problem, then: str
) -> None:
    """Of what no process of it has any more. Red, a `runtime_error`, where only its own SIGKILL raises the question."""
    roomy = ROOMY.model_copy(update={"memory_mb": 8192})  # no server lets this through
    problem = problem.model_copy(update={"limits": roomy})
    assert sandbox.verdicts(problem, FILLED_BY_CHILDREN + then) == ["memory_exceeded"]
    assert sandbox.output("import os\nos.fork() or os._exit(0)\nos.wait()\nprint(1)") == "1\n"
