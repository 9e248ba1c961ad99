"""Test code means the same after it was rewritten so that each of its asserts counts."""

from __future__ import annotations

import ast
import contextlib
import warnings
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from reward_server.judging.asserts import rewrite
from reward_server.judging.classes import class_names
from reward_server.judging.names import star_names
from reward_server.judging.payloads import asserts_payload, pytest_names
from tasks.checks import is_constant
from tasks.schema import functions_of
from tests.contract.support import REPOSITORY
from tests.fuzz.budget import fuzzed, tried

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_our_own_sources_are_rewritten_and_compile() -> None:
    """Each assert becomes a site, except for those of a true constant."""
    for path in sorted(
        path for top in ("tests", "tasks", "reward_server") for path in (REPOSITORY / top).rglob("*.py")
    ):
        tried("rewriting")
        source = path.read_text(encoding="utf-8")
        rewritten = rewrite(source)
        tree = ast.parse(rewritten.source)
        compile(tree, str(path), "exec", dont_inherit=True)
        asserts = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
        counted = [node for node in asserts if counts(node.test)]
        assert len(rewritten.sites) == max(1, len(counted)), path
        assert sum(isinstance(node, ast.Assert) for node in ast.walk(tree)) == len(asserts), path


ATOMS = ["a", "b", "note(1)", "note(0)", "fail()", "[a, b]", "1", "0", "'é'", "None", "f'{a!r:>3}'", "'\\'\"'"]
expressions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "==", "and", "or", "is not", "<", "in"]), inner)
        | st.builds("(not {})".format, inner)
        | st.builds("(lambda a, *b, c=1: {})(2)".format, inner)
        | st.builds("[a for a in note([1, 2]) if {}]".format, inner)
        | st.builds("(b := {})".format, inner)
        | st.builds("note({} if {} else 5)".format, inner, inner)
    ),
    max_leaves=4,
)
simple = (
    st.builds("assert {}".format, expressions)
    | st.builds("assert {}, {}".format, expressions, expressions)
    | st.sampled_from(
        ["assert True", "assert False", "assert 0, 'no'", "pass", "b = note(b)", "fail()", "raise OSError"]
    )
    | expressions
)


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map(lambda lines: indented("\n".join(lines)))
    errors = st.sampled_from(["AssertionError", "OSError", "Exception"])
    return (
        st.builds("if {}:\n{}\nelse:\n{}".format, expressions, body, body)
        | st.builds("for a in [1, 2]:\n{}\n    {}".format, body, st.sampled_from(["break", "continue", "pass"]))
        | st.builds(
            "try:\n{}\nexcept {} as error:\n    note(str(error))\n{}\nfinally:\n{}".format, body, errors, body, body
        )
        | st.builds("try:\n{}\nexcept* AssertionError as errors:\n    note(len(errors.exceptions))".format, body)
        | st.builds("with {}() as a:\n{}".format, st.sampled_from(["quiet", "loud"]), body)
        | st.builds("def f(a=1, b=2):\n{}\n    return {}\nnote(f())".format, body, expressions)
        | st.builds("class A:\n    a = b = 1\n{}".format, body)
        | st.builds("def g(a=1, b=2):\n{}\n    yield a\nnote(list(g()))".format, body)
        | st.builds("async def h(a=1, b=2):\n{}\nrun(h())".format, body)
        | st.builds(
            "match {}:\n    case [a, *b] if a:\n    {}\n    case _:\n    {}".format,
            expressions,
            *[body.map(inline)] * 2,
        )
    )


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def inline(body: str) -> str:
    """A body of one more level, as what follows four spaces."""
    return indented(body).removeprefix("    ")


heads = st.lists(st.sampled_from(["'doc'", "from __future__ import annotations", "# nothing"]), max_size=2)
programs = st.builds(
    lambda head, statements: "\n".join([*sorted(head), *statements]),
    heads,
    st.lists(st.recursive(simple, compound, max_leaves=6), max_size=4),
)


class Meaning:
    """What a program does: what it notes, in order, and how it ends."""

    def __init__(self, source: str) -> None:
        self.noted: list[str] = []
        names: dict[str, Any] = {name: getattr(self, name) for name in ("note", "fail", "quiet", "loud", "run")}
        around = contextlib.nullcontext  # the judge's sites, but that each failure goes on its way
        names |= {"a": 1, "b": 2, "__site__": around, "__raising_site__": around, "__never__": around}
        names["__saw__"] = lambda operand: operand
        try:
            exec(compile(source, "tests.py", "exec", dont_inherit=True), names)
            self.ending = "returned"
        except Exception as error:  # noqa: BLE001 - whatever it ends in
            self.ending = f"{type(error).__name__}: {error}"

    def note(self, value: Any) -> Any:
        self.noted.append(repr(value) if type(value) in (int, str, list, bool) else type(value).__name__)
        return value

    def fail(self) -> None:
        self.note("failing")
        raise OSError("no")

    @contextlib.contextmanager
    def quiet(self) -> Iterator[int]:
        with contextlib.suppress(AssertionError):
            yield 3

    @contextlib.contextmanager
    def loud(self) -> Iterator[int]:
        try:
            yield 4
        finally:
            self.note("left")

    def run(self, work: Any) -> Any:
        """Drive a coroutine that waits for nothing."""
        try:
            work.send(None)
        except StopIteration as ended:
            return ended.value


@fuzzed(0.06)
@given(programs)
def test_rewritten_code_does_what_the_source_does(source: str) -> None:
    tried("rewriting")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `1 is not 'é'` and its like
        try:
            compile(source, "tests.py", "exec", dont_inherit=True)
        except SyntaxError:
            return
        rewritten = rewrite(source)
        before, *after = map(Meaning, (source, rewritten.source, rewritten.run))
    assert all((each.noted, each.ending) == (before.noted, before.ending) for each in after)
    counted = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    counted = [node for node in counted if counts(node.test)]
    assert len(rewritten.sites) == max(1, len(counted))


def counts(test: ast.expr) -> bool:
    """Whether an assert is a test: one of constants says nothing of anybody, but for one that must not be reached."""
    return not test.value if isinstance(test, ast.Constant) else not is_constant(test)


DEEP = [
    "({})",
    "[{}]",
    "{{1: {}}}",
    "-{}",
    "not {}",
    "x.y({})",
    "{}.a",
    "{} + 1",
    "1 if x else {}",
    "lambda: {}",
    "{}[0]",
]


@fuzzed(0.02)
@given(
    st.lists(st.sampled_from(DEEP), min_size=1, max_size=3), st.integers(1, 150), st.sampled_from(["x", "0xf", "'a'"])
)
def test_what_becomes_a_problem_can_be_judged(wraps: list[str], depth: int, core: str) -> None:
    """A source is refused at the door, or all that looks at it comes to its end."""
    tried("rewriting")
    expression = core + ("f" * 40 * depth if core == "0xf" else "")
    for level in range(depth):
        expression = wraps[level % len(wraps)].format(expression)
    source = f"assert f({expression})\nf({expression})"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            functions_of(source)
        except ValueError:
            return
        asserts_payload(source, "f")
        pytest_names((("test_it.py", source),))
        class_names(source)
        star_names(source)
