"""Whole programs: every honest way to read, print and end."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.contract.support import ROOMY, stdio
from tests.honest.cases import failures, plain, rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.support import Sandbox


class Program(NamedTuple):
    name: str
    code: str
    stdin: str
    stdout: str


INPUT = (
    Program("input_split_and_map", "a, b = map(int, input().split())\nprint(a * b)", "6 7\n", "42"),
    Program("input_aliased_to_readline", "import sys\ninput = sys.stdin.readline\nn = int(input())\nprint(sum(int(input()) for _ in range(n)))", "2\n3\n4\n", "7"),
    Program("input_until_the_end", "out = []\nwhile True:\n    try: out.append(input())\n    except EOFError: break\nprint(len(out))", "a\n\nb\n", "3"),
    Program("readline_until_empty", "import sys\nn = 0\nwhile line := sys.stdin.readline(): n += len(line.split())\nprint(n)", "a b\nc\n\nd", "4"),
    Program("iterator_of_tokens", "import sys\nit = iter(sys.stdin.read().split())\nn = int(next(it))\nprint([next(it) for _ in range(n)])", "2 x\n y z", "['x', 'y']"),
    Program("iter_with_a_sentinel", "print([line for line in iter(input, '0')])", "a\nb\n0\nc\n", "['a', 'b']"),
    Program("fileinput_lines", "import fileinput\nprint(sum(int(line) for line in fileinput.input()))", "1\n2\n3\n", "6"),
    Program("open_zero_unpacked", "n, *xs = map(int, open(0).read().split())\nprint(n, sum(xs))", "3\n1 2 3\n", "3 6"),
    Program("open_dev_fd", "print(open('/dev/fd/0').read().strip() + '!')", "hey\n", "hey!"),
    Program("path_of_stdin", "from pathlib import Path\nprint(Path('/dev/stdin').read_text().split()[::-1])", "1 2", "['2', '1']"),
    Program("os_read_in_pieces", "import os\ndata = b''\nwhile piece := os.read(0, 4): data += piece\nprint(data.decode().upper())", "hello world", "HELLO WORLD"),
    Program("os_read_of_the_files_size", "import os, io\nsize = max(os.fstat(0).st_size, 65536)\nprint(io.BytesIO(os.read(0, size)).readline().decode())", "line\nmore\n", "line"),
    Program("buffer_readlines", "import sys\nrows = [list(map(int, l.split())) for l in sys.stdin.buffer.readlines()]\nprint(rows)", "1 2\n3\n", "[[1, 2], [3]]"),
    Program("csv_from_stdin", "import csv, sys\nprint([r['b'] for r in csv.DictReader(sys.stdin)])", 'a,b\n1,"x,y"\n', "['x,y']"),
    Program("json_from_stdin", "import json, sys\nprint(json.load(sys.stdin)['k'])", '{"k": [1, null]}', "[1, None]"),
    Program("wrapped_stdin", "import io, sys\nsys.stdin = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8', newline='')\nprint(repr(input()))", "é\r\n", "'é\\r'"),
    Program("reconfigured_streams", "import sys\nsys.stdin.reconfigure(encoding='utf-8')\nsys.stdout.reconfigure(encoding='utf-8', line_buffering=True)\nprint(input())", "žluť\n", "žluť"),
    Program("crlf_lines", "n = int(input())\nprint([input().strip() for _ in range(n)])", "2\r\nab \r\ncd\r\n", "['ab', 'cd']"),
    Program("no_final_newline_and_blanks", "print([int(x) for x in open(0).read().split()])", "  1\n\n\t2   \n \n3", "[1, 2, 3]"),
    Program("form_feeds_and_odd_blanks", "import sys\nprint(len(sys.stdin.read().split()), 'end')", "a\x0cb\x0bc\u2003d\x85e", "5 end"),
    Program("stdin_left_unread", "print('early')", "x" * 300_000, "early"),
    Program("prompt_goes_to_stdout", "n = input('n? ')\nprint(n)", "5\n", "n? 5"),
    Program("stdin_is_no_terminal", "import sys\nprint(sys.stdin.isatty(), sys.stdin.fileno(), sys.stdout.isatty())", "", "False 0 False"),
)  # fmt: skip
OUTPUT = (
    Program("print_with_sep_end_and_star", "print(*range(3), sep=', ', end='.\\n')\nprint()\nprint('a', end='')\nprint('b')", "", "0, 1, 2.\n\nab\n"),
    Program("mixed_writers_in_order", "import os, sys\nprint('a', flush=True)\nsys.stdout.buffer.write(b'b\\n')\nsys.stdout.flush()\nos.write(1, b'c\\n')\nprint('d', file=sys.stdout)\nsys.__stdout__.write('e\\n')", "", "a\nb\nc\nd\ne"),
    Program("debug_on_stderr", "import sys, logging\nlogging.basicConfig(level=logging.DEBUG)\nlogging.debug('x')\nprint('dbg', file=sys.stderr)\nprint(1)", "", "1"),
    Program("stdout_replaced_and_put_back", "import io, sys\nold, sys.stdout = sys.stdout, io.StringIO()\nprint('kept')\ntext = sys.stdout.getvalue()\nsys.stdout = old\nprint(text.strip() + '!')", "", "kept!"),
    Program("stdout_opened_by_number", "import sys\nout = open(1, 'w')\nout.write('one\\n')\nprint('two', file=out)\nout.close()", "", "one two"),
    Program("stdout_opened_by_name", "with open('/dev/stdout', 'w') as f:\n    f.write('named')", "", "named"),
    Program("collected_and_joined", "import sys\nout = [str(i * i) for i in range(5)]\nsys.stdout.write('\\n'.join(out))\nsys.stdout.writelines(['\\n', 'x'])", "", "0 1 4 9 16 x"),
    Program("one_megabyte", "for i in range(100_000): print('123456789')", "", "123456789\n" * 100_000),
    Program("one_megabyte_on_both", "import sys\nfor i in range(1000):\n    print('x' * 999)\n    print('e' * 999, file=sys.stderr)", "", ("x" * 999 + "\n") * 1000),
    Program("trailing_blanks_and_crlf", "print('1 2 3 ', end='\\r\\n')\nprint('4\\t')", "", "1 2 3\n4\n"),
    Program("closed_stdout", "import sys\nprint('said')\nsys.stdout.close()", "", "said"),
    Program("closed_stderr_and_stdin", "import sys\nsys.stderr.close(); sys.stdin.close()\nprint('on')", "", "on"),
    Program("redirected_print", "from contextlib import redirect_stdout\nimport io\nwith redirect_stdout(io.StringIO()) as s: help(len)\nprint('built-in' in s.getvalue() or len(s.getvalue()) > 10)", "", "True"),
    Program("pretty_printed", "from pprint import pprint\npprint({'b': 1, 'a': [1, 2]})", "", "{'a': [1, 2], 'b': 1}"),
    Program("lone_surrogate_escaped", "print(ascii('\\ud800'), '\\u00e9'.encode())", "", "'\\ud800' b'\\xc3\\xa9'"),
)  # fmt: skip
ENDINGS = (
    Program("exit_zero", "import sys\nprint(1)\nsys.exit(0)", "", "1"),
    Program("exit_in_the_middle", "import sys\ndef main():\n    for i in range(5):\n        print(i)\n        if i == 1: sys.exit()\nmain()\nprint('never')", "", "0 1"),
    Program("exit_and_quit", "print(1)\nif input() == 'q': quit()\nexit(1)", "q\n", "1"),
    Program("hard_exit_after_a_flush", "import os, sys\nprint('done')\nsys.stdout.flush()\nos._exit(0)", "", "done"),
    Program("system_exit_with_cleanup", "try:\n    raise SystemExit\nfinally:\n    print('clean')", "", "clean"),
    Program("atexit_order", "import atexit\natexit.register(print, 1)\natexit.register(print, 2)\nprint(0)", "", "0 2 1"),
    Program("main_guard_and_exit_code", "import sys\ndef main() -> int:\n    print('m')\n    return 0\nif __name__ == '__main__':\n    sys.exit(main())", "", "m"),
    Program("daemon_thread_left", "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint('out')", "", "out"),
    Program("caught_traceback", "import traceback\ntry: 1/0\nexcept ZeroDivisionError: traceback.print_exc()\nprint('fine')", "", "fine"),
    Program("finalizer_prints", "class A:\n    def __del__(self): print('gone')\na = A()\ndel a\nprint('end')", "", "gone end"),
    Program("warning_is_no_error", "import warnings\nwarnings.warn('old')\nprint('\\d' == '\\\\d')", "", "True"),
    Program("broken_pipe_handler_set", "import signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nprint('ok')", "", "ok"),
    Program("alarm_as_a_guard", "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 1/0)\nsignal.alarm(5)\nprint('quick')\nsignal.alarm(0)", "", "quick"),
)  # fmt: skip
PROGRAMS = (*INPUT, *OUTPUT, *ENDINGS)


@pytest.mark.parametrize("program", rows(PROGRAMS))
def test_the_program_is_right_by_itself(program: Program, tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_bytes(program.code.encode())
    assert plain(["solution.py"], program.stdin, tmp_path).split() == program.stdout.split()


@pytest.mark.parametrize("program", rows(PROGRAMS))
def test_a_program_passes(sandbox: Sandbox, program: Program) -> None:
    assert not failures(sandbox.judge(stdio((program.stdin, program.stdout), limits=ROOMY), program.code))


def test_five_megabytes_of_input_are_read_every_way(sandbox: Sandbox) -> None:
    text = "1234 5678\n" * 524_288
    problem = stdio((text, f"{6912 * 524_288}"), limits=ROOMY)
    for code in (
        "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
        "import sys\nprint(sum(int(a) + int(b) for a, b in map(str.split, sys.stdin)))",
        "import sys\ninput = sys.stdin.buffer.readline\nt = 0\nwhile line := input():\n    a, b = line.split()\n    t += int(a) + int(b)\nprint(t)",
        "import os\nparts = []\nwhile piece := os.read(0, 1 << 20): parts.append(piece)\nprint(sum(map(int, b''.join(parts).split())))",
    ):  # fmt: skip
        assert not failures(sandbox.judge(problem, code))
