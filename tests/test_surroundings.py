"""What a test does around the submission is read from its text, so that a test that does nothing pays nothing."""

from __future__ import annotations

import pytest

from reward_server.judging.surroundings import surroundings


@pytest.mark.parametrize(
    "source",
    [
        "from solution import f\ndef test(): assert f(1) == 2",
        "import pytest, math\nfrom solution import f\ndef test():\n    with pytest.raises(ValueError): f(math.pi)",
        "def check(candidate):\n    assert candidate([1, 2]) == 3",
        "def test(capsys): assert capsys.readouterr().out == 'a'",
    ],
)
def test_most_tests_carry_nothing(source: str) -> None:
    assert surroundings(source) == {}


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("def test(tmp_path): f(tmp_path)", ["files"]),
        ("import random\nrandom.seed(1)", ["seeds"]),
        ("def test(monkeypatch): monkeypatch.setattr('time.time', f)", ["patches"]),
        ("import builtins\nbuiltins.input = f", ["patches"]),
        ("def test():\n    with pytest.warns(UserWarning): f()", ["warnings"]),
        ("def test(caplog): f()", ["logs"]),
    ],
)
def test_what_a_text_names_is_carried(source: str, kinds: list[str]) -> None:
    assert surroundings(source)["kinds"] == kinds


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("import inspect\ninspect.getsource(f)", True),
        ("import subprocess, sys\nsubprocess.run([sys.executable, 'solution.py'])", True),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'solution'])", True),
        ("import os\nos.system('python -m solution < in.txt')", True),
        ("import subprocess, solution as s\nsubprocess.run(['python', s.__file__])", True),
        ("import subprocess\nsubprocess.run(['python', '-c', 'from solution import f'])", True),
        ("import runpy\nrunpy.run_module('solution')", True),
        ("exec(open('solution.py').read())", True),
        ("import importlib\nimportlib.import_module('solution')", False),
        ("import solution\nassert solution.__file__.endswith('.py')", False),
        ("import subprocess\nsubprocess.run(['python', 'my_solution.py'])", False),
        ("import subprocess\nassert f(1), 'the solution is wrong'", False),
        ('"""Tests of solution.py."""\ndef test(tmp_path): assert f(tmp_path)', False),
        ("assert f(1), 'see solution.py'", False),
    ],
)
def test_the_file_of_the_submission_is_needed_where_the_text_reads_or_starts_it(source: str, needed: bool) -> None:
    """The judge has no such file: a failure says nothing of the submission, and nothing else may be excused so."""
    assert surroundings(source).get("needs_source", False) is needed


def test_what_may_be_patched_is_of_the_library() -> None:
    source = """
import time, random as r
from unittest import mock
import solution
def test(monkeypatch):
    with mock.patch("builtins.input"), mock.patch("os.path.exists"), mock.patch("solution.time.sleep"): pass
    monkeypatch.setattr(r, "choice", max)
    time.sleep = print
"""
    targets = surroundings(source)["targets"]
    assert ["builtins", "input"] in targets
    assert ["os.path", "exists"] in targets
    assert ["random", "choice"] in targets
    assert ["time", "sleep"] in targets
    assert all(not module.startswith("solution") for module, _ in targets)


def test_so_may_be_what_a_class_of_the_library_holds() -> None:
    source = """
import logging
from pathlib import Path
from solution import Thing
def test(monkeypatch):
    monkeypatch.setattr(Path, "exists", f)
    monkeypatch.setattr(logging.Logger, "info", f)
"""
    targets = surroundings(source)["targets"]
    assert ["pathlib.Path", "exists"] in targets
    assert ["logging.Logger", "info"] in targets
    assert all(not module.startswith("solution") for module, _ in targets)


@pytest.mark.parametrize(
    "use",
    [
        "import pickle\npickle.load(open(p, 'rb'))",
        "exec(open(p).read())",
        "import builtins\nbuiltins.eval(open(p).read())",
        "getattr(__builtins__, 'exec')(open(p).read())",
        "import subprocess\nsubprocess.run(['python', p])",
        "import sys\nsys.path.insert(0, tmp_path)",
        "monkeypatch.syspath_prepend(tmp_path)",
        "from importlib import import_module",
        "import yaml\nyaml.load(open(p))",
        "from yaml import unsafe_load",
        "import tarfile\ntarfile.open(p).extractall()",
        "import numpy as np\nnp.load(p, allow_pickle=True)",
        "import pandas as pd\npd.read_pickle(p)",
    ],
)
def test_a_test_that_may_run_what_a_file_says_takes_none_of_the_submission(use: str) -> None:
    assert surroundings(f"def test(tmp_path): open('x')\n{use}")["takes_files"] is False


@pytest.mark.parametrize(
    "use", ["import re\nre.compile('a')", "import yaml\nyaml.safe_load(t)", "import json\njson.load(f)", "model.eval()"]
)
def test_others_take_them(use: str) -> None:
    assert surroundings(f"def test(tmp_path): open('x')\n{use}")["takes_files"] is True


def test_data_files_of_a_problem_are_files() -> None:
    assert surroundings("def test(): assert f('data.csv') == 1", has_data=True)["kinds"] == ["files"]
