"""What a problem is: its tests, its limits and what surrounds the submission.

Promises: every value is frozen, closed (an unknown field is an error) and checked when it is made; a test source that
does not parse never becomes a `Problem`. Does no I/O and runs nothing.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tasks.checkers import arguments_of
from tasks.checks import checks_here, is_test_file, is_test_file_name, leaves_check_to_judge, may_check
from tasks.errors import WrongField
from tasks.preludes import Prelude  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SOURCE_CHARS = 1_000_000
MAX_OUTPUT_BYTES = 64 << 20
MAX_DEPTH = 100
"""Levels of a source's syntax tree. Who judges walks the tree, and Python walks no more than some hundred levels."""
LATER = "sources_later"
"""A key of the validation's context: long sources are looked at by a second validation, away from an event loop."""
LATER_CHARS = 2000
MAX_INTEGER_BITS = 14_000
"""Python writes no longer integer in decimal, and the tree is written out as source again."""
MODULE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,9}")
SETTINGS_FILES = {
    "pytest.ini": "[pytest]",
    "pyproject.toml": "[tool.pytest",
    "tox.ini": "[pytest]",
    "setup.cfg": "[tool:pytest]",
}
"""Where pytest looks for its settings, in this order, and the section that it looks for."""
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
ENTRY_POINT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)?")

Tolerance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Closed):
    """What one test may use. A program that goes over gets the verdict that names the limit."""

    cpu_s: float = Field(default=5.0, gt=0, le=600, allow_inf_nan=False)
    """Processor seconds of the submission and its children (and of the test code that drives it), per test."""
    wall_s: float = Field(default=10.0, gt=0, le=3600, allow_inf_nan=False)
    """Seconds by the clock, less the time spent waiting for a processor, per test. It bounds sleeping."""
    memory_mb: int = Field(default=512, ge=16, le=65536)
    """Mebibytes of memory that the submission's processes may hold together."""
    output_bytes: int = Field(default=1 << 20, ge=1, le=MAX_OUTPUT_BYTES)
    """Bytes of a program's stdout, or of the value that a `call` returns; at least twice the longest one expected.
    Output that decides nothing, such as stderr, is cut to this length instead."""
    processes: int = Field(default=128, ge=1, le=1024)
    """Processes and threads alive at once."""
    open_files: int = Field(default=256, ge=16, le=4096)
    """File descriptors of one process."""
    disk_mb: int = Field(default=32, ge=1, le=1024)
    """Mebibytes of the largest file that may be written."""
    timeouts: int = Field(default=1, ge=1, le=1_000_000)
    """After so many tests that met `cpu_s` or `wall_s`, those left of the submission are `skipped`."""
    cpu_factor: float | None = Field(default=20.0, ge=1, allow_inf_nan=False)
    """Where the problem has a reference: a test's processor seconds end at this multiple of the reference's, but not
    below half a second, and never above `cpu_s`. `null` turns it off."""


class FloatTolerance(Closed):
    """Numbers compare within this tolerance, absolute or relative to the expected number; all else as by default."""

    float: Tolerance


FloatError = Literal["either", "absolute", "relative"]


class TokensOptions(Closed):
    """How words between ASCII white space compare."""

    ignore_case: bool = False
    """Of ASCII letters."""
    float: Tolerance | None = None
    """Numbers may differ by so much."""
    float_error: FloatError = "either"
    """What of the difference counts: absolute, relative to the expected number, or the smaller of the two."""
    numbers: Literal["words", "anywhere"] = "words"
    """What a number is: a whole word, or also a part of one, as in `x=1.5,`."""


class Tokens(Closed):
    tokens: TokensOptions


class LinesOptions(Closed):
    """How lines compare: each with the one in its place."""

    ignore_case: bool = False
    """Of ASCII letters."""
    trailing_blanks: Literal["ignore", "compare"] = "ignore"
    """Spaces and tabs at the ends of lines."""
    trailing_lines: Literal["ignore", "compare"] = "ignore"
    """Empty lines at the end."""
    line_ends: Literal["any", "exact"] = "any"
    r"""`any`: `\r\n` is as good as `\n`."""


class Lines(Closed):
    lines: LinesOptions


class Checker(Closed):
    """A special judge: Python source that defines `check(stdin: str, expected: str, actual: str)`.

    It returns True or False, or points from 0 to 1. Its parameters may have other names and another order where their
    names say what they are, as `pred, gold` and `output, answer` do; ambiguous names are refused.
    It runs in a sandbox of its own, away from the submission. One that fails on an output, but not on the expected one,
    makes the output wrong; one that fails on both is an error of the problem.
    """

    checker: str = Field(min_length=1, max_length=MAX_SOURCE_CHARS)
    cpu_s: float = Field(default=10.0, gt=0, le=600, allow_inf_nan=False)
    """Processor seconds for one output."""
    wall_s: float = Field(default=20.0, gt=0, le=3600, allow_inf_nan=False)
    """Seconds by the clock for one output."""
    memory_mb: int = Field(default=512, ge=16, le=65536)
    """Mebibytes of memory."""

    @property
    def limits(self) -> Limits:
        return Limits(cpu_s=self.cpu_s, wall_s=self.wall_s, memory_mb=self.memory_mb)

    @field_validator("checker")
    @classmethod
    def _defines_check(cls, source: str, info: ValidationInfo) -> str:
        if not looked_at_later(info, source):
            if "check" not in names_bound(source, "checker"):
                raise ValueError("define a function `check(stdin, expected, actual)` in the checker")
            arguments_of(source)
        return source


CompareMode = Literal["tokens", "exact", "lines", "kattis", "lcb", "codeforces", "verl", "apps_strict"]
OutputCompare = CompareMode | FloatTolerance | Tokens | Lines
"""How the server itself compares what was printed."""


WAYS_TO_COMPARE = "give the name of a mode, or an object with `float`, `tokens`, `lines` or `checker`"


def way_to_compare(value: Any) -> str | None:
    """Tell which kind of `compare` a value is meant to be. A kind has no field's name: paths of fields leave it out."""
    if isinstance(value, str):
        return "mode"
    keys = type(value).model_fields if isinstance(value, Closed) else value if isinstance(value, dict) else ()
    kinds = {"checker": "Checker", "tokens": "Tokens", "lines": "Lines", "float": "FloatTolerance"}
    return next((kind for key, kind in kinds.items() if key in keys), None)


class StdioCase(Closed):
    stdin: str = ""
    stdout: str
    """What the program should print."""
    weight: Weight = 1.0


class StdioTests(Closed):
    """Whole programs: each case is one run with its stdin, judged by what it printed and an exit code of 0."""

    kind: Literal["stdio"]
    cases: Annotated[tuple[StdioCase, ...], FailFast()] = Field(min_length=1, max_length=1000)
    compare: Annotated[
        Annotated[CompareMode, Tag("mode")]
        | Annotated[FloatTolerance, Tag("FloatTolerance")]
        | Annotated[Tokens, Tag("Tokens")]
        | Annotated[Lines, Tag("Lines")]
        | Annotated[Checker, Tag("Checker")],
        Discriminator(way_to_compare, custom_error_type="compare", custom_error_message=WAYS_TO_COMPARE),
    ] = "tokens"
    """`tokens` ignores how ASCII white space is laid out; `exact` forgives one trailing line end; `lines` forgives
    blanks at the ends of lines, and empty lines at the end. `kattis`, `lcb`, `codeforces`, `verl` and `apps_strict` are
    as those judges and data sets compare (`judging/output_modes.py`)."""


Call = tuple[Annotated[str, Field(pattern=r"^[^\W\d]\w*$")], tuple[Any, ...]]


class CallCase(Closed):
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    calls: tuple[Call, ...] | None = Field(default=None, min_length=1, max_length=10_000)
    """Instead of `args` and `kwargs`: `[["Class", [arguments]], ["method", [arguments]], ...]`. The first call makes an
    object and the others are calls of its methods; `expected` lists what each returns, with null for the first."""
    expected: Any = None
    """The value to return, as JSON holds it: a list stands for a tuple too."""
    raises: str | None = None
    """The name of the exception type to raise instead; a subclass counts too, a class merely of its name does not.
    With `calls`, the last call is to raise it, and no earlier one."""
    compare_argument: int | str | None = None
    """Compare this argument, as the call leaves it, with `expected` instead of what is returned: its position in `args`
    or its name in `kwargs`."""
    up_to_returned: bool = False
    """Of that argument compare only the first items, as many as the call returns."""
    weight: Weight = 1.0

    @model_validator(mode="after")
    def _one_outcome(self) -> CallCase:
        if ("expected" in self.model_fields_set) == (self.raises is not None):
            raise WrongField(("expected",), "give either `expected` or `raises`")
        return self

    @model_validator(mode="after")
    def _sequence_is_whole(self) -> CallCase:
        if self.calls is None:
            return self
        if self.args or self.kwargs or self.compare_argument is not None:
            raise WrongField(
                ("calls",), "`calls` have their arguments: leave out `args`, `kwargs` and `compare_argument`"
            )
        if self.raises is not None:
            return self
        if not isinstance(self.expected, list) or len(self.expected) != len(self.calls) or self.expected[0] is not None:
            raise WrongField(
                ("expected",), "with `calls`, `expected` is a list of an item for each, null for the first"
            )
        return self

    @model_validator(mode="after")
    def _argument_is_there(self) -> CallCase:
        if self.compare_argument is None:
            if self.up_to_returned:
                raise WrongField(("compare_argument",), "`up_to_returned` needs a `compare_argument`")
        elif self.up_to_returned and not isinstance(self.expected, list):
            raise WrongField(("expected",), "with `up_to_returned`, `expected` lists the items that count")
        elif self.compare_argument not in (
            self.kwargs if isinstance(self.compare_argument, str) else range(len(self.args))
        ):
            raise WrongField(
                ("compare_argument",), "`compare_argument` is the position of one of `args`, or a name in `kwargs`"
            )
        return self


Compare = Literal["equal", "unordered", "unordered_nested"] | FloatTolerance
"""How values compare."""


class CallTests(Closed):
    """Calls of the entry point, a function or `Class.method` (called on a new instance for each case)."""

    kind: Literal["call"]
    cases: Annotated[tuple[CallCase, ...], FailFast()] = Field(min_length=1, max_length=10_000)
    compare: Compare = "equal"
    """`unordered` compares the items of the returned collection as a multiset; `unordered_nested` those of collections
    within it too."""
    fresh: bool = False
    """Load the submission anew for each case, in a process of its own, so that no case sees what another has left."""


Isolation = Literal["separate", "shared"]
"""`separate`: the test code runs in a process that the submission cannot reach. `shared`: in the submission's own, for
tests that patch what both use, such as the clock or `open`, or that read or start the submission's file, `solution.py`.
Such tests can be cheated, and results say so."""


class AssertsTests(Closed):
    """Python test code in which each `assert` counts as one test.

    A `check(candidate)` that it defines and does not call is called with the entry point. All other names that it uses
    come from the submission.
    The code may `await` at its top and import the submission as `solution`. What stands under a main guard is run.
    Code with `test_` functions that it does not call, or with classes of unittest, is run by pytest, and each of its
    tests counts as one.
    """

    kind: Literal["asserts"]
    source: str = Field(min_length=1, max_length=MAX_SOURCE_CHARS)
    weights: tuple[Weight, ...] | None = None
    """One for each counted assert, or test that pytest runs, in the order of the source; None weighs all alike."""
    isolation: Isolation = "separate"

    @field_validator("source")
    @classmethod
    def _parses(cls, source: str, info: ValidationInfo) -> str:
        if not looked_at_later(info, source):
            functions_of(source)
        return source

    @field_validator("weights")
    @classmethod
    def _one_for_each_assert(
        cls, weights: tuple[Weight, ...] | None, info: ValidationInfo
    ) -> tuple[Weight, ...] | None:
        source = info.data.get("source")
        if weights is None or source is None or looked_at_later(info, source) or run_by_pytest(source):
            return weights
        if (count := count_asserts(source)) != len(weights):
            fix = "give one for each assert of `source`, in its order, that does not compare constants alone"
            raise ValueError(f"weights: {len(weights)}, counted asserts: {count}: {fix}")
        return weights


class PytestTests(Closed):
    """Test files for pytest that import the submission as a module. Each collected test counts as one.

    Tests that are coroutine functions need no plugin. Asynchronous fixtures are not supported.
    """

    kind: Literal["pytest"]
    files: dict[str, str] = Field(min_length=1, max_length=100)
    """Source by file name; at least one is named `test_*.py` or `*_test.py`. Files lie side by side in one folder, and
    settings of pytest among them count: `pytest.ini`, `pyproject.toml`, `tox.ini`, `setup.cfg`."""
    module: str = "solution"
    """The name under which the tests import the submission, perhaps in a package: `shop.cart`."""
    isolation: Isolation = "separate"

    @field_validator("files")
    @classmethod
    def _files_parse(cls, files: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        later = looked_at_later(info, *files.values())
        for name, source in files.items():
            if not FILE_NAME.fullmatch(name):
                raise WrongField((name,), f"{name!r} is not a plain file name")
            if name.endswith(".py") and not later:
                try:
                    functions_of(source, name)
                except ValueError as error:
                    raise WrongField((name,), str(error)) from None
        if not any(map(is_test_file_name, files)) and not settings_file(files):
            raise ValueError("name at least one file `test_*.py` or `*_test.py`")
        if not later and not any(has_check(source) for name, source in files.items() if name.endswith(".py")):
            raise ValueError("the files check nothing, so that every program would pass: add an `assert`")
        return files

    @field_validator("module")
    @classmethod
    def _is_module_name(cls, module: str) -> str:
        if not MODULE_NAME.fullmatch(module):
            raise ValueError("give a module name, such as `solution` or `package.solution`")
        package, dot, _ = module.partition(".")
        if dot and (package in sys.stdlib_module_names or package in ("pytest", "reward_server")):
            raise ValueError(f"the package `{package}` is there already: choose another name")
        return module

    @model_validator(mode="after")
    def _no_file_hides_the_submission(self) -> PytestTests:
        name = self.module.partition(".")[0]
        if f"{name}.py" in self.files:
            raise WrongField(
                ("files", f"{name}.py"), f"`{name}.py` is where the submission goes: rename the file or set `module`"
            )
        return self


Tests = Annotated[StdioTests | CallTests | AssertsTests | PytestTests, Field(discriminator="kind")]


class Message(Closed):
    """One message of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


Difficulty = Literal["easy", "medium", "hard"]


class Problem(Closed):
    """A problem: what to solve, how it is judged and within which limits."""

    id: str = Field(default="", max_length=200)
    """Unique within its set. An inline problem of a request takes its key."""
    prompt: str | tuple[Message, ...] = ""
    language: Literal["python"] = "python"
    entry_point: str | None = None
    """The function, class or `Class.method` under test. `Solution().method` is the same as `Solution.method`. A
    submission may have the other form: a method of its class `Solution` for a function, or a function for a method."""
    limits: Limits = Limits()
    setup: str = Field(default="", max_length=MAX_SOURCE_CHARS)
    """Code that runs before the submission and in its namespace: imports, helper classes."""
    prelude: Prelude | None = None
    """What the submission finds imported, as LeetCode's programs do: `List`, `deque`, `heappush`, `inf`, `math`...
    Its own names and those of `setup` come first. Test code and setup import what they use."""
    files: dict[str, str] = Field(default={}, max_length=100)
    """Text by file name, in the submission's working folder."""
    tests: Tests
    tags: tuple[str, ...] = ()
    difficulty: Difficulty | None = None
    reference: str | None = None
    """A solution that passes every test. It also shows how long right takes and, for `asserts` and `pytest`, whether
    objects must cross between test and submission, and which asserts a right program reaches. Not so where the tests
    have `isolation: shared`."""
    wrong: tuple[str, ...] = ()
    """Plausible solutions that fail at least one test."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The Python that the problem brings along to judge by."""
        match self.tests:
            case AssertsTests(source=source):
                return self.setup, source
            case PytestTests(files=files):
                return self.setup, *files.values()
            case StdioTests(compare=Checker(checker=checker)):
                return self.setup, checker
        return (self.setup,)

    @property
    def memory_mb(self) -> int:
        """The most memory that a run for this problem may use."""
        compare = self.tests.compare if isinstance(self.tests, StdioTests) else None
        return max(self.limits.memory_mb, compare.memory_mb if isinstance(compare, Checker) else 0)

    @property
    def has_test_code(self) -> bool:
        return isinstance(self.tests, AssertsTests | PytestTests)

    @property
    def has_long_sources(self) -> bool:
        return sum(map(len, self.sources)) > LATER_CHARS

    @property
    def is_calibrated(self) -> bool:
        """Whether the reference is run to learn how submissions are to be judged, or how long right takes."""
        tests = self.tests
        if isinstance(tests, AssertsTests | PytestTests):
            return tests.isolation == "separate" and self.reference is not None
        return self.limits.cpu_factor is not None and self.reference is not None

    @field_validator("setup")
    @classmethod
    def _setup_parses(cls, setup: str, info: ValidationInfo) -> str:
        if not looked_at_later(info, setup):
            functions_of(setup)
        return setup

    @field_validator("files")
    @classmethod
    def _plain_names(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            if not FILE_NAME.fullmatch(name):
                raise WrongField((name,), f"{name!r} is not a plain file name")
        return files

    @field_validator("entry_point")
    @classmethod
    def _dotted_name(cls, entry_point: str | None) -> str | None:
        if entry_point is None:
            return None
        name = re.sub(r"\(\s*\)\.", ".", entry_point, count=1)  # `Solution().method`, as LeetCodeDataset has it
        if not ENTRY_POINT.fullmatch(name):
            raise ValueError("give the name of a function, or `Class.method`")
        return name

    @model_validator(mode="after")
    def _tests_have_what_they_need(self, info: ValidationInfo) -> Problem:
        tests = self.tests
        if isinstance(tests, CallTests) and self.entry_point is None and any(not case.calls for case in tests.cases):
            raise WrongField(("entry_point",), "tests of kind `call` need an `entry_point`: the function to call")
        if looked_at_later(info, *self.sources):
            return self
        if isinstance(tests, AssertsTests) and self.entry_point is None and has_open_check(tests.source):
            raise WrongField(
                ("entry_point",), "tests that define `check(candidate)` need an `entry_point`: the candidate"
            )
        if isinstance(tests, AssertsTests) and not asserts_check(tests.source, self.setup):
            raise WrongField(("tests", "source"), CHECKS_NOTHING)
        if isinstance(tests, AssertsTests) and "check" in functions_of(tests.source) and run_by_pytest(tests.source):
            raise WrongField(("tests", "source"), CHECK_AND_TESTS)
        return self


def settings_file(files: Mapping[str, str]) -> str:
    """The file of pytest's settings; empty if there is none."""
    return next((name for name, section in SETTINGS_FILES.items() if section in files.get(name, "")), "")


def looked_at_later(info: ValidationInfo, *sources: str) -> bool:
    return bool(info.context and info.context.get(LATER)) and sum(map(len, sources)) > LATER_CHARS


def parse(source: str, name: str = "source") -> ast.Module:
    """Parse Python source. Raises: ValueError that names the line."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ValueError(f"{name} does not parse: line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes, lone surrogates, nesting bombs
        raise ValueError(f"{name} does not parse: {error}") from None
    check_size(tree, name)
    return tree


def check_size(tree: ast.Module, name: str) -> None:
    """Refuse a tree that could not be walked or written out. Raises: ValueError."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        for node in level:
            if type(node) is ast.Constant and type(node.value) is int and node.value.bit_length() > MAX_INTEGER_BITS:
                raise ValueError(f"{name} has an integer of more than 4200 digits in line {node.lineno}: write a power")
    if level:
        line = min((line for node in level if (line := getattr(node, "lineno", 0))), default=1)
        raise ValueError(f"{name} nests deeper than {MAX_DEPTH} levels in line {line}: split the expression")


CHECKS_NOTHING = (
    "`tests.source` comes to no check, so that every program would pass: add an `assert` that runs. "
    "A bare comparison such as `f(1) == 2` checks nothing"
)
CHECK_AND_TESTS = (
    "`tests.source` defines both `check(candidate)` and tests that it does not call: call them, or move them to tests "
    "of kind `pytest`"
)


@lru_cache(maxsize=4096)
def asserts_check(source: str, setup: str) -> bool:
    """Whether sources that parse come to a check."""
    tests = ast.parse(source)
    return has_check(source) if is_test_file(tests) else may_check(tests, ast.parse(setup))


@lru_cache(maxsize=4096)
def run_by_pytest(source: str) -> bool:
    """Whether test code of kind `asserts` is run as a file of pytest."""
    return is_test_file(ast.parse(source))


@lru_cache(maxsize=4096)
def count_asserts(source: str) -> int:
    """How many tests a source that parses has: its asserts that check, or the code as a whole."""
    return sum(isinstance(node, ast.Assert) and checks_here(node) for node in ast.walk(ast.parse(source))) or 1


@lru_cache(maxsize=4096)
def has_check(source: str) -> bool:
    """Whether a source that parses checks anything anywhere."""
    return any(checks_here(node) for node in ast.walk(ast.parse(source)))


@lru_cache(maxsize=4096)
def functions_of(source: str, name: str = "source") -> frozenset[str]:
    """Parse Python source and return the functions that it defines at its top. Raises: ValueError that names the line.

    Remembered, because the same problems come with one request after another.
    """
    module = parse(source, name)
    return frozenset(node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@lru_cache(maxsize=4096)
def has_open_check(source: str) -> bool:
    """Whether a test source defines `check(candidate)` and leaves its call to the judge."""
    return "check" in functions_of(source) and leaves_check_to_judge(ast.parse(source))


@lru_cache(maxsize=4096)
def names_bound(source: str, name: str = "source") -> frozenset[str]:
    """Parse Python source and return the names that it binds at its top. Raises: ValueError that names the line."""
    queue: list[ast.AST] = list(parse(source, name).body)
    bound: set[str] = set()
    while queue:
        node = queue.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
            case ast.Name(id=target, ctx=ast.Store()):
                bound.add(target)
            case ast.alias():
                bound.add((node.asname or node.name).split(".")[0])
            case ast.Lambda():
                pass
            case _:
                queue += ast.iter_child_nodes(node)
    return frozenset(bound)
