"""Whole programs: what they read, print and end with is what decides."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.schema import FloatTolerance, Limits
from tests.contract.support import LIMITS, ROOMY, stdio

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

ECHO = "import sys\nsys.stdout.write(sys.stdin.read())"


@pytest.mark.parametrize(
    ("code", "stdin", "stdout"),
    [
        ("print(int(input()) + int(input()))", "1\n2\n", "3\n"),
        ("print(int(input()) + int(input()))", "1\r\n2", "3"),
        ("import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))", "1 2\n3", "6"),
        ("for line in open(0):\n    print(line.strip()[::-1])", "ab\ncd", "ba\ndc"),
        ("import sys\nprint(sum(1 for _ in sys.stdin))", "a\nb\nc\n", "3"),
        ("print(open('/dev/stdin').read().upper())", "abc", "ABC"),
        ("if __name__ == '__main__':\n    print('main')", "", "main"),
        ("try:\n    input()\nexcept EOFError:\n    print('end')", "", "end"),
        ("print('héllo ✓', input())", "ünï\n", "héllo ✓ ünï"),
        ("import sys\nprint(len(sys.argv), __file__.endswith('.py'))", "", "1 True"),
        ("import sys\nsys.stdout.buffer.write(b'a\\nb')\nsys.stdout.flush()", "", "a\nb\n"),
        ("import os\nos.write(1, b'raw')", "", "raw"),
        ("import threading\nthreading.Thread(target=lambda: print('late')).start()", "", "late"),
        ("import atexit\natexit.register(print, 'bye')", "", "bye"),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(5)'])", "", "5"),
        ("from multiprocessing import Pool\nif __name__ == '__main__':\n    with Pool(2) as p: print(p.map(abs, [-1, 2]))", "", "[1, 2]"),
        ("import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'x'); print(f.tell())", "", "1"),
    ],
)  # fmt: skip
def test_a_right_program_passes(sandbox: Sandbox, code: str, stdin: str, stdout: str) -> None:
    assert sandbox.verdicts(stdio((stdin, stdout), limits=ROOMY), code) == ["passed"]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("print(2)", "wrong_answer"),
        ("pass", "wrong_answer"),
        ("print(1); 1/0", "runtime_error"),
        ("print(1); raise SystemExit(3)", "runtime_error"),
        ("print(1); exit('why')", "runtime_error"),
        ("print(1); import os; os.kill(os.getpid(), 9)", "runtime_error"),
        ("print(1); import os; os.abort()", "runtime_error"),
        ("print(1); import sys; sys.exit()", "passed"),
        ("print(1); raise SystemExit", "passed"),
        ("print(1); raise SystemExit(256)", "passed"),  # the kernel keeps the low byte
        ("print(1); import sys; print(1, file=sys.stderr)", "passed"),
        ("import atexit, os; atexit.register(os._exit, 1); print(1, flush=True)", "runtime_error"),
        ("print(1", "compile_error"),
        ("print(1)\n\x00", "compile_error"),
        ("print(1)\n  x = 1", "compile_error"),
        ("print(" + "(" * 500 + ")" * 500 + ")", "compile_error"),
        ("raise KeyboardInterrupt", "runtime_error"),
        ("def f(): f()\nf()", "runtime_error"),
    ],
)
def test_a_program_is_judged_by_output_and_exit_code(sandbox: Sandbox, code: str, verdict: str) -> None:
    """An exit code of 0 alone accepts nothing, and the right output alone neither."""
    assert sandbox.verdicts(stdio(("", "1")), code) == [verdict]


def test_the_message_names_the_exception(sandbox: Sandbox) -> None:
    (result,) = sandbox.judge(stdio(("", "1")), "def f():\n    return {}['key']\nf()")
    assert result.message == "KeyError: 'key' (solution.py:2: return {}['key'])"
    assert 'File "/box/solution.py", line 2, in f' in result.stderr
    assert "reward_server" not in result.stderr


def test_cases_count_each_on_its_own(sandbox: Sandbox) -> None:
    problem = stdio(("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"))
    code = "n = int(input())\nif n == 2: 1/0\nif n == 3: x = [b'y' * (1 << 20) for _ in range(400)]\nprint(n)"
    assert sandbox.verdicts(problem, code) == ["passed", "runtime_error", "memory_exceeded", "passed"]
    assert sandbox.verdicts(problem, code, stop=True) == ["passed", "runtime_error", "skipped", "skipped"]


def test_each_case_is_a_new_process_in_an_empty_folder(sandbox: Sandbox) -> None:
    code = "import os\nprint(len(os.listdir()))\nopen('left', 'w').close()\nos.mkdir('d')"
    assert sandbox.verdicts(stdio(("", "0"), ("", "0"), ("", "0")), code) == ["passed"] * 3


@pytest.mark.parametrize("size", [150_000, 1 << 20])
def test_honest_output_may_be_long(sandbox: Sandbox, size: int) -> None:
    """A runner that waits before it reads the pipe finds a deadlock at 64 KiB of output, and calls it a timeout."""
    assert sandbox.verdicts(stdio(("", "a" * size)), f"print('a' * {size}, end='')") == ["passed"]


def test_the_output_limit_is_exact(sandbox: Sandbox) -> None:
    limits = LIMITS.model_copy(update={"output_bytes": 70_000})
    problem = stdio(("", "a"), limits=limits)
    assert sandbox.verdicts(problem, "print('a' + ' ' * 69_999, end='')") == ["passed"]
    assert sandbox.verdicts(problem, "print('a' + ' ' * 70_000, end='')") == ["output_exceeded"]


@pytest.mark.parametrize("character", ["a", "é"])
def test_the_output_limit_follows_from_the_longest_expected_output(sandbox: Sandbox, character: str) -> None:
    """Red before: the right program exceeded a limit that its problem could not be solved within."""
    limits = LIMITS.model_copy(update={"output_bytes": 1000})
    size = 3000 * len(character.encode())
    problem = stdio(("1", "a"), ("2", character * 3000), limits=limits)
    assert sandbox.verdicts(problem, f"print('{character}' * (1, 3000)[int(input()) - 1])")[1] == "passed"
    code = "print('a' + ' ' * (int(input()) - 1), end='')"
    problem = stdio((f"{2 * size}", "a"), (f"{2 * size + 1}", "a"), ("1", character * 3000), limits=limits)
    assert sandbox.verdicts(problem, code)[:2] == ["passed", "output_exceeded"]


def test_a_long_stderr_is_cut_to_its_end_and_decides_nothing(sandbox: Sandbox) -> None:
    flood = "import sys\nfor n in range(40_000): print(f'\\r{n:80}', end='', file=sys.stderr)\nprint(1)"
    (result,) = sandbox.judge(stdio(("", "1")), flood)
    assert result.verdict == "passed"
    assert result.stderr.endswith("39999")
    (result,) = sandbox.judge(stdio(("", "1")), flood + "\n[][7]")
    assert (result.verdict, result.message) == (
        "runtime_error",
        "IndexError: list index out of range (solution.py:4: [][7])",
    )


def test_output_of_any_bytes_is_judged(sandbox: Sandbox) -> None:
    (result,) = sandbox.judge(stdio(("", "x")), "import os\nos.write(1, bytes(range(256)))")
    assert result.verdict == "wrong_answer"
    assert "\ufffd" in result.stdout


def test_input_may_be_long(sandbox: Sandbox) -> None:
    text = "12345678\n" * 600_000
    assert sandbox.verdicts(stdio((text, "600000"), limits=ROOMY), "print(sum(1 for _ in open(0)))") == ["passed"]
    assert sandbox.verdicts(stdio((text, "done"), limits=ROOMY), "print('done')") == ["passed"]


@pytest.mark.parametrize(
    "code",
    [
        "print('done')",
        "import os\nos.close(0)\nprint('done')",
        "import sys\nsys.stdin.readline()\nsys.stdin.close()\nprint('done')",
        "import os, time\nif not os.fork():\n    os.setsid()\n    time.sleep(60)\nos.read(0, 1)\nprint('done')",
        "import os\nwriter = os.open('/dev/stdin', os.O_WRONLY | os.O_NONBLOCK)\ntry:\n    while True: os.write(writer, b'x')\nexcept BlockingIOError: print('done')",
        "import os, socket\na, b = socket.socketpair()\nsocket.send_fds(a, [b'x'], [0])\nos.close(0)\nprint('done')",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [0, 10, 1 << 16, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_input_may_be_left_unread(sandbox: Sandbox, size: int, code: str) -> None:
    """And neither the next case nor the next submission waits for it, or finds it."""
    problem = stdio(("x" * size, "done"), ("", "done"), limits=ROOMY)
    assert sandbox.verdicts(problem, code) == ["passed"] * 2
    assert sandbox.verdicts(stdio(("a", "a")), ECHO) == ["passed"]


def test_comparison_follows_the_problem(sandbox: Sandbox) -> None:
    code = "print(' 1.0000001   2 ')"
    for compare, verdict in (
        ("exact", "wrong_answer"),
        ("tokens", "wrong_answer"),
        (FloatTolerance(float=1e-6), "passed"),
    ):
        assert sandbox.verdicts(stdio(("", "1 2\n"), compare=compare), code) == [verdict]
    assert sandbox.verdicts(stdio(("", "a  b\n"), compare="exact"), "print('a  b')") == ["passed"]


CHECKER = "def check(stdin, expected, actual):\n    return sum(map(int, actual.split())) == int(expected)"


def test_a_checker_judges_what_was_printed(sandbox: Sandbox) -> None:
    problem = stdio(("", "5"), ("", "7"), compare={"checker": CHECKER})
    assert sandbox.verdicts(problem, "print(2, 3)") == ["passed", "wrong_answer"]
    assert sandbox.verdicts(problem, "print(2, 3); 1/0") == ["runtime_error"] * 2


def test_a_checker_that_fails_is_our_failure(sandbox: Sandbox) -> None:
    """The problem is at fault: a 0 would train the model away from a right answer."""
    problem = stdio(("", "5"), compare={"checker": "def check(stdin, expected, actual):\n    return 1/0"})
    (result,) = sandbox.judge(problem, "print(5)")
    assert result.verdict == "sandbox_error"
    assert "checker" in result.message


@pytest.mark.parametrize(
    ("source", "verdicts"),
    [
        ("def check(stdin, expected, actual): return 1", ["passed", "passed"]),
        ("def check(stdin, expected, actual): return int(actual == '4\\n')", ["passed", "wrong_answer"]),
        ("check = lambda stdin, expected, actual: actual == '4\\n'", ["passed", "wrong_answer"]),
        ("def check(actual, expected): return actual == '4\\n' != expected", ["passed", "wrong_answer"]),
        (
            "def check(input, output, answer): return output == '4\\n' and input + answer == 'in5'",
            ["passed", "wrong_answer"],
        ),
        ("def same(*all): return all == ('in', '5', '4\\n')\ncheck = same", ["passed", "wrong_answer"]),
        ("def check(*, actual, **rest): return actual == '4\\n'", ["passed", "wrong_answer"]),
        ("async def check(a, b): return b == '4\\n'", ["passed", "wrong_answer"]),
        ("from fractions import Fraction\ndef check(a, b, c): return Fraction(c) == 4", ["passed", "wrong_answer"]),
    ],
)
def test_a_checker_may_be_written_in_many_ways(sandbox: Sandbox, source: str, verdicts: list[str]) -> None:
    problem = stdio(("in", "5"), compare={"checker": source})
    assert [*sandbox.verdicts(problem, "print(4)"), *sandbox.verdicts(problem, "print(5)")] == verdicts


def test_a_checker_may_give_points(sandbox: Sandbox) -> None:
    problem = stdio(
        ("", "4"),
        ("", "2"),
        compare={"checker": "def check(expected, actual): return min(1, int(actual) / int(expected))"},
    )
    results = sandbox.judge(problem, "print(3)")
    assert [(each.verdict, each.points) for each in results] == [("wrong_answer", 0.75), ("passed", 1.0)]
    assert results[0].message == "the checker gave 0.75 of 1 point"
    assert [each.points for each in sandbox.judge(problem, "print('x')")] == [0.0, 0.0]
    (low, _) = sandbox.judge(problem, "print(-1)")
    assert (low.verdict, low.message) == (
        "wrong_answer",
        "the checker could not read the output: it returned -0.25; points are from 0 to 1",
    )


def test_a_checker_may_take_longer_than_a_case(sandbox: Sandbox) -> None:
    source = (
        "import time\ndef check(*_):\n    end = time.process_time() + 1\n    while time.process_time() < end: pass\n"
    )
    problem = stdio(("", ""), compare={"checker": source + "    return True"}, limits=Limits(cpu_s=0.5, wall_s=2))
    assert sandbox.verdicts(problem, "pass") == ["passed"]
    problem = stdio(("", ""), compare={"checker": source + "    return True", "cpu_s": 0.3})
    assert sandbox.verdicts(problem, "pass") == ["sandbox_error"]


def checker(body: str) -> dict[str, object]:
    """A checker with the limits of the other programs here."""
    source = f"def check(stdin, expected, actual):\n    {body}"
    return {"checker": source, "cpu_s": LIMITS.cpu_s, "wall_s": LIMITS.wall_s, "memory_mb": LIMITS.memory_mb}


FRAGILE = {
    "int": (
        "return int(actual) == int(expected)",
        ["print('no idea')", "print()", "print('1' * 5000)", "print('\u00b2')"],
    ),
    "float": (
        "return abs(float(actual) - float(expected)) < 1e-6",
        ["print('1,5')", "import os\nos.write(1, b'\\xff5')"],
    ),
    "index": ("return actual.split()[0] == expected.split()[0]", ["print()", "pass"]),
    "encode": ("return actual.encode() == expected.encode()", ["import os\nos.write(1, b'\\xed\\xa0\\x80')"]),
    "json": (
        "import json\n    return json.loads(actual) is not None",
        ["print('[' * 100_000)", "print('{')", "print('nul')"],
    ),
    "exit": (
        "import sys\n    sys.exit() if actual != expected else None\n    return True",
        ["print(5)", "print('5', end='')"],
    ),
    "exit_early": ("import os\n    os._exit(0) if len(actual) > 2 else None\n    return False", ["print(500)"]),
    "none": ("return True if actual == expected else None", ["print(6)"]),
    "regex": (
        "import re\n    return re.fullmatch(r'(\\w+ ?)*', actual.strip()) is not None",
        ["print('a' * 40 + '!')"],
    ),
    "loop": ("n = len(actual)\n    while n > 5: pass\n    return False", ["print('123456')"]),
    "memory": ("x = ['x'] * (len(actual) * 10**5)\n    return False", ["print('x' * 10_000)"]),
    "recursion": (
        "def down(n): return down(n - 1) if n else True\n    return down(len(actual))",
        ["print('x' * 9000)"],
    ),
    "alarm": ("import os\n    os.kill(os.getpid(), 9) if 'x' in actual else None\n    return False", ["print('x')"]),
    "prints": ("print(actual * 10_000) if 'x' in actual else None\n    return False", ["print('x' * 1000)"]),
}


@pytest.mark.parametrize(("body", "code"), [(body, code) for body, codes in FRAGILE.values() for code in codes])
def test_an_output_that_a_checker_cannot_read_is_wrong(sandbox: Sandbox, body: str, code: str) -> None:
    """It reads the expected one. Red without that second call: each of these was a null, which a submission can choose."""
    problem = stdio(("", "4\n"), compare=checker(body))
    (result,) = sandbox.judge(problem, code)
    assert (result.verdict, result.message.partition(":")[0]) in (
        ("wrong_answer", "the checker could not read the output"),
        ("wrong_answer", "the checker refused the output"),
    )


@pytest.mark.parametrize(
    "body",
    ["return open('given.txt').read() == actual", "return None", "1/0", "while True: pass", "exit()", "return 'yes'"],
)
def test_a_checker_that_fails_on_the_expected_output_is_our_failure(sandbox: Sandbox, body: str) -> None:
    problem = stdio(
        ("", "4"),
        ("", "5"),
        compare=checker(body),
        files={"given.txt": "4"},
    )
    for result in sandbox.judge(problem, "print(4)"):
        assert result.verdict == "sandbox_error"
        assert result.message.startswith("the problem's checker failed: ")


def test_each_output_is_checked_and_controlled_on_its_own(sandbox: Sandbox) -> None:
    problem = stdio(("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5"), compare={"checker": CHECKER})
    code = "n = int(input())\nprint({1: 1, 2: 'x', 3: 4, 4: '4 y', 5: '2 3'}[n])"
    results = sandbox.judge(problem, code)
    assert [result.verdict for result in results] == ["passed", *["wrong_answer"] * 3, "passed"]
    assert ["could not read" in result.message for result in results] == [False, True, False, True, False]


@pytest.mark.parametrize("code", [r"b'\xff'", r"b'\xef\xbf'", r"b'\xed\xb3\xbf'"])
@pytest.mark.parametrize(
    "compare",
    [
        "tokens",
        "exact",
        FloatTolerance(float=1),
        {"checker": "def check(stdin, expected, actual): return expected == actual"},
    ],
)
def test_bytes_that_are_no_text_equal_no_text(sandbox: Sandbox, compare: object, code: str) -> None:
    for expected in ("\ufffd", "\ufffd" * 2, "\ufffd" * 3):
        problem = stdio(("", expected), compare=compare)
        assert sandbox.verdicts(problem, f"import os\nos.write(1, {code})") == ["wrong_answer"]


def test_setup_and_files_are_there(sandbox: Sandbox) -> None:
    problem = stdio(("", "7 text"), setup="def given():\n    return 7\n", files={"a.txt": "text", "mine.py": "X = 1"})
    assert sandbox.verdicts(problem, "import mine\nprint(given(), open('a.txt').read())") == ["passed"]
