"""Submissions that cheat: none may get a test that it did not earn, whatever the kind of test.

Each is run against all four kinds. Its control is a naive judge, which runs submission and test in one process (here,
inside the sandbox too) and believes the exit code or a printed marker: it falls for the same cheat.

Seen red: with `Remote` forwarding all operators (`always_equal`, `answers_everything`), with `made` for every class
(`class_for_a_function`), with `known_exception` knowing private names (`forged_stop_of_unittest`), with builtins taken
from the submission (`shadowed_builtins`), with exit code 0 counted as a pass (`exit_in_call`).
"""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reward_server.judging import plan
from tasks.schema import Limits
from tests.contract.support import asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tasks.schema import Problem
    from tests.contract.support import Sandbox

LIMITS = Limits(cpu_s=0.4, wall_s=0.5, memory_mb=128)
TESTS = {
    "equal": "assert add(1200, 34) == 1234",
    "close": "assert abs(add(0.5, 0.25) - 0.75) < 1e-9",
    "list": "assert sorted(add([41], [17])) == [17, 41] and len(add([41], [17])) == 2",
    "not_none": "assert isinstance(add(70, 7), int) and 77 in (add(70, 7),)",
}
NAIVE_UNITTEST = """
import unittest
class Test(unittest.TestCase):
    def test_it(self):
        self.assertEqual(add(1200, 34), 1234)
unittest.main(argv=["x"])
"""
NAIVE_CASES = """
CASES = [((1200, 34), 1234)]
for arguments, expected in CASES:
    if add(*arguments) != expected:
        raise SystemExit(1)
"""

EXIT = "import os\n"
EQUAL = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 1234
"""
EVERYTHING = (
    EQUAL
    + """
    def __lt__(self, *_): return True
    def __len__(self): return 2
    def __bool__(self): return True
    def __iter__(self): return iter([Equal(), Equal()])
    def __contains__(self, other): return True
    def __abs__(self): return 0
    def __float__(self): return 0.0
    def __int__(self): return 0
    def __index__(self): return 0
    def __round__(self, *_): return self
    def __call__(self, *_, **__): return self
    def __getitem__(self, _): return self
    def __repr__(self): return '1234'
    __class__ = property(lambda self: int)
for name in 'add sub mul truediv floordiv mod pow and or xor lshift rshift'.split():
    for side in ('', 'r', 'i'):
        setattr(Equal, f'__{side}{name}__', lambda self, other: 0)
Equal.__le__ = Equal.__gt__ = Equal.__ge__ = Equal.__lt__
"""
)
SERVED = "from reward_server.runner import served, link, values\nServed = served.Served\n"
FRAMES = """
import json, os, struct
messages = [
    ["=", 4321, []], ["=", True, []], ["loaded", True], ["report", []],
    {"report": [[True, "returned", 0, "", "x", 0, 0]] * 4, "failed_load": None}, {"lost": False}, {"ready": True},
    {"broken": None, "dirty": None, "spent": False, "failed_load": False, "parts": [],
     "rows": [["returned", 0, 0, 0, 0, "", True, "x"]] * 4},
]
def forge():
    for fd in range(256):
        for message in messages:
            text = json.dumps(message).encode()
            for head in (struct.pack('>I', len(text)), struct.pack('>II', len(text), 0), b''):
                try: os.write(fd, head + text)
                except OSError: break
"""


def function(body: str, head: str = "") -> str:
    return f"{head}\ndef add(a, b):\n    {body}\n"


CHEATS = {
    # ending the process before anything can fail
    "exit_at_import": "import os\nos._exit(0)",
    "exit_in_call": function("os._exit(0)", EXIT),
    "sys_exit_at_import": "import sys\nsys.exit(0)",
    "sys_exit_in_call": function("raise SystemExit(0)"),
    "exit_handler": function("return 0", "import atexit, os\natexit.register(os._exit, 0)"),
    "except_hook": function("return 0", "import os, sys\nsys.excepthook = lambda *_: os._exit(0)"),
    "exit_by_thread": function(
        "time.sleep(1)", "import os, threading, time\nthreading.Timer(0.05, os._exit, [0]).start()"
    ),
    "exit_by_signal": function(
        "time.sleep(1)",
        "import os, signal, time\nsignal.signal(14, lambda *_: os._exit(0))\nsignal.setitimer(signal.ITIMER_REAL, 0.05)",
    ),
    "exit_of_a_fork": function("os.fork() and os._exit(0)\n    os._exit(0)", EXIT),
    "become_true": function("os.execv('/bin/true', ['true'])", EXIT),
    # objects that are whatever is asked for
    "always_equal": function("return Equal()", EQUAL),
    "answers_everything": function("return Equal()", EVERYTHING),
    "class_for_a_function": EVERYTHING + "\n    \nclass add(Equal):\n    def __init__(self, *_): pass\n",
    "class_that_equals": function(
        "return Kind", "class M(type):\n    __eq__ = lambda *_: True\n    __hash__ = type.__hash__\nclass Kind(metaclass=M): pass"
    ),
    "int_that_equals": function("return I(0)", "class I(int):\n    __eq__ = lambda *_: True\n    __sub__ = lambda *_: 0\n"),
    "float_that_equals": function("return F(0)", "class F(float):\n    __eq__ = lambda *_: True\n    __sub__ = lambda *_: 0.0\n"),
    "str_that_equals": function("return S('x')", "class S(str):\n    __eq__ = lambda *_: True\n    __hash__ = str.__hash__\n"),
    "list_that_equals": function("return L()", "class L(list):\n    __eq__ = lambda *_: True\n    __len__ = lambda s: 2\n"),
    "tuple_that_equals": function("return L()", "class L(tuple):\n    __eq__ = lambda *_: True\n"),
    "dict_that_equals": function("return D()", "class D(dict):\n    __eq__ = lambda *_: True\n    __missing__ = lambda *_: 0\n"),
    "mock_any": function("return mock.ANY", "from unittest import mock"),
    "magic_mock": function("return m", "from unittest import mock\nm = mock.MagicMock()\nm.__eq__.return_value = True"),
    "not_a_number": function("return float('nan')"),
    "exception_that_equals": function("raise E()", EQUAL + "class E(Exception, Equal): pass\n"),
    # what the test itself uses
    "patched_builtins": function(
        "return Equal()",
        EQUAL + "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.sorted = lambda x: Equal()\nbuiltins.len = lambda x: 2\n"
        "builtins.isinstance = lambda *_: True\nEqual.__sub__ = lambda *_: 0\n",
    ),
    "shadowed_builtins": function(
        "return 5",
        "def abs(x): return 0\ndef sorted(x): return [17, 41]\ndef len(x): return 2\ndef isinstance(*_): return True\n"
        "class math:\n    fabs = isclose = staticmethod(lambda *_, **__: True)\n"
        "def __site__(*_): raise SystemExit\n__raising_site__ = __never__ = __site__\ndef check(*_): pass\n",
    ),
    "patched_unittest": function(
        "return 0", "import unittest\nunittest.TestCase.assertEqual = unittest.TestCase.assertTrue = lambda *_: None"
    ),
    "patched_pytest": function(
        "return Equal()", EQUAL + "import sys, types\nsys.modules['pytest'] = sys.modules['_pytest'] = types.ModuleType('pytest')"
    ),
    "test_hooks_in_the_module": function(
        "return 0",
        "pytest_plugins = ['solution']\n__test__ = False\ndef pytest_runtest_makereport(*_): pass\n"
        "def setup_module(): pass\ndef load_tests(*_): return None\n",
    ),
    "files_for_pytest": function(
        "return 0",
        "from pathlib import Path\nfor folder in ('.', '/judge', '/judge/box', '/tmp'):\n"
        "    for name in ('conftest.py', 'pytest.ini', 'sitecustomize.py', 'test_it.py', 'pytest.py'):\n"
        "        try: Path(folder, name).write_text('import os; os._exit(0)')\n        except OSError: pass\n",
    ),
    # exceptions that a runner might take for a good end
    **{
        name.lower(): function(f"raise {name}", "from unittest import SkipTest\nfrom asyncio import CancelledError")
        for name in ("SkipTest", "KeyboardInterrupt", "GeneratorExit", "StopIteration", "StopAsyncIteration", "CancelledError")
    },
    "exception_group": function("raise BaseExceptionGroup('x', [KeyboardInterrupt(), SystemExit(0)])"),
    **{
        f"own_{name.lower()}": function(
            f"raise {name}('x')", f"class {name}({base}):\n    def __init__(self, *_): self.args = (0,)\n    code = 0\n"
        )
        for name, base in (
            ("Skipped", "BaseException"), ("Stop", "BaseException"), ("Exit", "SystemExit"), ("SkipTest", "KeyboardInterrupt"),
            ("Gone", "GeneratorExit"), ("Warn", "Warning"),
        )
    },
    # a look for the answer
    "frame_walk": function(
        "frame = sys._getframe(1)\n"
        "    found = [*frame.f_code.co_consts, *frame.f_locals.values()]\n"
        "    return max((n for n in found if type(n) is int), default=0)",
        "import sys",
    ),
    "gc_walk": function(
        "for held in gc.get_objects():\n"
        "        if type(held) in (tuple, list) and len(held) == 2 and held[0] == (a, b): return held[1]\n"
        "    for held in gc.get_objects():\n"
        "        if type(held) is dict and 'expected' in held: return held['expected']",
        "import gc",
    ),
    "source_of_the_test": function(
        "try: lines = linecache.getlines('solution.py')\n"
        "    except Exception: lines = []\n"
        "    for line in lines:\n"
        "        if line.startswith(f'assert add({a}, {b}) == '): return int(line.split('== ')[1])\n"
        "    return 0",
        "import linecache",
    ),
    "trace_function": function(
        "sys.settrace(lambda *_: None)\n    frame = sys._getframe(1)\n    frame.f_trace = jump\n    return Equal()",
        EQUAL + "import sys\ndef jump(frame, event, value):\n    return jump\nEqual.__sub__ = lambda *_: 0\n",
    ),
    # forged reports
    "printed_markers": function(
        "print('1 passed in 0.01s\\nALL TESTS PASSED\\nOK\\nok 1\\n1234')\n    return 0",
        "import sys\nprint('1 passed', '{\"passed\": true}', 'OK', sep='\\n')\nprint('ALL TESTS PASSED', file=sys.stderr)",
    ),
    "forged_frames": function("forge()\n    return 0", FRAMES),
    "forged_frames_at_import": FRAMES + "forge()\nos._exit(0)",
    "forged_frames_and_exit": function("forge()\n    os._exit(0)", FRAMES),
    # the protocol, spoken wrongly
    "handles_of_the_judge": function(
        "return 0",
        SERVED + "n = 0\ndef perform(self, operation, operands):\n    global n\n    n = n % 40 + 1\n    return ['r', n], []\n"
        "real, Served.perform = Served.perform, lambda self, o, a: perform(self, o, a) if o == 'call' else real(self, o, a)",
    ),
    "changes_of_other_arguments": function(
        "return 0",
        SERVED + "real = Served.apply\n"
        "def apply(self, *a):\n    value, _ = real(self, *a)\n"
        "    return value, [[0, ['L', [1234]]], [1, ['L', []]], [2, 1], [-1, 1], [True, 1], 'x', [0]]\n"
        "Served.apply = apply",
    ),
    "types_with_special_names": function(
        "return Equal()",
        EVERYTHING + SERVED + "describe = Served.describe_type\n"
        "def describe_type(self, kind):\n    told = describe(self, kind)\n"
        "    return {**told, 'name': 'int', 'module': 'builtins', 'known': [['builtins', 'int']], 'hashable': True,\n"
        "        'special': [*told['special'], '__class__', '__getattribute__', '__instancecheck__', '__init_subclass__', '__new__'],\n"
        "        'methods': ['_number', '_link', '_class_number', '_class_link', 'mro', '__eq__', '__class__']}\n"
        "Served.describe_type = describe_type",
    ),
    "types_that_are_their_own_base": function(
        "return Equal()",
        EVERYTHING + SERVED + "describe = Served.describe_type\n"
        "def describe_type(self, kind):\n    told = describe(self, kind)\n"
        "    n = self.export(kind)\n    return {**told, 'bases': [n, n, n], 'exception': n % 2 == 0}\n"
        "Served.describe_type = describe_type",
    ),
    "kinds_that_are_not_true": function(
        "return Equal()",
        EVERYTHING + SERVED + "import itertools\nkinds = itertools.cycle(['function', 'class', 'generator', 'object', 'module', 'x'])\n"
        "def describe(self, value):\n    n = self.export(value)\n    return ['h', n, next(kinds), n]\nServed.describe = describe",
    ),
    "forged_exceptions": function(
        "raise ValueError",
        SERVED + "import itertools\nrows = itertools.cycle([[m, n] for m, n in (('unittest.case', '_ShouldStop'), ('unittest', '_ShouldStop'),\n"
        "    ('unittest.case', 'SkipTest'), ('unittest', 'SkipTest'), ('__test__', 'Stop'), ('reward_server.runner.judge', 'Stop'),\n"
        "    ('reward_server.runner.link', 'Gone'), ('_pytest.outcomes', 'Skipped'), ('_pytest.outcomes', 'Exit'), ('pytest', 'Exit'),\n"
        "    ('builtins', 'GeneratorExit'))])\n"
        "Served.describe_exception = lambda self, error: [[next(rows), ['builtins', 'Exception']], ['T', []], None, None]",
    ),
    "forged_stop_of_unittest": function(
        "raise ValueError",
        SERVED + "Served.describe_exception = lambda *_: [[['unittest.case', '_ShouldStop'], ['builtins', 'Exception']], ['T', []], None, None]",
    ),
    "calls_into_the_judge": function(
        "home = sys.modules['gc'] and next(o for o in gc.get_objects() if type(o).__name__ == 'Served')\n"
        "    for n in range(1, 30):\n"
        "        for request in (('call', n, [], []), ('call', n, [0, 0], []), ('get', n, '__class__'), ('get', n, 'passed'), ('next', n),\n"
        "                        ('set', n, 'expected', 0), ('set', n, '__eq__', 0), ('names', ['x']), ('type', n), ('settle', n)):\n"
        "            try: home.ask(*request)\n"
        "            except Exception: pass\n"
        "    return 0",
        "import gc, sys",
    ),
    "giant_length": function("os.write(3, b'\\xff\\xff\\xff\\xff' + bytes(4096))\n    return 0", EXIT),
    "garbage_on_the_link": function("os.write(3, bytes(range(256)) * 300)\n    return 0", EXIT),
    "no_json_on_the_link": function("os.write(3, b'\\0\\0\\0\\x05[[[[[')\n    return 0", EXIT),
    "deep_json_on_the_link": function("t = b'[' * 100000\n    os.write(3, len(t).to_bytes(4, 'big') + t)\n    return 0", EXIT),
    "answers_in_advance": function(
        "return 0",
        "import json, os, struct\nfor value in (True, 0, [], '', ['N'], ['E'], None) * 50:\n"
        "    t = json.dumps(['=', value, []]).encode()\n    os.write(3, struct.pack('>I', len(t)) + t)\n",
    ),
    "closed_link": function("os.closerange(0, 256)\n    return 0", EXIT),
    "endless_answer": function("while True: os.write(3, b'\\0\\0\\0\\x0a[\"?\",\"x\",1]'[:14])", EXIT),
    # values that are hard to take
    "huge_value": function("return 'x' * (4 << 20)"),
    "deep_value": function("x = []\n    for _ in range(10**5): x = [x]\n    return x"),
    "cyclic_value": function("x = []\n    x.append(x)\n    return x"),
    "many_digits": function("return 10**10000"),
    # violence
    "kill_all": function("os.kill(-1, 9)", EXIT),
    "kill_parent": function("os.kill(os.getppid(), 9)\n    return 0", EXIT),
    "stop_all": function(
        "for pid in {*range(1, 400)} - {os.getpid()}:\n        try: os.kill(pid, 19)\n        except OSError: pass\n    return 0", EXIT
    ),
    "code_of_the_runner": function(
        "return 0",
        "import sys\nfor name, module in list(sys.modules.items()):\n    if name.startswith('reward_server'):\n"
        "        for key, value in list(vars(module).items()):\n"
        "            if callable(value) and key[0] != '_': setattr(module, key, lambda *_, **__: True)\n",
    ),
}  # fmt: skip

NOT_IN_ONE_PROCESS = {
    # These speak to a runner that a naive judge does not have, or fail there as well.
    *("exit_by_thread", "exit_by_signal", "except_hook", "class_that_equals", "not_a_number", "exception_that_equals"),
    "str_that_equals",
    *("test_hooks_in_the_module", "files_for_pytest", "forged_frames", "forged_frames_at_import", "forged_frames_and_exit"),
    *("generatorexit", "stopiteration", "stopasynciteration", "cancellederror", "keyboardinterrupt", "exception_group"),
    *("own_skipped", "own_stop", "own_gone", "own_warn", "own_skiptest", "handles_of_the_judge", "changes_of_other_arguments"),
    *("forged_exceptions", "forged_stop_of_unittest", "calls_into_the_judge", "giant_length", "garbage_on_the_link", "no_json_on_the_link"),
    *("deep_json_on_the_link", "answers_in_advance", "closed_link", "endless_answer", "huge_value", "deep_value"),
    *("cyclic_value", "many_digits", "kill_all", "kill_parent", "stop_all", "code_of_the_runner", "list_that_equals"),
}  # fmt: skip

each_cheat = pytest.mark.parametrize("name", CHEATS)

CALLS = call(
    returns(1234, 1200, 34), returns(0.75, 0.5, 0.25), returns([41, 17], [41], [17]), entry_point="add", limits=LIMITS
)
STDIO = stdio(("1200 34", "1234"), ("70 7", "77"), limits=LIMITS)
ASSERTS = asserts("\n".join(TESTS.values()), "add", limits=LIMITS)
PYTEST = pytest_files(
    "import unittest\nfrom solution import *\nfrom solution import add\n"
    + "".join(f"def test_{name}(): {test}\n" for name, test in TESTS.items())
    + "class TestMore(unittest.TestCase):\n    def test_equal(self): self.assertEqual(add(1200, 34), 1234)\n",
    limits=LIMITS,
)


@each_cheat
@pytest.mark.parametrize("problem", [CALLS, STDIO, ASSERTS, PYTEST], ids=["call", "stdio", "asserts", "pytest"])
def test_a_cheat_gets_no_test(sandbox: Sandbox, name: str, problem: Problem) -> None:
    """Nor does it get around a verdict: what a cheat breaks is its own, never a failure of ours."""
    results = sandbox.judge(problem, CHEATS[name])
    assert results
    bad = [result for result in results if result.verdict in ("passed", "sandbox_error")]
    assert not bad, bad


def naive_judges(sandbox: Sandbox, code: str) -> list[str]:
    """The tests that a judge in one process would believe to have passed."""
    fooled = []
    programs = {**TESTS, "unittest": NAIVE_UNITTEST, "cases": NAIVE_CASES}
    for name, test in programs.items():
        program = f"{code}\n{test}\n"
        (seen,) = sandbox.run(plan(stdio(("", ""), limits=LIMITS), program)).tests or [None]
        if seen is not None and (
            (seen.ending == "exited" and seen.code == 0) or b"ALL TESTS PASSED" in seen.stdout + seen.stderr
        ):
            fooled.append(name)
    return fooled


@pytest.mark.parametrize("name", [name for name in CHEATS if name not in NOT_IN_ONE_PROCESS])
def test_the_same_cheat_fools_a_judge_in_one_process(sandbox: Sandbox, name: str) -> None:
    """Or else the test above would prove nothing."""
    assert naive_judges(sandbox, CHEATS[name])


@pytest.mark.parametrize("problem", [CALLS, STDIO, ASSERTS, PYTEST], ids=["call", "stdio", "asserts", "pytest"])
def test_an_honest_submission_gets_all(sandbox: Sandbox, problem: Problem) -> None:
    """The tests are such that the right answer passes them."""
    honest = "def add(a, b): return a + b\nif __name__ == '__main__': print(add(*map(int, input().split())))"
    results = sandbox.judge(problem, honest)
    assert results
    assert not [result for result in results if result.verdict != "passed"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("from solution import f\ndef test_a():\n    with f() as x:\n        assert x == 3\n", "class C:\n    def __enter__(self): return 4\n    def __exit__(self, *_): return True\nf = C"),
        ("from solution import f\ndef test_a():\n    def see(x): assert x == 3\n    f(see)\n", "def f(see):\n    try: see(4)\n    except BaseException: pass"),
        ("from solution import f\ndef test_a():\n    for x in f():\n        assert x == 3\n", "def f():\n    try: yield 4\n    finally: return"),
        ("from solution import *\ndef test_a(): assert abs(f(4) - 2) < 1e-9\n", "def f(x): return 7\ndef abs(x): return 0"),
        ("import math\nfrom solution import *\ndef test_a(): assert math.isclose(f(4), 2)\n", "def f(x): return 7\nclass math:\n    isclose = staticmethod(lambda *_: True)"),
        ("from solution import Extract\ndef test_a(): assert Extract([1]) == 1\n", "class Extract:\n    def __init__(self, *_): pass\n    def __eq__(self, _): return True"),
    ],
    ids=["exit_that_swallows", "callback_that_is_swallowed", "generator_that_swallows", "star_abs", "star_math", "class_with_a_capital"],
)  # fmt: skip
def test_a_failed_assert_cannot_be_kept_from_pytest(sandbox: Sandbox, source: str, code: str) -> None:
    """Seen red: `failed_in_callback` not looked at; `__all__` as the submission has it; `class_names` of every capital."""
    (result,) = sandbox.judge(pytest_files(source), code)
    assert result.verdict in ("wrong_answer", "runtime_error")


def test_a_process_that_ends_reaches_no_assert_false(sandbox: Sandbox) -> None:
    """`assert False` passes when it is not reached, and the submission's end is no way not to."""
    source = "try:\n    add(1, 2)\n    assert False\nexcept ValueError:\n    pass\n"
    for deed in ("os._exit(0)", "raise SystemExit", "os.kill(os.getpid(), 9)", "raise KeyboardInterrupt"):
        assert "passed" not in sandbox.verdicts(asserts(source), function(deed, EXIT))
