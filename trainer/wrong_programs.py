"""Programs that solve nothing: for each kind of test the answers that a weak one would accept.

Pure: writes source, runs nothing. A trivial problem may make one of them right, such as one that asks for its argument.
"""

from __future__ import annotations

import ast
import textwrap
from typing import TYPE_CHECKING, Any

from tasks.schema import CallTests, StdioTests, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.schema import Problem, StdioCase

CONSTANTS: tuple[Any, ...] = (None, 0, 1, -1, True, False, "", [], {})
PRINTED = ("0", "1", "-1", "YES", "NO")

EQUALS_EVERYTHING = """
class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    __hash__ = object.__hash__
    def __sub__(self, other): return 0
    __rsub__ = __sub__
    def __abs__(self): return 0
return Same()
"""
ENDS_THE_PROCESS = "import os\nos._exit(0)"
CONSTRUCTORS = {"__init__", "__post_init__"}
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def wrong_programs(problem: Problem) -> list[tuple[str, str]]:
    """Write (name, code) of programs that solve nothing.

    Returns: none for a problem whose functions are not known, as it has neither an entry point nor a reference.
    """
    if isinstance(problem.tests, StdioTests):
        return list(_printing(problem.tests.cases))
    outline = _outline(problem)
    return [(name, _filled(outline, body)) for name, body in _bodies(problem.tests)] if outline else []


def _printing(cases: Sequence[StdioCase]) -> Iterator[tuple[str, str]]:
    yield "prints nothing", "pass"
    yield "prints its stdin", "import sys\nsys.stdout.write(sys.stdin.read())"
    yield "prints the first line of its stdin", "import sys\nprint(sys.stdin.readline())"
    for text in PRINTED:
        yield f"prints {text}", f"print({text!r})"
    first = f"sys.stdout.write({cases[0].stdout!r})"
    yield "prints what the first case expects", f"import sys\n{first}"
    yield "knows only the first case", f"import sys\nif sys.stdin.read() == {cases[0].stdin!r}:\n    {first}"
    yield "raises a ValueError", "raise ValueError"
    yield "ends the process", ENDS_THE_PROCESS


def _bodies(tests: object) -> Iterator[tuple[str, str]]:
    """Write the bodies that functions get; what these were called with is `args` and `kwargs`."""
    for value in CONSTANTS:
        yield f"returns {value!r}", f"return {value!r}"
    yield "returns its first argument", "return next(iter([*args, *kwargs.values()]), None)"
    yield "returns its arguments as a list", "return [*args, *kwargs.values()]"
    yield "returns its arguments as a tuple", "return (*args, *kwargs.values())"
    first = tests.cases[0] if isinstance(tests, CallTests) else None
    if first is not None and _is_literal([first.args, first.kwargs, first.expected]):
        outcome = f"raise {first.raises}" if first.raises else f"return {first.expected!r}"
        if first.raises or first.expected not in CONSTANTS:
            yield "does what the first case expects", outcome
        known = f"list(args) == {list(first.args)!r} and kwargs == {first.kwargs!r}"
        yield "knows only the first case", f"if {known}:\n    {outcome}"
    yield "raises a ValueError", "raise ValueError"
    yield "returns what equals everything", EQUALS_EVERYTHING
    yield "ends the process", ENDS_THE_PROCESS


def _is_literal(value: object) -> bool:
    """Whether its repr is Python source for it: not so for NaN, or the dates of TOML."""
    try:
        ast.literal_eval(repr(value))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _outline(problem: Problem) -> str:
    """Find source that defines what the tests call: the reference, else the entry point alone, else nothing."""
    name, _, method = (problem.entry_point or "").partition(".")
    try:
        body = parse(problem.reference or "").body
    except ValueError:
        body = []
    defined = {node.name for node in body if isinstance(node, DEFINITIONS)}
    if problem.reference is not None and (name in defined if name else defined):
        return problem.reference
    if not name:
        return ""
    return f"class {name}:\n    def {method}(self): pass" if method else f"def {name}(): pass"


def _filled(outline: str, body: str) -> str:
    """Write the outline with this body in all functions and methods; constructors take anything and do nothing."""
    tree = parse(outline)
    _fill(tree, body)
    return ast.unparse(tree)


def _fill(scope: ast.Module | ast.ClassDef, body: str) -> None:
    for node in scope.body:
        if isinstance(node, ast.ClassDef):
            _fill(node, body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = {mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)}
            of_instance = isinstance(scope, ast.ClassDef) and "staticmethod" not in marks
            text = "pass" if node.name in CONSTRUCTORS else body
            parameters = "self, *args, **kwargs" if of_instance else "*args, **kwargs"
            made = ast.parse(f"def made({parameters}):\n{textwrap.indent(text, '    ')}").body[0]
            assert isinstance(made, ast.FunctionDef)
            node.args, node.body, node.returns = made.args, made.body, None
