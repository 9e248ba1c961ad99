"""`load_problems` answers with checked problems, or with one error that names file, line, field and fix."""

from __future__ import annotations

import gzip
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import ProblemSetError
from tasks.registry import SOURCES, load_problems

LEETCODE = Path(__file__).parents[2] / "shared" / "data" / "leetcodedataset_sample.jsonl.gz"
HUMANEVAL = Path(__file__).parents[2] / "shared" / "data" / "humaneval.jsonl.gz"
ROW = {"id": "a", "prompt": "Add.", "tests": {"kind": "stdio", "cases": [{"stdin": "1", "stdout": "1"}]}}
HUMANEVAL_ROW = {
    "task_id": "Toy/1",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
}
LEETCODE_ROW = {
    "task_id": "toy",
    "problem_description": "Same.",
    "starter_code": "class Solution:\n    def same(self, x): ",
    "prompt": "",
    "completion": "class Solution:\n    def same(self, x): return x",
    "entry_point": "Solution().same",
    "test": "def check(candidate):\n    assert candidate(x = 1) == 1",
}
MBPP_ROW = {"task_id": 1, "text": "Same.", "code": "def f(x): return x", "test_list": ["assert f(1) == 1"]}


def write(path: Path, *rows: object) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def complaint(source: object) -> str:
    with pytest.raises(ProblemSetError) as caught:
        load_problems(str(source))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` is there, and the hub is not."""

    def load_dataset(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))


def test_the_bundled_problems_load() -> None:
    assert len(load_problems("bundled")) >= 64


def test_a_caller_may_change_the_list() -> None:
    load_problems("bundled").clear()
    assert load_problems("bundled")


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz"])
@pytest.mark.parametrize("prefix", ["", "jsonl:"])
def test_files_of_our_own_schema(tmp_path: Path, name: str, prefix: str) -> None:
    path = write(tmp_path / name, ROW, "", {**ROW, "id": "b"})
    assert [problem.id for problem in load_problems(f"{prefix}{path}")] == ["a", "b"]


def test_a_prefix_makes_the_ending_free(tmp_path: Path) -> None:
    path = write(tmp_path / "problems.txt", ROW)
    assert len(load_problems(f"jsonl:{path}")) == 1


def test_a_json_file_holds_one_list(tmp_path: Path) -> None:
    """The sanitized MBPP is published in this form."""
    path = write(tmp_path / "sanitized.json", [MBPP_ROW, {**MBPP_ROW, "task_id": 2}])
    assert [problem.id for problem in load_problems(f"mbpp:{path}")] == ["MBPP/1", "MBPP/2"]
    write(path, [MBPP_ROW, {"task_id": 2, "text": "x", "test_list": ["assert f()"]}])
    assert "sanitized.json, item 2: field `code` is missing: add it" in complaint(f"mbpp:{path}")
    assert "give a list of rows" in complaint(f"mbpp:{write(path, MBPP_ROW)}")


def test_ends_of_line_inside_strings_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({**ROW, "prompt": "a\u2028b\u0085c"}, ensure_ascii=False) + "\r\n", encoding="utf-8-sig")
    assert load_problems(str(path))[0].prompt == "a\u2028b\u0085c"


@pytest.mark.parametrize(
    ("name", "row", "problem_id"),
    [
        ("humaneval", HUMANEVAL_ROW, "Toy/1"),
        ("mbpp", MBPP_ROW, "MBPP/1"),
        ("mbpp-train", MBPP_ROW, "MBPP/1"),
        ("leetcode", LEETCODE_ROW, "toy"),
    ],
)
def test_local_files_of_public_sets(tmp_path: Path, name: str, row: dict[str, Any], problem_id: str) -> None:
    path = write(tmp_path / "set.jsonl.gz", row)
    assert [problem.id for problem in load_problems(f"{name}:{path}")] == [problem_id]


@pytest.mark.skipif(not HUMANEVAL.exists(), reason="the real HumanEval file is not beside the repository")
def test_the_real_humaneval_file_loads() -> None:
    assert len(load_problems(f"humaneval:{HUMANEVAL}")) == 164


@pytest.mark.skipif(not LEETCODE.exists(), reason="the sample of LeetCodeDataset is not beside the repository")
def test_the_sample_of_leetcodedataset_loads() -> None:
    assert len(load_problems(f"leetcode:{LEETCODE}")) == 12


@pytest.mark.parametrize(
    ("name", "row"),
    [("humaneval", HUMANEVAL_ROW), ("mbpp", MBPP_ROW), ("mbpp-train", MBPP_ROW), ("leetcode", LEETCODE_ROW)],
)
def test_public_sets_come_from_the_hub(monkeypatch: pytest.MonkeyPatch, name: str, row: dict[str, Any]) -> None:
    asked: list[tuple[object, ...]] = []

    def load_dataset(dataset: str, configuration: str, *, split: str) -> list[dict[str, Any]]:
        asked.append((dataset, configuration, split))
        return [row]

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    assert len(load_problems(name)) == 1
    hub = SOURCES[name].hub
    assert hub
    assert asked == [(hub.dataset, hub.configuration, hub.split)]


@pytest.mark.parametrize("name", ["humaneval", "mbpp", "mbpp-train"])
def test_a_hub_that_cannot_be_reached(no_hub: None, name: str) -> None:
    message = complaint(name)
    assert "cannot be had from the Hugging Face hub (ConnectionError: no route to host)" in message
    assert f"give a local file: `{name}:PATH`" in message


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_without_datasets_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    message = complaint(name)
    assert "install `passrate[train]`" in message
    assert f"`{name}:PATH`" in message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "unknown source of problems ``"),
        (
            "humanevel",
            "unknown source of problems `humanevel`: give bundled, jsonl, humaneval, mbpp, mbpp-train, leetcode",
        ),
        ("problems.csv", "unknown source"),
        ("other:p.txt", "unknown source"),
        ("jsonl", "give `jsonl:PATH`"),
        ("jsonl:", "lacks its path: give `jsonl:PATH`"),
        ("mbpp:", "lacks its path: give `mbpp:PATH`"),
        ("bundled:p.jsonl", "`bundled` takes no path: give `bundled`, or `jsonl:p.jsonl` for a file"),
    ],
)
def test_other_sources_are_unknown(source: str, message: str) -> None:
    assert message in complaint(source)


@pytest.mark.parametrize(
    "source", ["{}/none.jsonl", "jsonl:{}/none", "humaneval:{}/none.jsonl.gz", "mbpp:{}/none.json"]
)
def test_a_missing_file(tmp_path: Path, source: str) -> None:
    message = complaint(source.format(tmp_path))
    assert str(tmp_path / "none") in message
    assert "no such file; check the path" in message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in complaint(f"jsonl:{tmp_path}")


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl.gz"
    whole = write(path, ROW).read_bytes()
    for damaged in (whole[:-9], whole[:12] + b"\xff\xff\xff" + whole[15:]):
        path.write_bytes(damaged)
        assert "p.jsonl.gz: damaged gzip data" in complaint(path)
    path = tmp_path / "p.jsonl"
    path.write_bytes(b'{"id": "\xff"}\n')
    assert "p.jsonl: not UTF-8 at byte 8; save the file as UTF-8" in complaint(path)


@pytest.mark.parametrize("rows", [(), ("",), ("  ", "\t")])
def test_an_empty_set(tmp_path: Path, rows: tuple[str, ...]) -> None:
    message = complaint(write(tmp_path / "p.jsonl", *rows))
    assert "p.jsonl` holds no problem: give a set with at least one" in message


@pytest.mark.parametrize(
    "line", ["{", "id: a", "{'id': 'a'}", '{"id": "a"} x', "[" * 100_000, '{"x": ' + "9" * 5000 + "}"]
)
def test_a_line_that_is_not_json_is_named(tmp_path: Path, line: str) -> None:
    message = complaint(write(tmp_path / "p.jsonl", ROW, "", line))
    assert "p.jsonl, line 3: " in message
    assert "JSON" in message


@pytest.mark.parametrize("line", ["[]", "1", "null", '"text"'])
def test_a_row_is_an_object(tmp_path: Path, line: str) -> None:
    assert "p.jsonl, line 1: a row is an object with named fields" in complaint(write(tmp_path / "p.jsonl", line))


def test_ids_are_unique(tmp_path: Path) -> None:
    message = complaint(write(tmp_path / "p.jsonl", ROW, {**ROW, "id": "b"}, ROW))
    assert "p.jsonl, line 3: field `id`: `a` is taken by" in message
    assert "p.jsonl, line 1; give each problem its own id" in message


def test_ids_are_needed(tmp_path: Path) -> None:
    """Inline problems of a request have a key; those of a set are known by their id only."""
    assert "line 1: field `id` is missing: add" in complaint(write(tmp_path / "p.jsonl", {"tests": ROW["tests"]}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"promt": "x"}, "field `promt` is unknown: correct its name or remove it"),
        ({"tests": {"cases": []}}, "field `tests.kind` is missing: add it"),
        ({"tests": {"kind": "stdio"}}, "field `tests.cases` is missing: add it"),
        (
            {"tests": {"kind": "stdio", "cases": [{"stdout": ""}, {}]}},
            "field `tests.cases.1.stdout` is missing: add it",
        ),
        ({"tests": {"kind": "unit"}}, "field `tests`: Input tag 'unit' found"),
        (
            {"tests": {"kind": "call", "cases": [{"args": []}]}},
            "field `tests.cases.0.expected`: give either `expected` or `raises`",
        ),
        (
            {"tests": {"kind": "call", "cases": [{"expected": 1}]}},
            "line 2: field `entry_point`: tests of kind `call` need an `entry_point`",
        ),
        ({"limits": {"cpu_s": 0}}, "field `limits.cpu_s`: Input should be greater than 0"),
        ({"setup": "x ="}, "field `setup`: source does not parse: line 1"),
        ({"prompt": 5}, "field `prompt`: "),
        ({"tests": {**ROW["tests"], "compare": "equal"}}, "field `tests.compare`: "),  # type: ignore[dict-item]
    ],
)
def test_a_row_that_is_no_problem_names_line_and_field(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "p.jsonl", ROW, {**ROW, "id": "b", **changes})
    assert complaint(path).startswith(f"{path}, line 2: ")
    assert message in complaint(path)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("humaneval", {**HUMANEVAL_ROW, "test": "def check("}, "field `test`: source does not parse: line 1"),
        ("humaneval", {**HUMANEVAL_ROW, "entry_point": "g"}, "line 1: `entry_point`: `prompt` does not define `g`"),
        ("humaneval", {**MBPP_ROW, "task_id": "x"}, "field `prompt` is missing: add it"),
        ("mbpp", HUMANEVAL_ROW, "field `code` is missing: add it"),
        (
            "mbpp",
            {**MBPP_ROW, "test_list": ["assert f(1) == 1", "assert"]},
            "field `test_list.1`: source does not parse",
        ),
    ],
)
def test_rows_of_public_sets_are_checked(tmp_path: Path, name: str, row: dict[str, Any], message: str) -> None:
    assert message in complaint(f"{name}:{write(tmp_path / 'p.jsonl', row)}")


def test_bundled_problems_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    load_problems("bundled")
    monkeypatch.setattr("tasks.registry.tomllib", None)
    assert load_problems("bundled")
