"""Words for what is wrong with a request: the field by its path, as the sender knows it, and the fix.

Promises: nothing of what the request contained is repeated, except for the names of its fields.
"""

from __future__ import annotations

import difflib
import functools
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from pydantic.json_schema import models_json_schema

from reward_server.errors import BadRequest
from tasks.errors import WrongField

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    Schema = dict[str, Any]

FIXES: Final = {
    "string_type": "give a string",
    "string_too_short": "empty: give some text",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "list_type": "give a list",
    "tuple_type": "give a list",
    "dict_type": "give an object",
    "model_type": "give an object",
    "model_attributes_type": "give an object",
    "missing": "this field is required",
    "finite_number": "give a finite number",
    "string_unicode": "give text without lone surrogates",
    "string_pattern_mismatch": "give a plain name, without special characters or space around it",
    "none_required": "give null",
}
"""What to do about a wrong value, by pydantic's type of error; for other types its message says it."""
OTHER_NAMES: Final = {
    **dict.fromkeys(("input", "inputs"), ("stdin", "args")),
    **dict.fromkeys(("output", "outputs", "answer", "expected_output"), ("stdout", "expected")),
    **dict.fromkeys(("expected", "stdout"), ("stdout", "expected")),
    **dict.fromkeys(("solution", "program", "source_code"), ("code", "reference")),
    **dict.fromkeys(("response", "text"), ("completion",)),
    **dict.fromkeys(("timeout", "time_limit", "time_limit_s", "timeout_s"), ("cpu_s", "deadline_s")),
    **dict.fromkeys(("memory", "memory_limit"), ("memory_mb",)),
    **dict.fromkeys(("function", "function_name", "fn_name"), ("entry_point",)),
}
"""What other judges and data sets call our fields."""
ALIKE, ALMOST_THE_SAME = 0.6, 0.8
"""How similar a field must be to be what was meant; the second one where it is a field of something else."""

COMPARED_CHARS: Final = 64
"""No field has a longer name."""
SHOWN_CHARS: Final = 200
"""Of each name in a path. The ids of stored problems are no longer."""
MOST_ERRORS: Final = 1000
"""So many of the first errors are looked at."""
MOST_MESSAGES: Final = 16
"""So many errors of the field that is shown are put in words."""


class Place(NamedTuple):
    """Where a field belongs."""

    parent: str
    """The path of the object that has it; empty for the request itself."""
    kind: str
    """The kind of tests that have it, if it is one of theirs."""


def explain(model: type[BaseModel], errors: Sequence[ErrorDetails], body: Any) -> BadRequest:
    """Say what is wrong with the first wrong field, and how many others there are.

    The time is bounded, however many errors there are: `MOST_ERRORS` are looked at, and only one field is put in words.
    """
    looked_at = errors[:MOST_ERRORS]
    wrong: dict[str, list[ErrorDetails]] = {}
    for error in looked_at:
        if not _follows_from_another(error, looked_at):
            wrong.setdefault(_field(error, body), []).append(error)
    unknown = [field for field, each in wrong.items() if any(error["type"] == "extra_forbidden" for error in each)]
    first = next(iter(wrong))
    best = _best(first, wrong, unknown)
    others = sum(not field.startswith(first) and field != best for field in wrong) + len(errors) - len(looked_at)
    more = f" (and {others} more)" if others else ""
    messages = dict.fromkeys(_message(model, error, best) for error in wrong[best][:MOST_MESSAGES])
    return BadRequest(best or "body", "; or ".join([*messages][:4]) + more)


def _best(first: str, wrong: Iterable[str], unknown: Sequence[str]) -> str:
    """Return the field whose error says best what is wrong."""
    # Where a union fails, each of its members complains. A field that none of them knows says it best, then the
    # innermost one.
    within = dict.fromkeys(field for field in wrong if field.startswith((f"{first}.", f"{first}[")))
    # What is missing may be there under a wrong name.
    beside = [field for field in unknown if _parent(field) == _parent(first)]
    return next(iter([*(field for field in unknown if field in within), *beside, *within]), first)


def _parent(field: str) -> str:
    return field.rpartition(".")[0]


def _follows_from_another(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Tell whether a list is only called too short because an item of it was wrong."""
    at = error["loc"]
    return error["type"] == "too_short" and any(
        other["loc"][: len(at)] == at and len(other["loc"]) > len(at) for other in errors
    )


def _field(error: ErrorDetails, body: Any) -> str:
    """Return the path as the sender knows it: pydantic's own has the names of union members in between."""
    path = ""
    value = body
    for at, step in enumerate(error["loc"]):
        absent = error["type"] == "missing" and at == len(error["loc"]) - 1
        if isinstance(step, int) and isinstance(value, list) and (step < len(value) or absent):
            path += f"[{step}]"
            value = value[step] if not absent else None
        elif isinstance(step, str) and isinstance(value, dict) and (step in value or absent):
            path += f".{step[:SHOWN_CHARS]}" if path else step[:SHOWN_CHARS]
            value = value.get(step)
    cause = error.get("ctx", {}).get("error")
    within = [step[:SHOWN_CHARS] for step in cause.path] if isinstance(cause, WrongField) else []
    return ".".join(filter(None, (path, *within)))


def _message(model: type[BaseModel], error: ErrorDetails, field: str) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"unknown field: {_hint(model, error['loc'], field)}"
    if kind == "too_short" and error.get("ctx", {}).get("actual_length") == 0:
        return "empty: give at least one"
    if kind in ("union_tag_invalid", "union_tag_not_found") and "discriminator" in error["ctx"]:
        expected = error["ctx"].get("expected_tags", "'stdio', 'call', 'asserts' or 'pytest'")
        return f"the field {error['ctx']['discriminator'].replace(chr(39), '`')} should be one of {expected}"
    if kind in FIXES:
        return FIXES[kind]
    return error["msg"].removeprefix("Value error, ").removeprefix("Input ")


def _hint(model: type[BaseModel], loc: tuple[int | str, ...], field: str) -> str:
    """Say what an unknown field may be meant to be, or where it belongs."""
    name, places = str(loc[-1]), _places(model)
    if len(name) > COMPARED_CHARS:
        return "leave it out"
    here = {key for each in _objects_at(_schema(model), loc[:-1]) for key in each.get("properties", ())}
    others = OTHER_NAMES.get(name, ())
    alike = ALMOST_THE_SAME if name in places or others else ALIKE
    meant = [each for each in others if each in here] or difflib.get_close_matches(name, here, 1, alike)
    told = [f"did you mean `{meant[0]}`?"] if meant else []
    elsewhere = [name] if name in places else [each for each in others if each in places]
    elsewhere = elsewhere or difflib.get_close_matches(name, places, 1)
    if elsewhere and (not meant or elsewhere == [name]):
        told.append(_belongs(elsewhere[0], places[elsewhere[0]], loc, field))
    return " ".join(told) or "leave it out"


def _belongs(name: str, places: Sequence[Place], loc: tuple[int | str, ...], field: str) -> str:
    """Say where a field belongs: of several places, in the nearest one."""
    problem = str(loc[1])[:SHOWN_CHARS] if loc[0] == "problems" else "NAME"
    parent = _generic(_parent(field))
    named = [place._replace(parent=place.parent.replace("{}", problem)) for place in places]
    place = max(named, key=lambda each: (_shared(each.parent, parent), not each.kind, -len(each.parent)))
    kinds = {each.kind for each in named if each.parent == place.parent}
    if place.parent == parent and kinds.intersection(map(str, loc)):
        return f"`{name}` does not go with the other fields here: leave it out"
    where = f"in `{place.parent}`" if place.parent else "at the top of the request"
    if place.kind and len(kinds) == 1 and place.kind not in loc:
        where += f", for tests of kind `{place.kind}`"
    return f"`{name}` belongs {where}" if name == loc[-1] else f"did you mean `{name}` {where}?"


def _generic(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


def _shared(one: str, other: str) -> int:
    """Return how many steps two paths begin with alike."""
    pairs = enumerate(zip(one.split("."), other.split("."), strict=False))
    return next((number for number, pair in pairs if pair[0] != pair[1]), min(one.count("."), other.count(".")) + 1)


@functools.cache
def _schema(model: type[BaseModel]) -> Schema:
    references, definitions = models_json_schema([(model, "validation")])
    return {"root": references[model, "validation"], "$defs": definitions["$defs"]}


def _members(schema: Schema, node: Schema) -> Iterator[Schema]:
    """Yield what a node may be, other than a reference or a union."""
    if "$ref" in node:
        yield from _members(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node or "oneOf" in node:
        for each in node.get("anyOf") or node["oneOf"]:
            yield from _members(schema, each)
    else:
        yield node


def _label(node: Schema) -> str:
    """Return the name of a member of a union, as pydantic's paths have it."""
    return cast("str", node.get("properties", {}).get("kind", {}).get("const") or node.get("title", ""))


def _children(node: Schema, step: int | str) -> list[Schema]:
    if isinstance(step, int):
        items = node.get("items")
        return [items] if isinstance(items, dict) else []
    found = node.get("properties", {}).get(step) or node.get("additionalProperties")
    return [found] if isinstance(found, dict) else []


def _objects_at(schema: Schema, loc: tuple[int | str, ...]) -> list[Schema]:
    """Return the objects that may stand at a path of pydantic's."""
    nodes = list(_members(schema, schema["root"]))
    for step in loc:
        below = [child for node in nodes for child in _children(node, step)]
        if below:
            nodes = [member for child in below for member in _members(schema, child)]
        else:
            nodes = [node for node in nodes if _label(node) == step] or nodes
    return nodes


@functools.cache
def _places(model: type[BaseModel]) -> dict[str, list[Place]]:
    """Return the places of each field of a request."""
    schema = _schema(model)
    places: dict[str, list[Place]] = {}

    def walk(node: Schema, path: str, kind: str) -> None:
        for member in _members(schema, node):
            mine = kind or ("properties" in member and "kind" in member["properties"] and _label(member)) or ""
            for name, child in member.get("properties", {}).items():
                places.setdefault(name, []).append(Place(path, mine))
                walk(child, f"{path}.{name}" if path else name, mine)
            if isinstance(member.get("additionalProperties"), dict):
                walk(member["additionalProperties"], f"{path}.{{}}", mine)
            if isinstance(member.get("items"), dict):
                walk(member["items"], f"{path}[]", mine)

    walk(schema["root"], "", "")
    return places
