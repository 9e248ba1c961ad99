"""Messages name what the user knows: a function by its name, and no class of the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.support import ROOMY, asserts, pytest_files

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CODE = (
    "class Odd: pass\ndef f(x): return x\ndef g(x):\n    yield x\nasync def h(x): return x\ndef odd(x): return Odd()\n"
)
CHECKED = (
    "f(1) == 2",
    "f == 2",
    "f[0] == 1",
    "f + 1 == 2",
    "f < 2",
    "len(f) == 1",
    "g(1) == 2",
    "g(1)[0] == 1",
    "next(g(1)) == 2",
    "h(1) == 2",
    "h(1) + 1 == 2",
    "f.there == 1",
    "odd(1) == 1",
    "[f] == [1]",
    "f(f) == 1",
    "f()",
    "f(1, 2)",
    "int(f) == 1",
    "f in 3",
    "sorted([f, f]) == 1",
    "f(y=1)",
    "all(x for x in f)",
)
INTERNALS = ("Remote", "stand_ins", "reward_server", "Wall", "Unfit", "Refused", "Foreign", "Submodule")


@pytest.mark.parametrize("checked", CHECKED)
@pytest.mark.parametrize("kind", ["asserts", "pytest"])
def test_a_message_names_no_class_of_the_runner(sandbox: Sandbox, kind: str, checked: str) -> None:
    statement = f"assert {checked}"
    if kind == "asserts":
        problem = asserts(statement, limits=ROOMY)
    else:
        source = f"import solution\nfrom solution import f, g, h, odd\ndef test():\n    {statement}"
        problem = pytest_files(source, limits=ROOMY)
    (result,) = sandbox.judge(problem, CODE)
    assert result.verdict in ("wrong_answer", "runtime_error")
    assert [name for name in INTERNALS if name in result.message] == [], result.message


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("f[0]", "TypeError: 'function' object is not subscriptable"),
        ("solution(1)", "TypeError: 'module' object is not callable"),
        ("solution.time(1)", "TypeError: 'module' object is not callable"),
        ("odd(1)", "assert <Odd object> == 1\n +  where <Odd object> = odd(1)"),
    ],
)
def test_it_says_what_python_says(sandbox: Sandbox, statement: str, text: str) -> None:
    source = f"import solution\nfrom solution import f, odd\ndef test():\n    assert {statement} == 1"
    (result,) = sandbox.judge(pytest_files(source, limits=ROOMY), "import time\n" + CODE)
    assert result.message == text


def test_a_function_is_shown_by_its_name(sandbox: Sandbox) -> None:
    source = "import solution\ndef test():\n    assert solution.f(1) == 2"
    (result,) = sandbox.judge(pytest_files(source, limits=ROOMY), CODE)
    assert "1 = <function f at 0x" in result.message
