"""Test files that patch, capture and fake what is around the submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.honest.cases import Case, cases, failures, rows, suite

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

CASES = cases(r"""
[case printing_captured]
import sys
def greet(name): print(f"Hello, {name}!")
def warn(text): print(text, file=sys.stderr)
[tests]
import contextlib, io
from solution import greet, warn
def test_capsys(capsys):
    greet("Ann")
    assert capsys.readouterr().out == "Hello, Ann!\n"
    warn("careful")
    assert capsys.readouterr().err == "careful\n"
def test_redirect():
    out = io.StringIO()
    with contextlib.redirect_stdout(out): greet("Bob")
    assert out.getvalue().strip() == "Hello, Bob!"
[case method_patched_and_put_back]
class Client:
    def fetch(self, page=1): return f"real {page}"
    @staticmethod
    def kind(): return "static"
def use(): return Client().fetch(2), Client.kind()
[tests]
import solution
from unittest import mock
def test_patch(monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(solution.Client, "fetch", lambda self, page: f"fake {page}")
        m.setattr(solution.Client, "kind", lambda: "other")
        assert solution.use() == ("fake 2", "other")
        assert solution.Client().fetch(3) == "fake 3"
    assert solution.use() == ("real 2", "static")
    assert solution.Client().fetch() == "real 1"
def test_mock():
    with mock.patch.object(solution.Client, "fetch", return_value="mocked") as fetch:
        assert solution.use() == ("mocked", "static")
    fetch.assert_called_once()
    assert solution.use() == ("real 2", "static")
[case input_given_by_a_patch]
def ask(): return int(input("How many? "))
def total():
    out = 0
    while (line := input()) != "": out += int(line)
    return out
[tests]
import io
from unittest import mock
from solution import ask, total
def test_builtin(monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *prompt: "5")
    assert ask() == 5
def test_several():
    with mock.patch("builtins.input", side_effect=["1", "2", ""]): assert total() == 3
def test_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("4\n"))
    assert ask() == 4
[case function_of_the_module_patched]
RATE = 2
def fetch(key): raise OSError("no network")
def price(key): return fetch(key) * RATE
[tests]
import solution
from solution import price
def test_monkeypatch(monkeypatch):
    monkeypatch.setattr(solution, "fetch", lambda key: 10)
    assert price("a") == 20
    monkeypatch.setattr(solution, "RATE", 3)
    assert price("a") == 30
def test_put_back():
    assert solution.RATE == 2
[case function_of_the_module_mocked]
def fetch(key): raise OSError("no network")
def price(key): return fetch(key) * 2
[tests]
from unittest import mock
import solution
def test_mock():
    with mock.patch("solution.fetch", return_value=5) as fetched: assert solution.price("k") == 10
    fetched.assert_called_once_with("k")
def test_side_effect():
    with mock.patch.object(solution, "fetch", side_effect=lambda key: len(key)): assert solution.price("abc") == 6
[case clock_patched]
import random, time
def stamp(): return f"t={time.time():.0f}"
def roll(): return random.randint(1, 6)
[tests]
import time
from unittest import mock
from solution import roll, stamp
def test_time(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 100.0)
    assert stamp() == "t=100"
def test_random():
    with mock.patch("random.randint", return_value=4): assert roll() == 4
[case random_seeded_by_the_test]
import random
def draws(n): return [random.random() for _ in range(n)]
[tests]
import random
from solution import draws
def test_seed():
    random.seed(1)
    first = draws(3)
    random.seed(1)
    assert draws(3) == first
[case environment_of_the_test]
import os
def mode(): return os.environ.get("APP_MODE", "prod")
[tests]
from solution import mode
def test_default(): assert mode() == "prod"
def test_set(monkeypatch):
    monkeypatch.setenv("APP_MODE", "dev")
    assert mode() == "dev"
[case files_of_the_test]
import json, pathlib
def count_words(path):
    with open(path) as f: return len(f.read().split())
def save(path, value): pathlib.Path(path).write_text(json.dumps(value))
[tests]
import json
from solution import count_words, save
def test_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one two three")
    assert count_words(str(path)) == 3
def test_write(tmp_path):
    save(str(tmp_path / "b.json"), {"a": [1]})
    assert json.loads((tmp_path / "b.json").read_text()) == {"a": [1]}
[case warnings_and_logs]
import logging, warnings
def old():
    warnings.warn("use new()", DeprecationWarning, stacklevel=2)
    return 1
def noisy():
    logging.getLogger("app").warning("low on %s", "disk")
    return 2
[tests]
import logging
import pytest
from solution import noisy, old
def test_warns():
    with pytest.warns(DeprecationWarning, match="use new"): assert old() == 1
def test_logs(caplog):
    with caplog.at_level(logging.WARNING): assert noisy() == 2
    assert "low on disk" in caplog.text
[case mock_as_a_callback]
def notify(send, names): return [send(n) for n in names]
[tests]
from unittest.mock import Mock, call
from solution import notify
def test_function_mock():
    send = Mock(side_effect=[1, 2])
    assert notify(send, ["a", "b"]) == [1, 2]
    assert send.call_args_list == [call("a"), call("b")]
    assert send.call_count == 2
[case mocks_with_methods]
class Service:
    def __init__(self, client, on_done=None): self.client, self.on_done = client, on_done
    def load(self, key):
        found = self.client.get(key)
        if self.on_done: self.on_done(found)
        return found.upper()
[tests]
from unittest.mock import MagicMock, Mock
from solution import Service
def test_object_mock():
    client, done = Mock(), Mock()
    client.get.return_value = "found"
    assert Service(client, done).load("k") == "FOUND"
    client.get.assert_called_once_with("k")
    done.assert_called_once_with("found")
def test_magic():
    client = MagicMock()
    client.get.side_effect = KeyError("k")
    try:
        Service(client).load("k")
        raised = False
    except KeyError:
        raised = True
    assert raised
[case fake_made_by_the_test]
class Repository:
    def save(self, x): raise NotImplementedError
class Signup:
    def __init__(self, repository, clock): self.repository, self.clock = repository, clock
    def add(self, name):
        self.repository.save({"name": name, "at": self.clock.now()})
        return name.title()
[tests]
from solution import Repository, Signup
class Memory(Repository):
    def __init__(self): self.rows = []
    def save(self, x): self.rows.append(x)
class Clock:
    def now(self): return 7
def test_signup():
    memory = Memory()
    assert Signup(memory, Clock()).add("ann") == "Ann"
    assert memory.rows == [{"name": "ann", "at": 7}]
""")


@pytest.mark.parametrize("case", rows(CASES))
def test_a_patch_passes(sandbox: Sandbox, case: Case) -> None:
    results = sandbox.judge(suite(case), case.code)
    assert results
    assert not failures(results)
