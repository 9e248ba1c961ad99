"""Habits of whole programs: processes, threads, deep recursion, files, odd sources."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.schema import FloatTolerance
from tests.contract.support import ROOMY, stdio
from tests.honest.cases import failures, plain, rows
from tests.honest.test_programs import Program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.support import Sandbox

AT_ONCE = (
    Program("recursion_limit_raised", "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(50_000))", "", "50000"),
    Program("big_stack_in_a_thread", "import sys, threading\nsys.setrecursionlimit(1 << 25)\nthreading.stack_size(1 << 27)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\nt = threading.Thread(target=lambda: print(f(100_000)))\nt.start()\nt.join()", "", "100000"),
    Program("recursion_through_a_builtin", "import sys\nfrom functools import lru_cache\nsys.setrecursionlimit(10**5)\n@lru_cache(None)\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nprint(f(400) % 10**9)", "", "216019675"),
    Program("recursive_depth_first_search", "import sys\nsys.setrecursionlimit(300_000)\ndef dfs(v, seen):\n    seen.add(v)\n    for w in graph[v]:\n        if w not in seen: dfs(w, seen)\n    return seen\nn = 20_000\ngraph = [[i + 1] if i < n - 1 else [] for i in range(n)]\nprint(len(dfs(0, set())))", "", "20000"),
    Program("threads_with_a_lock", "import threading\nn, lock = 0, threading.Lock()\ndef up():\n    global n\n    for _ in range(100):\n        with lock: n += 1\nts = [threading.Thread(target=up) for _ in range(8)]\n[t.start() for t in ts]\n[t.join() for t in ts]\nprint(n)", "", "800"),
    Program("thread_pool", "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool: print(sum(pool.map(lambda x: x * x, range(10))))", "", "285"),
    Program("producer_and_consumer", "import queue, threading\nq = queue.Queue(2)\ndef give():\n    for i in range(5): q.put(i)\n    q.put(None)\nthreading.Thread(target=give).start()\nprint(list(iter(q.get, None)))", "", "[0, 1, 2, 3, 4]"),
    Program("process_pool", "from concurrent.futures import ProcessPoolExecutor\ndef square(x): return x * x\nif __name__ == '__main__':\n    with ProcessPoolExecutor(2) as pool: print(list(pool.map(square, range(4))))", "", "[0, 1, 4, 9]"),
    Program("processes_and_a_queue", "import multiprocessing as mp\ndef work(q, n): q.put(n * 10)\nif __name__ == '__main__':\n    q = mp.Queue()\n    ps = [mp.Process(target=work, args=(q, n)) for n in range(3)]\n    [p.start() for p in ps]\n    print(sorted(q.get() for _ in ps))\n    [p.join() for p in ps]", "", "[0, 10, 20]"),
    Program("shared_value_and_array", "import multiprocessing as mp\ndef work(v, a):\n    with v.get_lock(): v.value += 5\n    a[0] = 1.5\nif __name__ == '__main__':\n    v, a = mp.Value('i', 1), mp.Array('d', 2)\n    p = mp.Process(target=work, args=(v, a)); p.start(); p.join()\n    print(v.value, a[:])", "", "6 [1.5, 0.0]"),
    Program("spawned_processes", "import multiprocessing as mp\ndef square(x): return x * x\nif __name__ == '__main__':\n    with mp.get_context('spawn').Pool(1) as pool: print(pool.map(square, [3]))", "", "[9]"),
    Program("process_manager", "import multiprocessing as mp\ndef work(d): d['k'] = 1\nif __name__ == '__main__':\n    with mp.Manager() as m:\n        d = m.dict()\n        p = mp.Process(target=work, args=(d,)); p.start(); p.join()\n        print(dict(d))", "", "{'k': 1}"),
    Program("fork_and_wait", "import os\nr, w = os.pipe()\nif (pid := os.fork()) == 0:\n    os.write(w, b'child')\n    os._exit(0)\nos.waitpid(pid, 0)\nprint(os.read(r, 9).decode())", "", "child"),
    Program("subprocess_with_input", "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(input()[::-1])'], input='abc', text=True, capture_output=True).stdout)", "", "cba"),
    Program("shell_pipeline", "import subprocess\nprint(subprocess.check_output('printf \"b\\\\na\\\\n\" | sort | head -1', shell=True, text=True))", "", "a"),
    Program("child_inherits_stdin", "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(int(input()) + 1)'])", "41\n", "42"),
    Program("event_loop_and_processes", "import asyncio, sys\nasync def main():\n    p = await asyncio.create_subprocess_exec(sys.executable, '-c', 'print(7)', stdout=asyncio.subprocess.PIPE)\n    out, _ = await p.communicate()\n    print(out.decode().strip(), await asyncio.to_thread(len, 'abc'))\nasyncio.run(main())", "", "7 3"),
    Program("runs_itself_again", "import subprocess, sys\nif len(sys.argv) > 1: print('child', sys.argv[1])\nelse: subprocess.run([sys.executable, __file__, 'x'], check=True)", "", "child x"),
    Program("reads_its_own_source", "import inspect\ndef f(): return 1\nprint(len(open(__file__).read()) > 10, inspect.getsource(f).startswith('def f'))", "", "True True"),
)  # fmt: skip
HABITS = (
    Program("seeded_random", "import random\nrandom.seed(42)\na = [random.random() for _ in range(3)]\nrandom.seed(42)\nprint(a == [random.random() for _ in range(3)], random.Random(1).randint(1, 100))", "", "True 18"),
    Program("temporary_files", "import os, tempfile\nwith tempfile.TemporaryDirectory() as d:\n    p = os.path.join(d, 'a.txt')\n    open(p, 'w').write('hi')\n    print(open(p).read(), os.path.getsize(p))\nwith tempfile.NamedTemporaryFile('w+') as f:\n    f.write('x'); f.flush(); print(os.path.exists(f.name))", "", "hi 2 True"),
    Program("files_in_its_folder", "import os, json, pathlib, shutil\nos.makedirs('out/deep')\npathlib.Path('out/deep/a.json').write_text(json.dumps([1]))\nshutil.copytree('out', 'copy')\nprint(json.load(open('copy/deep/a.json')), sorted(os.listdir('out')))\nos.chdir('out')\nprint(os.path.basename(os.getcwd()))", "", "[1] ['deep'] out"),
    Program("pickle_of_its_own_class", "import pickle\nclass P:\n    def __init__(self, x): self.x = x\nprint(pickle.loads(pickle.dumps(P(3))).x, P.__module__)", "", "3 __main__"),
    Program("sqlite_in_memory", "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t(x)')\nc.executemany('insert into t values(?)', [(1,), (2,)])\nprint(c.execute('select sum(x) from t').fetchone()[0])", "", "3"),
    Program("future_annotations", "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass N:\n    next: N | None = None\n    v: list[int] | None = None\nimport typing\nprint(typing.get_type_hints(N)['v'], N(N()).next.v)", "", "list[int] | None None"),
    Program("docstring_then_future", '#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n"""Doc."""\nfrom __future__ import division, annotations\nprint(__doc__, 1 / 2)', "", "Doc. 0.5"),
    Program("byte_order_mark", "\ufeffprint('bom')", "", "bom"),
    Program("coding_cookie", "# -*- coding: latin-1 -*-\nprint('plain')", "", "plain"),
    Program("tabs_and_form_feed", "def f(x):\n\tif x:\n\t\treturn 1\n\treturn 0\n\x0c\nprint(f(1), f(0))", "", "1 0"),
    Program("crlf_source", "def f():\r\n    return '''a\r\nb'''\r\nprint(repr(f()))\r\n", "", "'a\\nb'"),
    Program("old_mac_source", "x = 1\rif x:\r    print('cr')\r", "", "cr"),
    Program("no_final_newline_but_blanks", "print('a')\n    \n\t\n# end \\", "", "a"),
    Program("unicode_names", "π = 3.14159\ndef größe(ä): return ä * 2\nclass Ñandú: é = 'x'\nprint(größe(π) > 6, Ñandú.é)", "", "True x"),
    Program("walrus_and_match", "def f(x):\n    match x:\n        case [1, *rest] if (n := len(rest)): return n\n        case {'k': int(v)}: return v\n        case str() | bytes(): return 's'\n        case _: return None\nprint(f([1, 2, 3]), f({'k': 7}), f('a'), f(0))", "", "2 7 s None"),
    Program("nested_fstrings", "w, p = 10, 2\nprint(f'{3.14159:{w}.{p}f}|{\"x\"!r:>5}|{w=}')", "", "      3.14|  'x'|w=10"),
    Program("globals_and_dunders", "print(__name__, __builtins__ is not None, __doc__, 'main' in dir() or 'x' not in globals())\nimport __main__\nx = 5\nprint(__main__.x)", "", "__main__ True None True 5"),
    Program("exec_and_eval", "ns = {}\nexec('def f(n): return n + 1', ns)\nprint(eval('f(2) * 2', ns))\nexec(compile('y = 3', 'gen', 'exec'))\nprint(y)", "", "6 3"),
    Program("module_lookups_by_name", "import sys\nclass A: pass\nprint(sys.modules['__main__'].A is A, getattr(sys.modules[__name__], 'A').__name__)", "", "True A"),
    Program("recursion_of_a_lambda", "fact = lambda n: 1 if n < 2 else n * fact(n - 1)\nprint(len(str(fact(500))))", "", "1135"),
    Program("limit_of_digits_raised", "import sys\nsys.set_int_max_str_digits(0)\nprint(len(str(7 ** 10_000)))", "", "8451"),
    Program("local_clock_and_sleep", "import time\na = time.perf_counter()\ntime.sleep(0.05)\nprint(0.04 < time.perf_counter() - a < 5, time.time() > 1e9)", "", "True True"),
    Program("environment_and_platform", "import os, platform, getpass\nos.environ['MINE'] = '1'\nprint(os.getenv('MINE'), bool(platform.system()), os.path.isdir(os.path.expanduser('~')) in (True, False), os.cpu_count() > 0)", "", "1 True True True"),
    Program("collector_turned_off", "import gc, faulthandler\ngc.disable(); gc.freeze()\nfaulthandler.enable()\nprint(gc.isenabled())", "", "False"),
    Program("bisect_heap_and_array", "import heapq, bisect, array, itertools, string, statistics\nh = [3, 1, 2]; heapq.heapify(h)\nprint(heapq.heappop(h), bisect.bisect([1, 3], 2), array.array('q', [5])[0], statistics.median([1, 9, 2]), string.ascii_lowercase[:3])", "", "1 1 5 2 abc"),
)  # fmt: skip
PROGRAMS = (*AT_ONCE, *HABITS)


@pytest.mark.parametrize("program", rows(PROGRAMS))
def test_the_program_is_right_by_itself(program: Program, tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_bytes(program.code.encode())
    assert plain(["solution.py"], program.stdin, tmp_path).split() == program.stdout.split()


@pytest.mark.parametrize("program", rows(PROGRAMS))
def test_a_habit_passes(sandbox: Sandbox, program: Program) -> None:
    assert not failures(sandbox.judge(stdio((program.stdin, program.stdout), limits=ROOMY), program.code))


@pytest.mark.parametrize(
    "printed", ["0.3333", "0.33333334 1e0", "3.3333334e-1 1.00", "+.33333333 01", "0.3333333\n\n1.0\n"]
)
def test_a_number_may_be_written_in_many_ways(sandbox: Sandbox, printed: str) -> None:
    """Tolerance is of numbers, not of their text."""
    expected = "0.33333333 1" if " " in printed or "\n" in printed else "0.3333"
    problem = stdio(("", expected), compare=FloatTolerance(float=1e-6), limits=ROOMY)
    assert not failures(sandbox.judge(problem, f"print({printed!r})"))
