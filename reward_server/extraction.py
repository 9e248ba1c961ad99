"""Finds the program in what a model wrote. Pure; reading takes a time that grows with the text's length.

1. Only the answer counts: what follows the thinking (see `fences`) and, where a block lies in an `<answer>`, that one.
2. Blocks in the problem's language come before blocks that name none, because models show output in such blocks; a
   block that neither calls, assigns nor imports comes last.
3. The program is the last block that defines what the tests use; where nothing is known of that, the last block that
   is a whole program: it prints when it is run, and needs no name that is defined nowhere. One that the model left open
   is its answer. A stub (`def f(x): ...`) defines a name only where nothing else does.
4. What that block uses and does not define comes from the last block before it that defines it, else from the first
   one behind it. The blocks are joined in their order; of a block that only imports the name, the imports.
5. Where the answer begins as Python and its first fence is a closing one, the opening one was part of the prompt.
6. Without a block, the content of `<answer>` is the program if it parses as Python; so is the whole answer if the
   request says `unfenced: code`.

Where there was a choice, a note says what was taken.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import textwrap
import warnings
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from reward_server.fences import LANGUAGE_TAGS, UNNAMED, has_too_many, read, trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from reward_server.fences import Block, Reading

Unfenced = Literal["no_code", "code"]
"""What an answer without a fenced block is: `no_code`, or the program if it parses as Python."""

NO_CODE: Final = "no fenced code block after the thinking"
MOST_PARSED: Final = 64 << 10
"""Longer texts are not parsed: a parser takes some 100 ms for each MB, in one call."""
BUILTINS: Final = frozenset(dir(builtins))
MOST_BLOCKS: Final = 64
"""So many of the last blocks are looked at."""
PRINTS: Final = re.compile(r"print|write|stdout")
READS: Final = re.compile(r"\binput\b|stdin|\bopen\(0|fileinput")
ELIDED: Final = re.compile(r"^[ \t]*(?:#[ \t]*)?(?:\.\.\.|\u2026)", re.MULTILINE)
"""A line that stands for others."""
RUNS_TEXT: Final = ("exec", "eval")
DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
STAR: Final = re.compile(r"\bimport[ \t]+\*")
ACTS: Final = re.compile(r"[=(]|\bimport\b")
"""What calls, assigns or imports; without that, Python does nothing."""
DEFINED: Final = re.compile(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)


class Extraction(NamedTuple):
    code: str | None
    note: str = ""
    """What was taken, where there was a choice; why there is no code, where there is none."""


class Needs(NamedTuple):
    """What a problem says of names."""

    names: Iterable[str] = ()
    """What its tests use of the submission."""
    given: frozenset[str] = frozenset()
    """What its setup defines."""


class Names(NamedTuple):
    """What a block defines and uses."""

    defined: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()
    """What it uses and defines nowhere, other than builtins."""
    parses: bool = True
    acts: frozenset[str] = frozenset()
    """What its statements use that run when it is loaded, other than definitions."""
    stubs: frozenset[str] = frozenset()
    """Functions and classes without a body, such as a signature that is shown once more."""
    prints: bool = True
    """It may print when it is loaded, rather than only define what would."""


KINDS: Final = ("defined", "methods", "imported", "stubs")
"""The ways to define a name, the best first."""


def extract(
    completion: str,
    language: str = "python",
    needs: Callable[[], Needs] = Needs,
    unfenced: Unfenced = "no_code",
) -> Extraction:
    """Find the program of a completion. `needs` is asked where there is a choice."""
    if has_too_many(completion):
        return Extraction(None, "the completion has too many fences")
    text = trimmed(completion)
    reading = read(text, language)
    if reading.thinking:
        return Extraction(None, f"{NO_CODE}, which never ends")
    note = ""
    if reading.bare is not None and reading.ragged and _is_program(text[reading.start : reading.bare]):
        text = f"```{language}\n{text[reading.start :]}"
        reading = read(text, language)
        note = "the code before the first fence was judged, as if the prompt had opened the block"
    blocks = _of_answer(text, reading, language)
    if not blocks:
        return _unfenced(text[reading.start :], text[slice(*reading.answer or (0, 0))], unfenced)
    if len(blocks) == 1:
        return Extraction(blocks[0].code(text), note)
    named = [place for place, each in enumerate(blocks) if each.tag not in UNNAMED] or range(len(blocks))
    is_open = blocks[-1].closed is None and named[-1] == len(blocks) - 1
    code, places = _joined([each.code(text) for each in blocks], named, needs(), is_open=is_open)
    if not note and (len(places) > 1 or len(named) > 1 or places[-1] not in named):
        note = f"of {len(blocks)} code blocks, {_listed(places)} judged"
    return Extraction(code, note)


def _of_answer(text: str, reading: Reading, language: str) -> list[Block]:
    """Return the blocks that may hold the program: of those that do something, those in an `<answer>`."""
    tags = LANGUAGE_TAGS[language] | UNNAMED
    blocks = [each for each in reading.blocks if each.tag in tags]
    if reading.answer is not None:
        begin, end = reading.answer
        blocks = [each for each in blocks if begin <= each.opens < end] or blocks
    return ([each for each in blocks if ACTS.search(text, each.start, each.end)] or blocks)[-MOST_BLOCKS:]


def _unfenced(answer: str, tagged: str, unfenced: Unfenced) -> Extraction:
    """Return the program of an answer without blocks. `tagged`: what lies in its `<answer>`."""
    for text, note in (
        (tagged, "the content of <answer> was judged, which has no fenced code block"),
        (answer if unfenced == "code" else "", "the whole answer was judged, which has no fenced code block"),
    ):
        if _is_program(text):
            return Extraction(_plain(text), note)
    return Extraction(None, NO_CODE)


def _joined(codes: Sequence[str], named: Sequence[int], needs: Needs, *, is_open: bool) -> tuple[str, list[int]]:
    """Return the program that some blocks make up, and their places. `named`: blocks that come before the others."""
    blocks = Blocks(codes, frozenset(named))
    chosen = blocks.chosen((), needs)
    if not chosen and not needs.names and not is_open:
        chosen = blocks.last_whole(needs.given)
    chosen = chosen or blocks.chosen(named[-1:], Needs((), needs.given))
    places = sorted(chosen)
    return "\n".join([codes[place] if chosen[place] else _imports(codes[place]) for place in places]), places


class Blocks:
    """What blocks define and use."""

    def __init__(self, codes: Sequence[str], named: Collection[int]) -> None:
        within = sum(map(len, codes)) <= MOST_PARSED
        self._codes = codes
        self._names = [names_of(code) if within else _defined_in(code) for code in codes]
        self._named = named
        self._places: dict[tuple[str, str], list[int]] = {}
        for place, each in enumerate(self._names):
            for kind in KINDS:
                for name in getattr(each, kind):
                    self._places.setdefault((kind, name), []).append(place)

    def chosen(self, first: Sequence[int], needs: Needs) -> dict[int, bool]:
        """Return these blocks and all that is needed; False for a block of which only the imports are."""
        chosen = dict.fromkeys(first, True)
        needed = [(name, len(self._names)) for name in needs.names]
        needed += [(name, place) for place in first for name in self._names[place].free - needs.given]
        found: set[str] = set()
        while needed:
            name, user = needed.pop()
            kind, place = self._definer(name, user)
            if kind == "imported":
                chosen.setdefault(place, False)
            elif kind and name not in found and not chosen.get(place):
                chosen[place] = True
                found |= self._names[place].defined | self._names[place].methods
                needed += [(each, place) for each in self._names[place].free - needs.given]
        return chosen

    def last_whole(self, given: frozenset[str]) -> dict[int, bool]:
        """Return the last block that is a whole program, with all that is needed; nothing where none is."""
        for place in sorted(range(len(self._codes)), key=lambda each: (each in self._named, each), reverse=True):
            chosen = self.chosen([place], Needs((), given))
            if self._is_whole(place, chosen, given):
                return chosen
        return {}

    def _is_whole(self, place: int, chosen: Mapping[int, bool], given: frozenset[str]) -> bool:
        """Tell whether a block is a program, rather than a part of one, an example of its use or its output."""
        code, names = self._codes[place], self._names[place]
        joined = [other for other, as_a_whole in chosen.items() if as_a_whole and other != place]
        reads_and_prints = READS.search(code) is not None and PRINTS.search(code) is not None
        # A program that lacks a name is wrong, even if a draft has it; a few lines that do are a part of that program.
        longest = 2 * code.count("\n") if reads_and_prints else 0
        if ELIDED.search(code) or any(self._acts(each) and self._codes[each].count("\n") > longest for each in joined):
            return False
        if reads_and_prints or not names.prints:
            return names.prints
        known = given.union(*(self._names[each].defined | self._names[each].imported for each in chosen))
        prints = any(PRINTS.search(self._codes[each]) for each in [place, *joined])
        return names.parses and prints and (names.free <= known or STAR.search(code) is not None)

    def _acts(self, place: int) -> bool:
        """Tell whether a block that reads and prints does so when it is loaded: a program that stands alone."""
        code, names = self._codes[place], self._names[place]
        return bool(READS.search(code) and PRINTS.search(code) and names.acts & (names.defined | {"print", "stdout"}))

    def _definer(self, name: str, user: int) -> tuple[str, int]:
        """Return how and where a name is defined: by the last block before its user, else by the first one behind.

        Methods count for tests alone: a class with that method may be what their entry point means.
        """
        for kind in KINDS:
            places = [place for place in self._places.get((kind, name), ()) if place != user]
            places = [place for place in places if place in self._named] or places
            places = [place for place in places if not ELIDED.search(self._codes[place])] or places
            if places and (kind != "methods" or user == len(self._names)):
                return kind, max((place for place in places if place < user), default=places[0])
        return "", -1


def _imports(code: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(code)
    return "\n".join([ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)])


def names_of(code: str) -> Names:
    """Return what a block defines and uses; of one that does not parse, what it seems to define."""
    table, tree = _table(code), _tree(code)
    if table is None or tree is None:
        return _defined_in(code)._replace(parses=False)
    defined, imported, methods, free = set(), set(), set(), set()
    for symbol in table.get_symbols():
        if symbol.is_imported():
            imported.add(symbol.get_name())
        elif symbol.is_assigned():
            defined.add(symbol.get_name())
    tables = [table]
    while tables:
        each = tables.pop()
        tables += each.get_children()
        if each.get_type() == "class":
            methods |= {symbol.get_name() for symbol in each.get_symbols() if symbol.is_namespace()}
        symbols = each.get_symbols()
        free |= {symbol.get_name() for symbol in symbols if symbol.is_referenced() and symbol.is_global()}
        defined |= {symbol.get_name() for symbol in symbols if symbol.is_declared_global() and symbol.is_assigned()}
    used = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    free = (free | used) - defined - imported - BUILTINS
    stubs = _stubs(tree)
    return Names(
        frozenset(defined - stubs),
        frozenset(methods),
        frozenset(imported),
        frozenset(free),
        acts=frozenset(used),
        stubs=stubs,
        prints=_may_print(tree.body, {node.name for node in tree.body if isinstance(node, DEFINITIONS)}),
    )


def _stubs(tree: ast.Module) -> frozenset[str]:
    """Return the functions and classes of which every definition is a stub."""
    stubs: set[str] = set()
    others: set[str] = set()
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            declares = _is_function(node) or any(
                map(_is_function, node.body)
            )  # `class MyError(Exception): pass` is whole
            (stubs if declares and _is_stub(node) else others).add(node.name)
    return frozenset(stubs - others)


def _is_stub(node: ast.stmt) -> bool:
    """Tell whether a statement does nothing, or defines what does nothing."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return all(map(_is_stub, node.body))
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case _:
            return False


def _is_function(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _may_print(body: Iterable[ast.stmt], defined: Collection[str]) -> bool:
    """Tell whether statements may print when they run. `defined`: functions and classes, which may do so when used."""
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                continue
            case ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]):
                continue
            case ast.ClassDef(decorator_list=[]):
                if _may_print(node.body, defined):
                    return True
            case _:
                if any(name in defined or PRINTS.search(name) or name in RUNS_TEXT for name in _names_in(node)):
                    return True
    return False


def _names_in(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr


def _defined_in(code: str) -> Names:
    return Names(frozenset(found[1] or found[2] for found in DEFINED.finditer(code)))


def _tree(code: str) -> ast.Module | None:
    """Return the syntax tree of Python code; None for what is no Python or too long to look at."""
    if len(code) > MOST_PARSED:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _table(code: str) -> symtable.SymbolTable | None:
    """Return the symbols of Python code; None for what is no Python or too long to look at."""
    if len(code) > MOST_PARSED:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return symtable.symtable(code, "code", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _is_program(text: str) -> bool:
    """Tell whether a text is Python that does something; a word or two is prose."""
    return len(text) <= MOST_PARSED and ACTS.search(text) is not None and _table(_plain(text)) is not None


def _plain(text: str) -> str:
    return textwrap.dedent(text.replace("\r\n", "\n").strip("\n"))


def _listed(places: Sequence[int]) -> str:
    if len(places) == 1:
        return f"number {places[0] + 1} was"
    return f"numbers {', '.join(str(place + 1) for place in places[:-1])} and {places[-1] + 1} were"
