"""Rows of public problem sets, turned into problems. Pure: no I/O, nothing is run.

Raises, everywhere: pydantic's ValidationError (a ValueError) that names the field of the row that is wrong.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, AliasChoices, BaseModel, Field, field_validator, model_validator

from tasks.schema import AssertsTests, Difficulty, Problem, functions_of, parse

if TYPE_CHECKING:
    from collections.abc import Mapping


def checked_source(source: str) -> str:
    source = source.replace("\r\n", "\n")
    parse(source)
    return source


DIFFICULTIES: Final[dict[str, Difficulty]] = {"easy": "easy", "medium": "medium", "hard": "hard"}
Source = Annotated[str, AfterValidator(checked_source)]


class HumanEvalRow(BaseModel, frozen=True):
    """A row of HumanEval. Fields beyond these are ignored."""

    task_id: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    """The head of the solution: imports, helper functions, and the entry point down to its docstring."""
    entry_point: str
    canonical_solution: str
    """The body that follows the prompt."""
    test: Annotated[Source, Field(min_length=1)]
    """Defines `check(candidate)`."""

    @field_validator("test")
    @classmethod
    def _defines_check(cls, source: str) -> str:
        if "check" not in functions_of(source):
            raise ValueError("define a function `check(candidate)`")
        return source

    @model_validator(mode="after")
    def _prompt_opens_the_entry_point(self) -> HumanEvalRow:
        try:
            module = parse(self.reference)
        except ValueError as error:
            raise ValueError(f"`prompt` + `canonical_solution`: {error}") from None
        if definition_of(module, self.entry_point) is None:
            raise ValueError(f"`entry_point`: `prompt` does not define `{self.entry_point}`")
        return self

    @property
    def reference(self) -> str:
        return self.prompt + self.canonical_solution


class MbppRow(BaseModel, frozen=True):
    """A row of MBPP, in the full or in the sanitized form. Fields beyond these are ignored."""

    task_id: int | str
    text: str = Field(min_length=1, validation_alias=AliasChoices("text", "prompt"))
    """What to do; named `text` in the full form, `prompt` in the sanitized one."""
    code: str
    test_list: tuple[Source, ...] = Field(min_length=1)
    """One assert each."""
    test_setup_code: Source = ""
    test_imports: tuple[Source, ...] = ()
    challenge_test_list: tuple[Source, ...] = ()
    """Harder asserts that the prompt does not show."""


class LeetCodeRow(BaseModel, frozen=True):
    """A row of LeetCodeDataset. Fields beyond these are ignored."""

    task_id: str = Field(min_length=1)
    problem_description: str
    starter_code: str
    prompt: Source
    """Imports and helpers: `ListNode`, `tree_node`, `is_same_list` and their like."""
    completion: str
    """A solution; what it needs of `prompt` it does not repeat."""
    entry_point: str
    """`Solution().twoSum`."""
    test: Annotated[Source, Field(min_length=1)]
    """Defines `check(candidate)`."""
    difficulty: str = ""


def from_humaneval(row: Mapping[str, object]) -> Problem:
    """A problem of HumanEval, also of sets in its format.

    What the prompt holds before the entry point (imports, helper functions) becomes `setup`, so that an answer that is
    just the function runs. Where the tests use those names too, they get a copy of their own before `test`: a
    submission that redefines a helper must not change how it is judged.
    """
    fields = HumanEvalRow.model_validate(row)
    setup = text_before(fields.reference, fields.entry_point)
    needed = names_defined(parse(setup)) & names_used(parse(fields.test))
    return Problem(
        id=fields.task_id,
        prompt=fields.prompt,
        entry_point=fields.entry_point,
        setup=setup,
        tests=AssertsTests(kind="asserts", source=setup + fields.test if needed else fields.test),
        tags=("humaneval",),
        reference=fields.reference,
    )


def from_mbpp(row: Mapping[str, object]) -> Problem:
    """A problem of MBPP. The prompt shows `test_list`, as is usual, for else the function's name would be unknown.

    The tests are `test_list` and then `challenge_test_list`, each assert counting on its own. `test_setup_code` may use
    the submission's names and therefore runs with the tests, not before the submission.
    """
    fields = MbppRow.model_validate(row)
    before = [source for source in (*fields.test_imports, fields.test_setup_code) if source.strip()]
    shown = "\n".join(fields.test_list)
    return Problem(
        id=f"MBPP/{fields.task_id}",
        prompt=f"{fields.text.strip()}\n\nYour code should pass these tests:\n\n{shown}\n",
        tests=AssertsTests(
            kind="asserts", source="\n".join((*before, *fields.test_list, *fields.challenge_test_list)) + "\n"
        ),
        tags=("mbpp",),
        reference=fields.code.replace("\r\n", "\n"),
    )


def from_leetcode(row: Mapping[str, object]) -> Problem:
    """A problem of LeetCodeDataset.

    Its helpers become `setup`, which is loaded beside the tests too: no submission can redefine what judges it.
    """
    fields = LeetCodeRow.model_validate(row)
    return Problem(
        id=fields.task_id,
        prompt=f"{fields.problem_description.strip()}\n\nComplete this class:\n\n{fields.starter_code.rstrip()}\n",
        entry_point=fields.entry_point,
        setup=with_optional_packages(fields.prompt),
        prelude="leetcode",
        tests=AssertsTests(kind="asserts", source=fields.test),
        tags=("leetcode",),
        difficulty=DIFFICULTIES.get(fields.difficulty.lower()),
        reference=fields.completion,
    )


def with_optional_packages(source: str) -> str:
    """The source, where packages beyond Python's library are imported only if they are installed."""
    module = parse(source)
    for index, node in enumerate(module.body):
        if isinstance(node, ast.Import):
            packages = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            packages = {(node.module or "").partition(".")[0]}
        else:
            continue
        if packages - sys.stdlib_module_names:
            missing = ast.ExceptHandler(ast.Name("ImportError", ast.Load()), None, [ast.Pass()])
            module.body[index] = ast.Try([node], [missing], [], [])
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"


def definition_of(module: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None:
    """The first definition of a function or class of that name at the top level."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
            return node
    return None


def text_before(source: str, name: str) -> str:
    """The lines before the definition of `name` and its decorators; empty if they hold no code.

    Raises: ValueError if `name` is not defined.
    """
    node = definition_of(parse(source), name)
    if node is None:
        raise ValueError(f"`{name}` is not defined")
    first_line = min(part.lineno for part in (node, *node.decorator_list))
    before = "".join(line + "\n" for line in source.split("\n")[: first_line - 1])
    return before.strip("\n") + "\n" if parse(before).body else ""


def names_defined(module: ast.Module) -> set[str]:
    """Functions, classes and variables of the top level; names that are only imported do not count."""
    names: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            names |= {target.id for target in targets if isinstance(target.ctx, ast.Store)}
    return names


def names_used(module: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
