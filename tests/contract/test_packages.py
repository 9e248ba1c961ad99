"""Packages that take long to import: which ones a source asks for, and runs from a process that has them."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from reward_server.backends.embedded import BubblewrapProcess, EmbeddedBackend
from reward_server.judging import plan
from reward_server.judging.packages import slow_package
from reward_server.runner.cell import MOST_ZYGOTES
from reward_server.settings import Settings
from tests.contract.conftest import skip_where_unseen
from tests.contract.support import ROOMY, Sandbox, asserts, call, children, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tasks.schema import Problem


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("import numpy as np", "numpy"),
        ("import os, numpy", "numpy"),
        ("def f():\n    from numpy.linalg import norm", "numpy"),
        ("from scipy import stats", "numpy"),
        ("import numpy\nimport pandas", "pandas"),
        ("import sympy", "sympy"),
        ("import math  # as numpy does", ""),
        ("from mynumpy import x", ""),
        ("import numpyro", ""),
        ("print('import')\nnumpy = 1", ""),
        ("", ""),
    ],
)
def test_the_package_is_read_from_the_imports(source: str, package: str) -> None:
    assert slow_package(source) == package


def test_tests_ask_for_packages_as_well() -> None:
    """A judge that imports numpy for each submission is as slow as the submissions."""
    assert plan(asserts("import numpy\nassert f() == numpy.pi", "f"), "def f(): return 3").package == "numpy"
    assert plan(pytest_files("import sympy\ndef test_it(): assert sympy.pi"), "").package == "sympy"
    assert plan(stdio(("", "")), "import pandas").package == "pandas"
    assert plan(stdio(("", ""), compare={"checker": "import numpy\ndef check(*_): return True"}), "").package == ""


SAW = "import sys\nseen = sorted({'numpy', 'pandas', 'sympy'} & set(sys.modules))\n"


@pytest.mark.parametrize(
    ("code", "seen"),
    [("", []), ("import numpy", ["numpy"]), ("import sympy", ["sympy"]), ("import pandas", ["numpy", "pandas"])],
)
def test_a_program_finds_its_package_loaded_and_no_other(with_packages: Sandbox, code: str, seen: list[str]) -> None:
    """Red without the zygotes: it found nothing, and took as long as an import takes."""
    problem = call(returns(seen), limits=ROOMY)
    assert with_packages.verdicts(problem, f"{SAW}{code}\ndef solve(): return seen") == ["passed"]


@pytest.mark.parametrize(
    ("code", "numbers"),
    [
        ("import numpy", "numpy.random.random()"),
        ("import sympy.core.random", "sympy.core.random.random()"),
        ("import numpy, random", "random.random()"),
    ],
)
def test_no_two_runs_draw_the_same_random_numbers(with_packages: Sandbox, code: str, numbers: str) -> None:
    """They come of one process, whose generators were seeded once. Red without seeding before each fork."""
    drawn = {with_packages.output(f"{code}\nprint({numbers})") for _ in range(4)}
    assert len(drawn) == 4


SOURCES = "import numpy as np\ndef solve(x):\n    return np.sort(np.array(x))[::-1].tolist()"
PROBLEMS: dict[str, Problem] = {
    "call": call(returns([3, 2, 1], [2, 3, 1]), returns([0], [1]), limits=ROOMY),
    "asserts": asserts(
        "import numpy as np\nassert solve([1, 2]) == [2, 1]\nassert np.allclose(solve(np.array([1.0])), [1.5])",
        "solve",
        limits=ROOMY,
    ),
    "pytest": pytest_files(
        "import numpy as np\nfrom solution import solve\n"
        "def test_a():\n    assert solve(np.arange(3)) == [2, 1, 0]\ndef test_b():\n    assert solve([]) == [1]",
        limits=ROOMY,
    ),
    "stdio": stdio(("1 2", "3"), ("4", "5"), limits=ROOMY),
}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_verdicts_are_those_of_programs_that_import_for_themselves(
    with_packages: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    code = SOURCES if kind != "stdio" else "import numpy\nprint(numpy.array(input().split(), int).sum())"
    loaded = with_packages.judge(PROBLEMS[kind], code)
    monkeypatch.setattr(sys.modules[plan.__module__], "slow_package", lambda *_: "")
    themselves = with_packages.judge(PROBLEMS[kind], code)
    assert [(one.verdict, one.message) for one in loaded] == [(one.verdict, one.message) for one in themselves]
    assert [one.verdict for one in loaded] == ["passed", "wrong_answer"]


def test_a_package_that_is_not_there_is_missed_by_its_importer_alone(sandbox: Sandbox) -> None:
    """Both backends' Python here is a bare one: the process that should have it loaded starts without."""
    problem = call(returns(1), limits=ROOMY)
    (result,) = sandbox.judge(problem, "import numpy\ndef solve(): return 1")
    if result.verdict != "passed":  # an image, or an interpreter, that has it
        assert result.verdict == "runtime_error"
        assert result.message.startswith("ModuleNotFoundError: No module named 'numpy' (solution.py:")
    assert sandbox.verdicts(problem, "def f():\n    import numpy\ndef solve(): return 1") == ["passed"]


def test_a_slot_keeps_few_processes_however_many_packages_are_asked_for() -> None:
    """Each holds what its package takes of memory. Red without the bound: 8 were held."""
    with asyncio.Runner() as runner:
        backend = EmbeddedBackend(Settings.from_env({}, sandbox_python=sys.executable))
        skip_where_unseen(backend)
        slot = runner.run(backend.open_slot())
        assert isinstance(slot.process, BubblewrapProcess)
        try:
            for package in ("numpy", "pandas", "sympy", "math", "numpy"):
                problem = pytest_files(f"import {package}\ndef test_it(): assert {package}", limits=ROOMY)
                runner.run(slot.run(plan(problem, "")))
            bwrap = slot.process.process.pid
            ((plain, *_),) = map(children, children(bwrap))
            assert 3 <= 1 + len(children(plain)) <= MOST_ZYGOTES
        finally:
            runner.run(slot.close())
            runner.run(backend.close())
