"""What a checker is called with: stdin, expected and actual output, in the order and by the names that it has. Pure."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Final, NamedTuple

ROLES: Final = ("stdin", "expected", "actual")
NAMES: Final = (
    {
        "stdin": ("stdin", "input", "inp", "input_data", "input_text", "input_str", "test_input", "in_data"),
        "expected": (
            "expected",
            "expected_output",
            "expected_stdout",
            "correct",
            "correct_output",
            "jury",
            "reference",
        ),
        "actual": (
            "actual",
            "actual_output",
            "got",
            "stdout",
            "user_output",
            "participant_output",
            "submission_output",
        ),
    },
    {
        "expected": ("answer", "ans", "judge_output", "reference_output", "solution_output", "exp", "ref"),
        "actual": ("output", "out", "submission", "participant", "contestant", "user", "prediction", "result"),
    },
)
"""What parameters of these names mean. Those of the second row do where none of the first has the meaning: so `output`
and `answer` are as in testlib, while beside an `expected` an `answer` is the submission's."""


class Arguments(NamedTuple):
    positional: tuple[str, ...] = ROLES
    keywords: tuple[tuple[str, str], ...] = ()
    """Names with their roles."""

    def of(self, stdin: str, expected: str, actual: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The arguments of one call."""
        by_role = dict(zip(ROLES, (stdin, expected, actual), strict=True))
        return tuple(by_role[role] for role in self.positional), {name: by_role[role] for name, role in self.keywords}


@lru_cache(maxsize=1024)
def arguments_of(source: str) -> Arguments:
    """How to call the `check` of a source that parses: by the names of its parameters, else by position."""
    parameters = parameters_of(source)
    if parameters is None or parameters.vararg is not None:
        return Arguments()
    positional = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    required = positional[: len(positional) - len(parameters.defaults)]
    others = [*positional[len(required) :], *(each.arg for each in parameters.kwonlyargs)]
    if parameters.kwarg is not None and not required:
        others += ROLES
    roles = roles_of(required, others)
    if roles is None:
        return Arguments()
    by_name = tuple((name, roles[name]) for name in others if name in roles)
    return Arguments(tuple(roles[name] for name in required), by_name)


def roles_of(required: list[str], others: list[str]) -> dict[str, str] | None:
    """What parameters mean; None where more are required than there are meanings.

    Unknown names stand for the last of the meanings that are left: two of them for expected and actual.
    """
    roles: dict[str, str] = {}
    for row in NAMES:
        for role, names in row.items():
            if role not in roles.values():
                roles |= dict.fromkeys([name for name in (*required, *others) if name.lower() in names][:1], role)
    unknown = [name for name in required if name not in roles]
    left = [role for role in ROLES if role not in roles.values()]
    if len(unknown) > len(left):
        return None
    if not unknown and "actual" in left:
        # `check(input, answer)`: what looks like the name of the expected output is that of the output.
        roles = {name: "actual" if role == "expected" else role for name, role in roles.items()}
    return roles | dict(zip(unknown, left[len(left) - len(unknown) :], strict=True))


def parameters_of(source: str) -> ast.arguments | None:
    """The parameters of `check`, which may be a lambda or another name of a function; None where they are not seen."""
    functions: dict[str, ast.arguments] = {}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.col_offset == 0 or node.name == "check":
                functions[node.name] = node.args
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=parameters)):
                functions[name] = parameters
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other)) if other in functions:
                functions[name] = functions[other]
    return functions.get("check")
