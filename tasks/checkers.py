"""What a checker is called with: stdin, expected and actual output, in the order and by the names that it has. Pure.

1. A word such as `user`, `gold` or `input` in a parameter's name says what it means.
2. `output` and `answer` are the actual and the expected output, as in testlib; beside an `expected`, an `answer` is the
   actual one.
3. Other names have the meanings that are left, in the order stdin, expected, actual.
4. Of two parameters of which one is the actual output, the other is stdin if it comes first and reads like an input.
5. What that leaves open, or what contradicts that order, is refused: a guess would swap expected and actual output.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Role = Literal["stdin", "expected", "actual"]
ROLES: Final[tuple[Role, ...]] = ("stdin", "expected", "actual")


def _by_word(words: dict[Role, str]) -> dict[str, Role]:
    return {word: role for role, line in words.items() for word in line.split()}


WORDS: Final = _by_word(
    {
        "stdin": "stdin input inputs inp in inf",
        "expected": "expected expect exp correct jury judge gold golden target truth groundtruth gt true reference ref "
        "official desired want wanted label labels key",
        "actual": "actual got user participant contestant competitor student team player submission submitted program "
        "pred preds predicted prediction predictions candidate generated produced printed hypothesis hyp received "
        "observed response completion your ouf",
    }
)
"""Words that decide what a parameter means."""
HINTS: Final = _by_word(
    {
        "expected": "answer answers ans solution sol",
        "actual": "output outputs out stdout result results res model",
        "stdin": "question problem prompt task query",
    }
)
"""Words that do so where no other parameter has that meaning. The first one in this table counts."""
LIKE_AN_INPUT: Final = _by_word(
    {
        "stdin": "text texts line lines string strings str word words content contents data dataset raw n m k q s t "
        "args arg argv params case cases testcase test tests sample example grid board maze map matrix graph tree "
        "edges nodes points rows arr array nums numbers number num"
    }
)
"""Words for what a program reads. A parameter of such words alone, before the output, is stdin."""
OTHER: Final[dict[Role, Role]] = {"expected": "actual", "actual": "expected"}
WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
FIX: Final = "name the parameters `stdin`, `expected` and `actual`"


class Arguments(NamedTuple):
    positional: tuple[Role, ...] = ROLES
    keywords: tuple[tuple[str, Role], ...] = ()
    """Names with their roles."""

    def of(self, stdin: str, expected: str, actual: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The arguments of one call."""
        by_role = dict(zip(ROLES, (stdin, expected, actual), strict=True))
        return tuple(by_role[role] for role in self.positional), {name: by_role[role] for name, role in self.keywords}


@lru_cache(maxsize=1024)
def arguments_of(source: str) -> Arguments:
    """How to call the `check` of a source that parses. Raises: ValueError where its parameters do not say."""
    parameters = parameters_of(source)
    if parameters is None:
        return Arguments()
    positional = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    required = positional[: len(positional) - len(parameters.defaults)]
    said = [named(name) or hinted(name) for name in positional]
    if parameters.vararg is not None and all(each in (None, role) for each, role in zip(said, ROLES, strict=False)):
        return Arguments()
    optional = [*positional[len(required) :], *(each.arg for each in parameters.kwonlyargs)]
    roles = roles_of(required, optional, ROLES if parameters.kwarg is not None else ())
    only_by_place = [each.arg for each in parameters.posonlyargs][len(required) :]
    if all(name in roles for name in only_by_place):
        required += only_by_place
    by_name = [name for name in roles if name not in (*required, *only_by_place)]
    return Arguments(tuple(roles[name] for name in required), tuple((name, roles[name]) for name in by_name))


def named(name: str) -> Role | None:
    """Return what a parameter means by the words of its name; None where they do not say, or contradict each other."""
    roles = {WORDS[word] for word in _words(name) if word in WORDS}
    if "stdin" in roles:  # `user_input` is no output
        return "stdin"
    return roles.pop() if len(roles) == 1 else None


def hinted(name: str) -> Role | None:
    """Return what a parameter seems to mean by the words of its name."""
    words = _words(name)
    return next((role for word, role in HINTS.items() if word in words), None)


def roles_of(required: Sequence[str], optional: Sequence[str], rest: Sequence[str] = ()) -> dict[str, Role]:
    """Return what parameters mean; of optional ones, those that are given. Raises: ValueError where it is not clear.

    `rest`: names that a `**` parameter takes.
    """
    roles = {name: role for name in required if (role := named(name))}
    _add_optional(roles, optional, named)
    taken = set(roles.values())
    hints = {name: role for name in required if name not in roles and (role := hinted(name))}
    roles |= {name: OTHER.get(role, role) if role in taken else role for name, role in hints.items()}
    unknown = [name for name in required if name not in roles]
    left = _left(required, unknown, roles)
    is_sure = len(unknown) == len(left) == 1 and (not hints or left == ["stdin"])
    roles |= zip(unknown, left[-len(unknown) :], strict=False)
    answers = [name for name in hints if roles[name] == "expected"]
    if "actual" not in roles.values() and len(answers) == 1:
        roles[answers[0]] = "actual"  # `check(input, answer)`
    _add_optional(roles, optional, hinted)
    _add_optional(roles, rest, named)
    meant = [roles[name] for name in required if name in roles]
    if len(set(meant)) < len(required) or (unknown and not is_sure and meant != sorted(meant, key=ROLES.index)):
        raise ValueError(f"the parameters {_listed(required)} of `check` can be read in several ways: {FIX}")
    if "actual" not in roles.values():
        raise ValueError(f"no parameter of `check` takes the actual output: {FIX}")
    return roles


def _add_optional(roles: dict[str, Role], optional: Iterable[str], read: Callable[[str], Role | None]) -> None:
    for name in optional:
        role = read(name)
        if role is not None and role not in roles.values() and name not in roles:
            roles[name] = role


def _left(required: Sequence[str], unknown: Sequence[str], roles: Mapping[str, Role]) -> list[Role]:
    """Return the meanings that unknown names may have; none where it is not clear which."""
    left = [role for role in ROLES if role not in roles.values()]
    like_inputs = [name for name in unknown if (words := _words(name)) and words <= LIKE_AN_INPUT.keys()]
    if len(unknown) == 1 and left == ["stdin", "expected"]:
        return ["stdin"] if like_inputs == [required[0]] else []
    if len(unknown) < len(left) == len(ROLES) and len(required) > 1 and like_inputs:
        return []
    return left


def _words(name: str) -> set[str]:
    return {word.lower() for word in WORD.findall(name)}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def parameters_of(source: str) -> ast.arguments | None:
    """Return the parameters of `check`, which may be a lambda or another name of a function; None where not seen."""
    functions: dict[str, ast.arguments] = {}
    for node in _statements(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                functions[node.name] = node.args
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=parameters))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Lambda(args=parameters))
            ):
                functions[name] = parameters
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=other)) if other in functions:
                functions[name] = functions[other]
    return functions.get("check")


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements that bind names of the module, in their order: also those in an `if` or a `try`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _statements(child)
