"""What the judge's process gets to know of a problem: its test code, and which names are whose."""

from __future__ import annotations

import ast
import builtins
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import orjson
from pydantic import ValidationError

from reward_server.extraction import Needs
from reward_server.judging.asserts import FreeNames, builtins_tested, rewrite
from reward_server.judging.bindings import modules_of
from reward_server.judging.checks import constant_lines, counted, unchecked
from reward_server.judging.classes import class_names
from reward_server.judging.doctests import examples_of
from reward_server.judging.library import homes
from reward_server.judging.names import star_names, taken_names
from reward_server.judging.objects import needs_objects
from reward_server.judging.purity import is_pure
from reward_server.judging.pytest_file import MODULE, NAME, as_test_file
from reward_server.judging.reach import independent_lines, skippable
from reward_server.judging.skips import skips_of
from reward_server.judging.surroundings import surroundings
from tasks.checks import is_test_file_name
from tasks.preludes import names_of
from tasks.schema import AssertsTests, CallTests, StdioTests, run_by_pytest, settings_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.schema import Problem

TESTS_FILE: Final = "tests.py"
"""What test code of kind `asserts` is compiled as."""


IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")
MOST_REMEMBERED: Final = 1024
OF_SIZES: Final = frozenset({"empty", "len", "ndim", "shape", "size", "zeros"})
"""Names by which tests ask how much there is."""
PROTOCOLS: Final = frozenset(
    ("__path__", "__spec__", "__loader__", "__wrapped__", "__class__", "__dict__", "__getattr__", "__dir__", "__name__")
)
"""What the interpreter and pytest ask a module for: a submission's module is never what these say."""


class JudgePayload(NamedTuple):
    text: bytes
    """A JSON object, to which what is known of the reference is added."""
    tests: int
    """The number of tests, as far as the source shows it."""
    pure: bool
    """Whether the test code can leave nothing behind."""
    objects: bool
    """Whether the test code needs objects of the submission, as its text says."""
    names: tuple[str, ...]
    """What the tests are called, as far as the source shows it."""
    kind: Literal["asserts", "pytest"] = "asserts"
    """How the test code is run."""
    skippable: tuple[int, ...] = ()
    """The tests that do not count when they are not reached, as far as the text shows (`reach.py`)."""
    wanted: frozenset[str] = frozenset()
    """The names that the test code takes from the submission."""

    def with_assurance(
        self, *, objects: bool, learn: bool = False, sites: Any = None, calibrated: bool = False
    ) -> bytes:
        """The whole payload. `learn`: note what comes back at each call site. `sites`: what came back there."""
        assurance = "objects" if objects else "values"
        known = {"assurance": assurance, "learn": learn, "sites": sites, "calibrated": calibrated}
        return orjson.dumps(known)[:-1] + b"," + self.text[1:]


REMEMBERED: dict[Any, JudgePayload] = {}
"""The last payloads; what was used last stands last."""


def judge_payload(problem: Problem) -> JudgePayload:
    key = key_of(problem)
    found = REMEMBERED.pop(key, None)
    if found is None:
        found = asserts_payload(*key) if isinstance(problem.tests, AssertsTests) else pytest_payload(*key)
    REMEMBERED[key] = found
    while len(REMEMBERED) > MOST_REMEMBERED:
        REMEMBERED.pop(next(iter(REMEMBERED)), None)
    return found


def key_of(problem: Problem) -> Any:
    """What decides a payload."""
    tests = problem.tests
    if isinstance(tests, AssertsTests):
        return tests.source, problem.entry_point, problem.setup
    return tuple(tests.files.items()), tests.module, problem.setup  # type: ignore[union-attr]


def analyse(problem: Problem) -> JudgePayload | list[Any] | None:
    """Check the long sources of a problem, and make of them what its judge gets.

    Returns: pydantic's errors where a source is wrong; None for a problem without test code.
    """
    try:
        type(problem).model_validate(problem.model_dump(exclude_unset=True))
    except ValidationError as error:
        return error.errors(include_input=False, include_url=False)
    return judge_payload(problem) if problem.has_test_code else None


def remember(problem: Problem, payload: JudgePayload) -> None:
    """Keep what another process has made."""
    REMEMBERED[key_of(problem)] = payload


def is_remembered(problem: Problem) -> bool:
    return problem.has_test_code and key_of(problem) in REMEMBERED


def asserts_payload(source: str, entry_point: str | None, setup: str = "") -> JudgePayload:
    if run_by_pytest(source):
        return pytest_payload(((NAME, as_test_file(source, entry_point)),), MODULE, setup)
    rewritten = rewrite(source)
    prepared = ast.parse(setup)
    provided = builtins_tested(source, entry_point) | names_in_examples(source)
    names = (rewritten.names | provided) - defined_by(prepared)
    library = homes(names, rewritten.looked_into, rewritten.called, entry_point, rewritten.checks)
    wanted = (rewritten.names | provided) - library.keys()
    classes = class_names(source)
    module = MODULE if imports_module(MODULE, source) else ""
    payload = {
        "source": rewritten.run,
        "rows": [{"kind": site.kind, "name": f"line {site.line}", "check": site.check} for site in rewritten.sites],
        "entry_point": entry_point,
        "module": module,
        "star": imports_all(module, source),
        "star_names": sorted(wanted),
        "dunders": dunders(source) if module else [],
        "calls_check": rewritten.calls_check,
        "names": sorted(wanted),
        "library": library,
        "classes": sorted(classes.proved),
        "likely": sorted(classes.likely - {entry_point}),
        "setup": setup,
        "constant": [[TESTS_FILE, line] for line in rewritten.constant],
        "expected": exceptions_named(source),
        "surroundings": surroundings(source, setup),
        "empty": expects_empty(source),
    }
    imports = [import_of(name, *home) for name, home in library.items()]
    pure = not payload["surroundings"] and is_pure(*imports, prepared, ast.parse(source))
    objects = needs_objects(frozenset(names - library.keys()), module, source)
    payload["independent"] = [
        [TESTS_FILE, line] for line in independent_lines(rewritten.source, library, (MODULE,), objects=objects)
    ]
    lines = tuple(f"line {site.line}" for site in rewritten.sites)
    places = skippable(source, library, provided, objects=objects)
    may_skip = tuple(at for at, site in enumerate(rewritten.sites) if (site.line, site.column) in places)
    return JudgePayload(
        orjson.dumps(payload),
        len(lines),
        pure,
        objects,
        lines,
        skippable=may_skip,
        wanted=frozenset(wanted | taken_names(MODULE, source)),
    )


def pytest_payload(files: tuple[tuple[str, str], ...], module: str, setup: str = "") -> JudgePayload:
    written = [source for name, source in files if name.endswith(".py")]
    sources = [f"{source}\n{examples_of(source)}" for source in written]
    prepared = defined_by(ast.parse(setup))
    names, looked_into, called, checks = star_names(*sources)
    library = homes(names - prepared, looked_into, called, None, checks)
    tests = pytest_names(files)
    classes = class_names(*sources)
    payload = {
        "files": {name: counted(text) if name.endswith(".py") else text for name, text in files},
        "module": module,
        "names": tests,
        "star": imports_all(module, *sources),
        "dunders": dunders(*sources),
        "star_names": sorted(names - library.keys()),
        "library": library,
        "classes": sorted(classes.proved),
        "likely": sorted(classes.likely),
        "setup": setup,
        "constant": [
            [name, line] for name, text in files if name.endswith(".py") for line in constant_lines(ast.parse(text))
        ],
        "unchecked": unchecked(files),
        "settings": settings_file(dict(files)),
        "skips": list(skips_of(files, module)),
        "expected": exceptions_named(*sources),
        "surroundings": surroundings(*sources, setup, module=module, has_data=len(written) < len(files)),
        "empty": expects_empty(*sources),
    }
    own = {module, *(name.removesuffix(".py") for name, _ in files)}
    objects = needs_objects(frozenset(names - library.keys() - prepared), module, *sources)
    payload["independent"] = [
        [name, line]
        for name, text in files
        if name.endswith(".py")
        for line in independent_lines(text, library, own, objects=objects)
    ]
    wanted = taken_names(module, *sources)
    if "*" in wanted:
        wanted |= names - library.keys()
    return JudgePayload(orjson.dumps(payload), len(tests), False, objects, tuple(tests), "pytest", wanted=wanted)


def names_in_examples(source: str) -> frozenset[str]:
    """The names that doctest examples in strings of a source use, and that neither they nor the source define."""
    examples = examples_of(source)
    if not examples:
        return frozenset()
    found = FreeNames()
    found.visit(ast.parse(f"{source}\n{examples}"))
    return frozenset(found.loaded - found.bound - vars(builtins).keys())


def expects_empty(*sources: str) -> bool:
    """Whether the text of the tests speaks of something empty, so that a right answer may be an empty array."""
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        match node:
            case (
                ast.List(elts=[])
                | ast.Tuple(elts=[])
                | ast.Dict(keys=[])
                | ast.Call(args=[], func=ast.Name("dict" | "list" | "set"))
            ):
                return True
            case ast.Name(name) | ast.Attribute(attr=name) if name in OF_SIZES:
                return True
    return False


def defined_by(setup: ast.Module) -> frozenset[str]:
    """The names that a setup defines or imports at its top."""
    names = FreeNames()
    for statement in setup.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.bound.add(statement.name)
        else:
            names.visit(statement)
    return frozenset(names.bound)


@lru_cache(maxsize=1024)
def names_given(setup: str) -> frozenset[str]:
    """The names that a setup's source defines or imports at its top."""
    return defined_by(ast.parse(setup))


def needs_of(problem: Problem) -> Needs:
    """What the problem says of names: those under test, and those that the submission finds there."""
    tests = problem.tests
    wanted = set(IDENTIFIER.findall(problem.entry_point or "")) if not isinstance(tests, StdioTests) else set()
    if isinstance(tests, CallTests):
        wanted |= {case.calls[0][0] for case in tests.cases if case.calls is not None}
    if problem.has_test_code:
        wanted |= judge_payload(problem).wanted
    return Needs(wanted, names_given(problem.setup) | names_of(problem.prelude))


def exceptions_named(*sources: str) -> list[str]:
    """The names that may be those of exceptions, anywhere in test code; a bare `except` names all."""
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.walk(node.type) if node.type is not None else ()
                found |= {each.id for each in caught if isinstance(each, ast.Name)} or {"BaseException"}
            elif isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                if name.lstrip("_")[:1].isupper():
                    found.add(name)
    return sorted(found)


def imports_module(module: str, source: str) -> bool:
    """Whether test code imports a module, also where it names it in a text for `importlib`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom) and module in modules_of(node):
            return True
        if isinstance(node, ast.Constant) and node.value == module:
            return True
    return False


def imports_all(module: str, *sources: str) -> bool:
    """Whether test code says `from module import *`."""
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    return any(isinstance(n, ast.ImportFrom) and n.module == module and n.names[0].name == "*" for n in nodes)


def dunders(*sources: str) -> list[str]:
    """The names such as `__version__` that test code reads of a module, or imports."""
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Constant) and type(node.value) is str:
                found.add(node.value)
    return sorted(name for name in found if name.startswith("__") and name not in PROTOCOLS)


def import_of(name: str, module: str, attribute: str) -> ast.Module:
    return ast.parse(f"from {module} import {attribute} as {name}" if attribute else f"import {module} as {name}")


@lru_cache(maxsize=1024)
def pytest_names(files: tuple[tuple[str, str], ...]) -> list[str]:
    """The node ids of the test functions that the sources show, before parametrization."""
    names = []
    for name, source in files:
        if not is_test_file_name(name):
            continue
        for node in statements_of(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                names.append(f"{name}::{node.name}")
            elif isinstance(node, ast.ClassDef):
                names += [
                    f"{name}::{node.name}::{inner.name}"
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name.startswith("test")
                ]
    return names or ["the test files"]


def statements_of(module: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module's top, also those that run under a condition."""
    queue = list(reversed(module.body))
    while queue:
        node = queue.pop()
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            queue += [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)][::-1]
