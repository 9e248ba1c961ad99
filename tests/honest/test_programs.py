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
    Program("carriage_returns_are_kept", "import sys\nprint(ascii(input()), ascii(sys.stdin.read()))", "ab\r\nc\rd\r\n", "'ab\\r' 'c\\rd\\r\\n'"),
    Program("carriage_returns_in_lines", "import sys\nprint([len(line) for line in sys.stdin])", "a\rb\r\nc\r", "[5, 2]"),
    Program("open_zero_translates_line_ends", "print(ascii(open(0).read()))", "a\rb\r\nc", "'a\\nb\\nc'"),
    Program("stream_names_and_modes", "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr): print(s.name, s.mode, s.buffer.name, s.buffer.raw.mode, s.buffer.raw.closefd)", "", "<stdin> r <stdin> rb False <stdout> w <stdout> wb False <stderr> w <stderr> wb False"),
    Program("stream_settings", "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr): print(s.line_buffering, s.write_through, s.newlines)", "", "False False None False False None True False None"),
    Program("stdin_is_a_pipe", "import os, stat\nprint(*(stat.S_ISFIFO(os.fstat(n).st_mode) for n in range(3)))", "", "True True True"),
    Program("stdin_replaced_by_open_zero", "import sys\nsys.stdin = open(0)\nprint(input(), sys.stdin.name)", "x\n", "x 0"),
    Program("select_on_stdin", "import select, sys\nprint(select.select([sys.stdin], [], [], 5)[0] == [sys.stdin], input())", "x\n", "True x"),
    Program("selector_on_stdin", "import selectors, sys\ns = selectors.DefaultSelector()\ns.register(sys.stdin, selectors.EVENT_READ)\nprint(len(s.select(5)), input())", "x\n", "1 x"),
    Program("asyncio_reads_stdin", "import asyncio, sys\nasync def main():\n    reader = asyncio.StreamReader()\n    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)\n    n = int(await reader.readline())\n    print([int(await reader.readline()) for _ in range(n)], await reader.read())\nasyncio.run(main())", "2\n3\n4\nrest", "[3, 4] b'rest'"),
    Program("asyncio_watches_stdin", "import asyncio, sys\nasync def main():\n    loop, done = asyncio.get_running_loop(), asyncio.Event()\n    loop.add_reader(0, lambda: (print(sys.stdin.readline().strip()), loop.remove_reader(0), done.set()))\n    await done.wait()\nasyncio.run(main())", "a\n", "a"),
    Program("stdin_is_inherited", "import subprocess\nprint(subprocess.run(['cat'], capture_output=True, text=True).stdout)", "to the child", "to the child"),
    Program("fast_io_of_a_template", "import os, sys\nfrom io import BytesIO, IOBase\nclass FastIO(IOBase):\n    newlines = 0\n    def __init__(self, file):\n        self._fd = file.fileno()\n        self.buffer = BytesIO()\n        self.writable = 'x' in file.mode or 'r' not in file.mode\n        self.write = self.buffer.write if self.writable else None\n    def readline(self):\n        while self.newlines == 0:\n            b = os.read(self._fd, max(os.fstat(self._fd).st_size, 8192))\n            self.newlines = b.count(b'\\n') + (not b)\n            ptr = self.buffer.tell()\n            self.buffer.seek(0, 2), self.buffer.write(b), self.buffer.seek(ptr)\n        self.newlines -= 1\n        return self.buffer.readline()\n    def flush(self):\n        if self.writable: os.write(self._fd, self.buffer.getvalue()), self.buffer.truncate(0), self.buffer.seek(0)\nstdin, stdout = FastIO(sys.stdin), FastIO(sys.stdout)\nn = int(stdin.readline())\nstdout.write(b'%d' % sum(int(stdin.readline()) for _ in range(n)))\nstdout.flush()", "3\n1\n2\n3", "6"),
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
    Program("finalizer_at_the_end", "class A:\n    def __init__(self, name): self.name = name\n    def __del__(self): print(self.name, 'gone')\na, _b, c = A('a'), A('b'), A('c')\ndef f(): return a\nprint('end')", "", "end a gone b gone c gone"),
    Program("generator_closed_at_the_end", "def g():\n    try: yield 1\n    finally: print('closed')\nx = g()\nnext(x)", "", "closed"),
    Program("writer_left_open", "def f(): return out\nout = open(1, 'w')\nout.write('text')", "", "text"),
    Program("writer_of_a_descriptor_left_open", "import os\ndef f(): return out\nout = os.fdopen(os.dup(1), 'w')\nprint('text', file=out)", "", "text"),
    Program("wrapper_left_open", "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint('text')\nout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(2, 'w')))\nout.write('x')", "", "text"),
    Program("names_that_are_no_text", "globals()[1] = 2\nprint('end')", "", "end"),
    Program("nothing_left", "print('end')\nglobals().clear()", "", "end"),
    Program("interrupt_of_itself", "import os, signal\ntry: os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt: print('caught')", "", "caught"),
    Program("warning_is_no_error", "import warnings\nwarnings.warn('old')\nprint('\\d' == '\\\\d')", "", "True"),
    Program("broken_pipe_handler_set", "import signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nprint('ok')", "", "ok"),
    Program("alarm_as_a_guard", "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 1/0)\nsignal.alarm(5)\nprint('quick')\nsignal.alarm(0)", "", "quick"),
)  # fmt: skip
MAIN = (
    Program("builtins_is_a_module", "import builtins\nprint(__builtins__ is builtins)\n__builtins__.sorted3 = lambda *a: sorted(a)\nprint(*sorted3(3, 1, 2), getattr(__builtins__, 'len')('ab'))", "", "True 1 2 3 2"),
    Program("builtins_in_other_modules", "import random, builtins\nprint(random.__builtins__ is builtins.__dict__)", "", "True"),
    Program("names_of_the_main_module", "import __main__, os, sys\nprint(__name__, __spec__, __package__, __doc__, __main__.__file__ == __file__, os.path.isabs(__file__), os.path.basename(__file__))\nprint(sys.argv, sys.argv[0] == os.path.relpath(__file__), sys.path[0] == os.path.dirname(__file__) == os.getcwd())", "", "__main__ None None None True True solution.py ['solution.py'] True True"),
    Program("docstring_of_the_main_module", '"What it does."\nprint(__doc__)', "", "What it does."),
    Program("import_of_itself", "import solution\nprint(solution.__name__, __name__)", "", "solution solution\nsolution __main__"),
    Program("recursion_through_its_own_module", "from timeit import timeit\ndef f(): return 1\nprint(timeit('f()', 'from __main__ import f', number=3) > 0)", "", "True"),
    Program("own_code_has_the_file_as_its_name", "import inspect\ndef f(): return 1\nprint(f.__code__.co_filename == __file__ == inspect.getfile(f), inspect.getsource(f))", "", "True def f(): return 1"),
    Program("traceback_as_text", "import os, traceback\ndef f(n):\n    return 1 // n\ntry: f(0)\nexcept ZeroDivisionError: print(traceback.format_exc().replace(os.getcwd(), '.').replace('~', '').replace('^', ''))", "", 'Traceback (most recent call last): File "./solution.py", line 4, in <module> try: f(0) File "./solution.py", line 3, in f return 1 // n ZeroDivisionError: integer division or modulo by zero'),
)  # fmt: skip
RESOURCES = (
    *(
        Program(f"stack_limit_{name}", f"import resource\nsoft, hard = resource.getrlimit(resource.RLIMIT_STACK)\nresource.setrlimit(resource.RLIMIT_STACK, {limits})\nprint('ok')", "", "ok")
        for name, limits in {
            "unlimited": "(resource.RLIM_INFINITY, resource.RLIM_INFINITY)",
            "of_512_mib": "(512 << 20, -1)",
            "of_1_gib_of_whatever_there_is": "(1 << 30, hard)",
            "as_high_as_may_be": "(hard, hard)",
            "lower": "(1 << 20, 1 << 29)",
        }.items()
    ),
    Program("stack_sizes_are_told_as_set", "import threading\nprint(threading.stack_size(), threading.stack_size(1 << 27), threading.stack_size(2**31 - 4096), threading.stack_size(0), threading.stack_size())\nfor wrong in (-1, 1, 'a'):\n    try: threading.stack_size(wrong)\n    except (ValueError, TypeError) as error: print(type(error).__name__)", "", "0 0 134217728 2147479552 0 ValueError ValueError TypeError"),
    *(
        Program(f"recursion_in_a_thread_of_{size}".replace(" ", "_"), f"import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size({size})\ndef f(n): return n and f(n - 1) + 1\ndef main(): print(f(50_000), len([0] * 30_000_000))\nt = threading.Thread(target=main)\nt.start()\nt.join()", "", "50000 30000000")
        for size in ("2**26", "2**27", "2**29", "2**30 - 1", "2**31 - 4096")
    ),
    Program("recursion_in_the_main_thread", "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and f(n - 1) + 1\nprint(f(100_000))", "", "100000"),
    Program("recursion_through_sorted", "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(2**28)\ndef f(n): return n and sorted([n - 1], key=f)[0] + 1\nt = threading.Thread(target=lambda: print(f(2000)))\nt.start()\nt.join()", "", "2000"),
    *(
        Program(f"{count}_threads", f"import threading\nbarrier = threading.Barrier({count + 1})\nthreads = [threading.Thread(target=barrier.wait) for _ in range({count})]\nfor t in threads: t.start()\nbarrier.wait()\nfor t in threads: t.join()\nprint('ok')", "", "ok")
        for count in (40, 100)
    ),
    Program("pool_of_threads", "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(64) as pool: print(sum(pool.map(lambda n: n * n, range(1000))))", "", "332833500"),
    Program("long_stderr", "import sys\nfor n in range(30_000): print(f'{n:99}', file=sys.stderr)\nprint('ok')", "", "ok"),
)  # fmt: skip
PROGRAMS = (*INPUT, *OUTPUT, *ENDINGS, *MAIN, *RESOURCES)
BY_FILE = (
    Program("size_of_stdin", "import io, os\ninput = io.BytesIO(os.read(0, os.fstat(0).st_size)).readline\nprint(sum(map(int, input().split())))", "1 2\n", "3"),
    Program("size_of_stdin_by_name", "import os\nprint(os.path.getsize('/dev/stdin'))", "12345", "5"),
    Program("mapped_stdin", "import mmap\nprint(sum(map(int, mmap.mmap(0, 0, access=mmap.ACCESS_READ).read().split())))", "4 5\n", "9"),
    Program("stdin_read_twice", "import sys\nfirst = sys.stdin.read()\nsys.stdin.seek(0)\nprint(first == sys.stdin.read(), sys.stdin.seekable(), sys.stdin.name, sys.stdin.mode)", "ab\n", "True True <stdin> r"),
    Program("stdin_read_at_an_offset", "import os\nprint(os.pread(0, 2, 1))", "abcd", "b'bc'"),
    Program("stdin_copied_by_the_kernel", "import os\nos.sendfile(1, 0, None, 100)", "abcd", "abcd"),
)  # fmt: skip
"""What works where the input is a file, as with `python solution.py < input`, and not where it is a pipe."""


@pytest.mark.parametrize("program", rows(PROGRAMS))
def test_the_program_is_right_by_itself(program: Program, tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_bytes(program.code.encode())
    assert plain(["solution.py"], program.stdin, tmp_path).split() == program.stdout.split()


@pytest.mark.parametrize("program", rows(BY_FILE))
def test_the_program_is_right_where_its_input_is_a_file(program: Program, tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_text(program.code)
    (tmp_path / "input").write_text(program.stdin)
    command = "import subprocess, sys; subprocess.run([sys.executable, 'solution.py'], stdin=open('input'), check=True)"
    assert plain(["-c", command], "", tmp_path).split() == program.stdout.split()


@pytest.mark.parametrize("program", rows((*PROGRAMS, *BY_FILE)))
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
