"""What test code takes from the submission by a star import."""

# ruff: noqa: E501 - a table

from __future__ import annotations

import json

import pytest

from reward_server.judging.payloads import pytest_payload


@pytest.mark.parametrize(
    ("source", "names", "modules"),
    [
        ("from solution import *\ndef test(): assert f(LIMIT)", {"f", "LIMIT"}, set()),
        ("from solution import *\ndef test(): assert abs(f()) and len(f()) and sorted(f())", {"f"}, set()),
        ("import math\nfrom solution import *\ndef test(): assert math.sqrt(f())", {"f"}, set()),
        ("from solution import *\ndef test(): assert math.sqrt(f())", {"f"}, {"math"}),
        ("from solution import *\ndef helper(): pass\nclass Case: pass\nX = 1\ndef test(): assert f(helper, Case, X)", {"f"}, set()),
        ("from solution import *\ndef test_a():\n    x = f()\ndef test_b(): return x()", {"f", "x"}, set()),
    ],
)  # fmt: skip
def test_a_star_import_replaces_nothing_of_the_tests(source: str, names: set[str], modules: set[str]) -> None:
    payload = json.loads(pytest_payload((("test_it.py", source),), "solution").text)
    assert (set(payload["star_names"]), set(payload["library"])) == (names, modules)
