from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

from reward_server.runner import cell
from reward_server.runs import Dirt, kind_of_dirt

RUNNER = Path(cell.__file__).parent


def told_by(function: str) -> list[str]:
    """Every text that functions or exceptions of this name tell, with what they fill in left out."""
    told: list[ast.AST] = []
    for path in sorted(RUNNER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(function):
                told += node.args[:1]
            elif isinstance(node, ast.FunctionDef) and node.name == function:
                told += [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
    return [text for text in map(text_of, told) if text]


def text_of(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=pieces):
            return "".join(text_of(piece) or "X" for piece in pieces)
        case _:
            return ""


@pytest.mark.parametrize("text", told_by("unclean"))
def test_all_that_a_proof_of_cleanliness_tells_has_a_class(text: str) -> None:
    """Red when the words of `unclean` change and those of `runs.py` do not."""
    assert kind_of_dirt(text) in ("processes", "files")


@pytest.mark.parametrize("text", told_by("Broken"))
def test_all_that_breaks_in_a_clean_up_has_a_class(text: str) -> None:
    if "pipe" in text or "standing judge" in text:  # told of a run, never of a clean-up
        return
    assert kind_of_dirt(text) in ("unkillable", "zygote")


def test_there_are_such_texts() -> None:
    assert len(told_by("unclean")) == 2
    assert len(told_by("Broken")) >= 5


def test_whatever_is_told_the_classes_are_few() -> None:
    told = {
        kind_of_dirt(f"{number} processes are still there" if number % 2 else f"what? {number}") for number in range(99)
    }
    assert told == {"processes", "other"}
    assert told < set(get_args(Dirt))
