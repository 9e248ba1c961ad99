from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any, Literal

import pytest

from reward_server.verdicts import TestResult, Verdict
from tasks.schema import Problem
from trainer.audit import Audit, Program, is_strong_enough, mean_strength, programs_for
from trainer.cli import main
from trainer.mutants import MANY, mutants
from trainer.wire import Result, unscored
from trainer.wrong_programs import wrong_programs

if TYPE_CHECKING:
    from pathlib import Path

CASES = [{"args": [1, 2], "expected": 3}, {"args": [2, 2], "expected": 4}]
CALL = {"entry_point": "add", "tests": {"kind": "call", "cases": CASES}}
METHOD = {"entry_point": "Sum.of", "tests": {"kind": "call", "cases": CASES}}
ASSERTS = {"entry_point": "add", "tests": {"kind": "asserts", "source": "assert add(1, 2) == 3"}}
CLASS = {
    "tests": {"kind": "asserts", "source": "assert Counter(3).up() == 4\nassert Counter.zero() == 0"},
    "reference": (
        "class TooMany(ValueError):\n    pass\n\nclass Counter:\n"
        "    def __init__(self, n):\n        self.n = n\n"
        "    def up(self):\n        return self.n + 1\n"
        "    @staticmethod\n    def zero():\n        return 0\n"
        "    @property\n    def count(self):\n        return self.n\n"
    ),
}
PYTEST = {
    "tests": {
        "kind": "pytest",
        "files": {"test_it.py": "from solution import double\ndef test_it(): assert double(1) == 2\n"},
    },
    "reference": "async def double(x):\n    return 2 * x",
}
STDIO = {"tests": {"kind": "stdio", "cases": [{"stdin": "4\n", "stdout": "8\n"}, {"stdin": "1\n", "stdout": "2\n"}]}}
KINDS: dict[str, dict[str, Any]] = {
    "call": CALL,
    "method": METHOD,
    "asserts": ASSERTS,
    "class": CLASS,
    "pytest": PYTEST,
    "stdio": STDIO,
}


def problem(fields: dict[str, Any], **more: Any) -> Problem:
    return Problem.model_validate({"id": "p"} | fields | more)


def tried(
    name: str, kind: Literal["template", "mutant"], verdicts: list[Verdict] | None, tests: tuple[str, ...] = ()
) -> tuple[Program, Result]:
    """Make a program and what became of it; None where it has no verdict."""
    program = Program("p", kind, name, "pass")
    if verdicts is None:
        return program, unscored("lost")
    names = tests or ("",) * len(verdicts)
    results = tuple(TestResult(verdict, name=test) for verdict, test in zip(verdicts, names, strict=True))
    passed = verdicts.count("passed")
    worst: Verdict = next((verdict for verdict in verdicts if verdict != "passed"), "passed")
    share = passed / len(verdicts)
    return program, Result(share, share, passed, len(verdicts), worst, results)


def audit_of(*all_tried: tuple[Program, Result]) -> Audit:
    return Audit("p", all_tried)


@pytest.mark.parametrize("kind", KINDS)
def test_every_wrong_program_compiles_and_has_a_name_of_its_own(kind: str) -> None:
    programs = programs_for(problem(KINDS[kind]))
    assert len({program.name for program in programs}) == len(programs) > 10
    assert len({program.code for program in programs}) == len(programs)
    for program in programs:
        compile(program.code, program.name, "exec")


def run(code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    return namespace


def test_functions_return_constants_or_what_they_were_given() -> None:
    made = {name: run(code) for name, code in wrong_programs(problem(CALL))}
    assert made["returns None"]["add"](1, 2) is None
    assert made["returns []"]["add"](1, b=2) == []
    assert made["returns its first argument"]["add"](1, 2) == 1
    assert made["returns its first argument"]["add"]() is None
    assert made["returns its arguments as a list"]["add"](1, b=2) == [1, 2]
    assert made["returns what equals everything"]["add"](1, 2) == 77
    with pytest.raises(ValueError, match=r"^$"):
        made["raises a ValueError"]["add"](1, 2)


def test_the_first_case_is_known_and_no_other() -> None:
    made = {name: run(code)["add"] for name, code in wrong_programs(problem(CALL))}
    assert made["does what the first case expects"](2, 2) == 3
    assert made["knows only the first case"](1, 2) == 3
    assert made["knows only the first case"](2, 2) is None


def test_an_expected_exception_is_raised() -> None:
    cases = [{"args": [0], "raises": "KeyError"}]
    made = dict(wrong_programs(problem(CALL, tests={"kind": "call", "cases": cases})))
    with pytest.raises(KeyError):
        run(made["does what the first case expects"])["add"](5)


def test_values_that_python_cannot_write_are_left_out() -> None:
    """A program that ends in a NameError for `nan` would count as rejected."""
    cases = [{"args": [], "expected": [float("nan")]}]
    made = dict(wrong_programs(problem(CALL, tests={"kind": "call", "cases": cases})))
    assert "knows only the first case" not in made
    assert "returns None" in made


def test_all_methods_are_emptied_and_constructors_take_anything() -> None:
    made = run(dict(wrong_programs(problem(CLASS)))["returns its first argument"])
    counter = made["Counter"](1, 2, key=3)
    assert counter.up(5) == 5
    assert made["Counter"].zero(6) == 6
    assert counter.count is None
    assert issubclass(made["TooMany"], ValueError)


def test_a_method_is_made_without_a_reference() -> None:
    made = run(dict(wrong_programs(problem(METHOD)))["returns 1"])
    assert made["Sum"]().of(4, 5) == 1


@pytest.mark.parametrize("reference", [None, "x = 1", "def ("])
def test_a_reference_without_the_entry_point_is_of_no_use(reference: str | None) -> None:
    made = run(dict(wrong_programs(problem(CALL, reference=reference)))["returns 1"])
    assert made["add"]() == 1


def test_nothing_is_written_where_no_function_is_known() -> None:
    assert programs_for(problem(PYTEST, reference=None)) == []


def test_programs_print_what_they_read_or_the_first_case() -> None:
    made = dict(wrong_programs(problem(STDIO)))
    assert "'8\\n'" in made["prints what the first case expects"]
    assert "'4\\n'" in made["knows only the first case"]
    assert made["prints YES"] == "print('YES')"


@pytest.mark.parametrize(
    ("source", "mutant"),
    [
        ("a < b", "a <= b"),
        ("a == b", "a != b"),
        ("a not in b", "a in b"),
        ("a + b", "a - b"),
        ("a -= b", "a += b"),
        ("a and b", "a or b"),
        ("f(41)", "f(42)"),
        ("def f():\n    return a", "def f():\n    return None"),
        ("a if b else c", "a if not b else c"),
        ("while a:\n    pass", "while not a:\n    pass"),
    ],
)
def test_a_mutant_has_one_change(source: str, mutant: str) -> None:
    assert [ast.dump(ast.parse(code)) for _, code in mutants(source)] == [ast.dump(ast.parse(mutant))]


@pytest.mark.parametrize("source", ["f(True)", "def f():\n    return", "def f():\n    return None", "'1'", "def (", ""])
def test_some_sources_have_no_mutant(source: str) -> None:
    assert mutants(source) == []


def test_mutants_are_few_spread_out_and_the_same_every_time() -> None:
    source = "\n".join(f"f({number})" for number in range(100))
    made = mutants(source)
    assert len(made) == MANY
    assert made == mutants(source)
    assert made[0][0] == "line 1: 0 becomes 1"
    assert made[-1][0].startswith("line 9")
    assert mutants("f(1)\ng(a < b)")[1][0] == "line 2: < becomes <="


def test_a_problem_is_weak_if_a_program_that_solves_nothing_passes() -> None:
    weak = audit_of(tried("returns 0", "template", ["passed"]), tried("returns 1", "template", ["wrong_answer"]))
    assert weak.is_weak
    assert weak.strength == 0.5
    assert weak.accepted("template") == ["returns 0"]
    strong = audit_of(tried("returns 0", "template", ["passed", "wrong_answer"]))
    assert not strong.is_weak
    assert strong.strength == 1.0


def test_a_mutant_that_passes_makes_no_problem_weak() -> None:
    """It may be the reference in other words."""
    one = audit_of(tried("returns 0", "template", ["wrong_answer"]), tried("line 1", "mutant", ["passed"]))
    assert not one.is_weak
    assert one.strength == 0.5
    assert (one.accepted("template"), one.accepted("mutant")) == ([], ["line 1"])


def test_a_program_without_a_verdict_counts_neither_way() -> None:
    one = audit_of(tried("a", "template", None), tried("b", "template", ["passed"]), tried("c", "template", ["passed"]))
    assert one.strength == 0.0
    assert len(one.judged) == 2
    lost = audit_of(tried("a", "template", None))
    assert lost.strength is None
    assert not lost.is_weak
    assert mean_strength([one, lost]) == 0.0
    assert mean_strength([lost]) is None
    assert is_strong_enough(lost, None)
    assert not is_strong_enough(lost, 0.1)


def test_tests_are_told_by_name_or_place_and_skipped_ones_say_nothing() -> None:
    places = audit_of(
        tried("a", "template", ["passed", "wrong_answer"]), tried("b", "mutant", ["runtime_error", "skipped"])
    )
    assert places.rejections() == {"case 1": 1, "case 2": 1}
    named = audit_of(
        tried("a", "template", ["passed", "wrong_answer"], ("line 1", "line 2")),
        tried("b", "template", ["runtime_error", "runtime_error"]),  # failed before its tests
    )
    assert named.rejections() == {"line 1": 0, "line 2": 1}


@pytest.mark.sandbox
def test_audit_names_the_weak_problem_and_exits_with_1_where_strength_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PASSRATE_URL", raising=False)
    strong = CALL | {"id": "strong", "reference": "def add(a, b):\n    return a + b"}
    idle = {"kind": "asserts", "source": "assert is_even(2)\nassert callable(is_even)"}
    weak = {
        "id": "weak",
        "entry_point": "is_even",
        "tests": idle,
        "reference": "def is_even(n):\n    return n % 2 == 0",
    }
    (tmp_path / "both.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (strong, weak)))
    report = tmp_path / "report.json"
    options = ["audit", "--problems", str(tmp_path / "both.jsonl"), "--backend", "embedded", "--json", str(report)]
    assert main(options) == 0
    shown = capsys.readouterr().out
    assert "returns True" in shown
    assert "2 problems" in shown
    assert "1 weak" in shown
    found = json.loads(report.read_text())
    assert found["weak"] == ["weak"]
    assert (found["unknown"], found["unscored"]) == ([], 0)
    first, second = found["audits"]
    assert (first["problem"], second["problem"]) == ("weak", "strong")
    assert "returns True" in first["accepted_templates"]
    assert first["tests_that_reject_nothing"] == ["line 2"]
    assert second["strength"] == 1.0
    assert second["tests_that_reject_nothing"] == []
    assert {"name", "kind", "code", "pass_rate", "verdict"} == set(second["programs"][0])
    assert {program["kind"] for program in second["programs"]} == {"template", "mutant"}
    assert main([*options, "--min-strength", "0.9"]) == 1
