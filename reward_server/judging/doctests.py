"""Examples in the strings of test code, which `doctest` runs: they are test code as well.

Takes time in proportion to the source.
"""

from __future__ import annotations

import ast
import doctest
from functools import lru_cache
from typing import Final

from tasks.schema import parse

PROMPT: Final = ">>> "
PARSER: Final = doctest.DocTestParser()


@lru_cache(maxsize=1024)
def examples_of(source: str) -> str:
    """The code of all examples in a source that parses, as one source; one that shows a value is an assert.

    Those that do not parse are left out.
    """
    if PROMPT not in source:
        return ""
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return "".join(code for text in texts if isinstance(text, str) for code in codes(text))


def codes(text: str) -> list[str]:
    try:
        examples = PARSER.get_examples(text) if PROMPT in text else []
    except ValueError:
        return []
    return [code for example in examples for code in (checked(example), caught(example.exc_msg)) if parses(code)]


def checked(example: doctest.Example) -> str:
    asserted = f"assert ({example.source.strip()})\n"
    return asserted if example.want and parses(asserted) else example.source


def caught(message: str | None) -> str:
    """The name of the exception that an example expects, as code: the test code knows it."""
    name = (message or "").partition(":")[0].strip().rpartition(".")[2]
    return f"{name}\n" if name.isidentifier() else ""


def parses(code: str) -> bool:
    try:
        parse(code, "example")
    except ValueError:
        return False
    return True
