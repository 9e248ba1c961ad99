"""The families of problems of the demo: what to do in words, how to do it right, and how not to.

A family carries the right expression, some plausible wrong ones, and a reference function, written apart from the
expressions, that computes what the tests expect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Constants = tuple[int, ...]

NUMBERS = tuple(range(2, 20))
SINGLES: tuple[Constants, ...] = tuple((k,) for k in NUMBERS)
SMALL: tuple[Constants, ...] = tuple((k,) for k in range(2, 12))
RANGES: tuple[Constants, ...] = tuple(combinations(NUMBERS, 2))
PAIRS: tuple[Constants, ...] = tuple(permutations(NUMBERS, 2))


@dataclass(frozen=True)
class Family:
    name: str
    argument: Literal["int", "list", "text"]
    doc: str
    """What to do, in words; `{v}` is the argument and `{a}`, `{b}` are the constants."""
    bodies: tuple[str, ...]
    """Expressions over the same names and the `parts`: the right one first, then wrong ones."""
    solve: Callable[..., Any]
    """The reference: (argument, *constants) to the value."""
    constants: tuple[Constants, ...] = ((),)
    """Every filling of the constants."""
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further choices inside a body, by name: the right one first. Only pipelines have them."""


SIMPLE: tuple[Family, ...] = (
    Family(
        "add",
        "int",
        "Add {a} to {v}.",
        ("{v} + {a}", "{v} - {a}", "{v} * {a}", "{a} - {v}"),
        lambda v, a: v + a,
        SINGLES,
    ),
    Family(
        "take",
        "int",
        "Take {a} away from {v}.",
        ("{v} - {a}", "{a} - {v}", "{v} + {a}", "{v} // {a}"),
        lambda v, a: v - a,
        SINGLES,
    ),
    Family(
        "times",
        "int",
        "Multiply {v} by {a}.",
        ("{v} * {a}", "{v} + {a}", "{v} ** {a}", "{v} // {a}"),
        lambda v, a: v * a,
        SINGLES,
    ),
    Family(
        "scale",
        "int",
        "Multiply {v} by {a}, then add {b}.",
        ("{v} * {a} + {b}", "{v} * {b} + {a}", "({v} + {b}) * {a}", "{v} + {a} * {b}"),
        lambda v, a, b: v * a + b,
        PAIRS,
    ),
    Family(
        "remainder",
        "int",
        "Return the remainder of {v} divided by {a}.",
        ("{v} % {a}", "{v} // {a}", "{a} % {v}", "{v} - {a}"),
        lambda v, a: v % a,
        SINGLES,
    ),
    Family(
        "quotient",
        "int",
        "Divide {v} by {a} and round down.",
        ("{v} // {a}", "{v} / {a}", "{v} % {a}", "{a} // {v}"),
        lambda v, a: v // a,
        SINGLES,
    ),
    Family(
        "multiple",
        "int",
        "Is {v} a multiple of {a}?",
        ("{v} % {a} == 0", "{v} % {a} != 0", "{v} // {a} == 0", "{a} % {v} == 0"),
        lambda v, a: v % a == 0,
        SINGLES,
    ),
    Family(
        "cap",
        "int",
        "Return {v}, but at most {a}.",
        ("min({v}, {a})", "max({v}, {a})", "{v} % {a}", "{v} <= {a}"),
        min,
        SINGLES,
    ),
    Family(
        "floor",
        "int",
        "Return {v}, but at least {a}.",
        ("max({v}, {a})", "min({v}, {a})", "{v} + {a}", "{v} >= {a}"),
        max,
        SINGLES,
    ),
    Family(
        "clip",
        "int",
        "Clip {v} to the range {a} to {b}.",
        ("max({a}, min({v}, {b}))", "min({a}, max({v}, {b}))", "max({b}, min({v}, {a}))", "min({v}, {b})"),
        lambda v, a, b: max(a, min(v, b)),
        RANGES,
    ),
    Family(
        "between",
        "int",
        "Is {v} from {a} to {b}, both included?",
        ("{a} <= {v} <= {b}", "{a} < {v} < {b}", "{a} <= {v} < {b}", "{v} <= {b}"),
        lambda v, a, b: a <= v <= b,
        RANGES,
    ),
    Family(
        "outside",
        "int",
        "Is {v} below {a} or above {b}?",
        ("{v} < {a} or {v} > {b}", "{v} < {a} and {v} > {b}", "{v} <= {a} or {v} >= {b}", "{v} > {b}"),
        lambda v, a, b: v < a or v > b,
        RANGES,
    ),
    Family(
        "distance",
        "int",
        "How far is {v} from {a}?",
        ("abs({v} - {a})", "{v} - {a}", "{a} - {v}", "abs({v} + {a})"),
        lambda v, a: abs(v - a),
        SINGLES,
    ),
    Family(
        "power",
        "int",
        "Raise {v} to the power of {a}.",
        ("{v} ** {a}", "{v} * {a}", "{v} ** {v}", "{v} + {a}"),
        lambda v, a: v**a,
        SMALL,
    ),
    Family(
        "first",
        "list",
        "Return the first {a} items of {v}.",
        ("{v}[:{a}]", "{v}[{a}:]", "{v}[-{a}:]", "{v}[{a}]"),
        lambda v, a: v[:a],
        SMALL,
    ),
    Family(
        "last",
        "list",
        "Return the last {a} items of {v}.",
        ("{v}[-{a}:]", "{v}[:{a}]", "{v}[:-{a}]", "{v}[{a}:]"),
        lambda v, a: v[-a:],
        SMALL,
    ),
    Family(
        "skip",
        "list",
        "Return {v} without its first {a} items.",
        ("{v}[{a}:]", "{v}[:{a}]", "{v}[:-{a}]", "{v}[-{a}:]"),
        lambda v, a: v[a:],
        SMALL,
    ),
    Family(
        "drop",
        "list",
        "Return {v} without its last {a} items.",
        ("{v}[:-{a}]", "{v}[-{a}:]", "{v}[:{a}]", "{v}[{a}:]"),
        lambda v, a: v[:-a],
        SMALL,
    ),
    Family(
        "occurs",
        "list",
        "Does {a} occur in {v}?",
        ("{a} in {v}", "{a} not in {v}", "{v} == {a}", "len({v}) == {a}"),
        lambda v, a: a in v,
        SINGLES,
    ),
    Family(
        "often",
        "list",
        "How often does {a} occur in {v}?",
        ("{v}.count({a})", "{v}.index({a})", "len({v})", "{v}[{a}]"),
        lambda v, a: v.count(a),
        SINGLES,
    ),
    Family(
        "distinct",
        "list",
        "Return the distinct items of {v} in order of size.",
        ("sorted(set({v}))", "sorted({v})", "len(set({v}))", "list({v})"),
        lambda v: sorted(set(v)),
    ),
    Family(
        "spread",
        "list",
        "Return the difference of the largest and smallest of {v}.",
        ("max({v}) - min({v})", "min({v}) - max({v})", "max({v}) + min({v})", "max({v}) - len({v})"),
        lambda v: max(v) - min(v),
    ),
    Family(
        "backwards",
        "list",
        "Return {v} in reverse order.",
        ("{v}[::-1]", "{v}[:-1]", "sorted({v})", "{v}.reverse()"),
        lambda v: v[::-1],
    ),
    Family(
        "repeat",
        "text",
        "Repeat {v} {a} times.",
        ("{v} * {a}", "{v} + {a}", "[{v}] * {a}", "{v} ** {a}"),
        lambda v, a: v * a,
        SMALL,
    ),
    Family(
        "longer",
        "text",
        "Is {v} longer than {a} characters?",
        ("len({v}) > {a}", "len({v}) >= {a}", "len({v}) < {a}", "{v} > {a}"),
        lambda v, a: len(v) > a,
        SINGLES,
    ),
    Family(
        "words",
        "text",
        "How many words are in {v}?",
        ("len({v}.split())", "len({v})", "{v}.split()", "len({v}.split()) - 1"),
        lambda v: len(v.split()),
    ),
    Family(
        "reverse",
        "text",
        "Return the words of {v} in reverse order.",
        ('" ".join({v}.split()[::-1])', "{v}[::-1]", '"".join({v}.split()[::-1])', "{v}.split()[::-1]"),
        lambda v: " ".join(reversed(v.split())),
    ),
    Family(
        "vowels",
        "text",
        "Count the vowels in {v}.",
        (
            'sum(c in "aeiou" for c in {v})',
            'sum(c not in "aeiou" for c in {v})',
            '{v}.count("aeiou")',
            'any(c in "aeiou" for c in {v})',
        ),
        lambda v: sum(map(v.count, "aeiou")),
    ),
    Family(
        "palindrome",
        "text",
        "Does {v} read the same backwards?",
        ("{v} == {v}[::-1]", "{v} != {v}[::-1]", "{v} == {v}[:-1]", "{v}[0] == {v}[-1]"),
        lambda v: list(v) == list(reversed(v)),
    ),
    Family(
        "longest",
        "text",
        "Return the length of the longest word in {v}.",
        (
            "max(len(w) for w in {v}.split())",
            "min(len(w) for w in {v}.split())",
            "max(len(w) for w in {v})",
            "len({v}.split()[0])",
        ),
        lambda v: len(max(v.split(), key=len)),
    ),
)


@dataclass(frozen=True)
class Reducer:
    doc: str
    bodies: tuple[str, ...]
    solve: Callable[[list[int]], Any]


@dataclass(frozen=True)
class Step:
    """A map or a filter of a pipeline."""

    doc: str
    choices: tuple[str, ...]
    solve: Callable[..., Any]
    constants: tuple[Constants, ...] = ((),)


REDUCERS = {
    "sum": Reducer("Return the sum of ", ("sum({map} for i in {v} if {test})", "[{map} for i in {v} if {test}]"), sum),
    "list": Reducer("List ", ("[{map} for i in {v} if {test}]", "sum({map} for i in {v} if {test})"), list),
    "count": Reducer("Count ", ("len([{map} for i in {v} if {test}])", "[{map} for i in {v} if {test}]"), len),
}
MAPS = {
    "plain": Step("", ("i", "i * i"), lambda i: i),
    "square": Step("the squares of ", ("i * i", "i + i"), lambda i: i**2),
    "double": Step("the doubles of ", ("i * 2", "i ** 2"), lambda i: i + i),
    "negate": Step("the negatives of ", ("-i", "i"), lambda i: 0 - i),
}
FILTERS = {
    "even": Step("the even numbers", ("i % 2 == 0", "i % 2 == 1"), lambda i: not i & 1),
    "odd": Step("the odd numbers", ("i % 2 == 1", "i % 2 == 0"), lambda i: i & 1),
    "positive": Step("the positive numbers", ("i > 0", "i < 0"), lambda i: i >= 1),
    "negative": Step("the negative numbers", ("i < 0", "i > 0"), lambda i: i <= -1),
    "above": Step("the numbers above {a}", ("i > {a}", "i < {a}", "i >= {a}"), lambda i, a: i >= a + 1, SINGLES),
    "below": Step("the numbers below {a}", ("i < {a}", "i > {a}", "i <= {a}"), lambda i, a: i <= a - 1, SINGLES),
    "multiple": Step("the multiples of {a}", ("i % {a} == 0", "i // {a} == 0"), lambda i, a: i == i // a * a, SINGLES),
    "except": Step("the numbers except {a}", ("i != {a}", "i == {a}"), lambda i, a: abs(i - a) > 0, SINGLES),
}


def pipeline(reducer: str, mapping: str, filtering: str) -> Family:
    """Reduce what is mapped of what is filtered; a count has no map to choose, as any map counts alike."""
    reduce, step, test = REDUCERS[reducer], MAPS[mapping], FILTERS[filtering]
    bodies, parts = reduce.bodies, {"map": step.choices, "test": test.choices}
    if reducer == "count":
        bodies, parts = tuple(body.replace("{map}", "i") for body in bodies), {"test": test.choices}
    return Family(
        name=f"{reducer}-{mapping}-{filtering}",
        argument="list",
        doc=f"{reduce.doc}{step.doc}{test.doc} in {{v}}.",
        bodies=bodies,
        solve=lambda v, *constants: reduce.solve([step.solve(i) for i in v if test.solve(i, *constants)]),
        constants=test.constants,
        parts=parts,
    )


PIPELINES = tuple(
    pipeline(reducer, mapping, filtering)
    for reducer in REDUCERS
    for mapping in MAPS
    for filtering in FILTERS
    if reducer != "count" or mapping == "plain"
)
