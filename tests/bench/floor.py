"""The floor: a bare fork and exec for each run, with nothing around it. Run as `python -I floor.py MODULE...`.

Reads a JSON list of programs, each a source and the stdin of each of its runs, and writes the CPU and wall seconds of
the loop to stdout. The modules are imported before the first fork. It isolates nothing, limits nothing and judges by
the exit code, so that no reward server can cost less.
"""

import collections  # noqa: F401 what programs import most is there before the fork
import copy  # noqa: F401
import gc
import hashlib  # noqa: F401
import importlib
import itertools  # noqa: F401
import json
import math  # noqa: F401
import os
import random  # noqa: F401
import re  # noqa: F401
import resource
import string  # noqa: F401
import sys
import time
import typing  # noqa: F401


def main() -> None:
    for name in sys.argv[1:]:
        importlib.import_module(name)
    programs = json.load(sys.stdin)
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gc.collect()
    gc.freeze()
    failures = []
    began_cpu, began = used_s(), time.perf_counter()
    for source, stdins in programs:
        failed = 0
        for stdin in stdins:
            pid = os.fork()
            if pid == 0:
                run(source, stdin)
            failed += os.waitpid(pid, 0)[1] != 0
        failures.append(failed)
    told = {"cpu_s": used_s() - began_cpu, "wall_s": time.perf_counter() - began, "failed": failures}
    os.write(answer, json.dumps(told).encode())


def run(source: str, stdin: str) -> None:
    try:
        if stdin:
            text = os.memfd_create("stdin")
            os.write(text, stdin.encode())
            os.lseek(text, 0, os.SEEK_SET)
            os.dup2(text, 0)
            sys.stdin = open(0)  # noqa: SIM115
        exec(compile(source, "program", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 whatever it is, this is a child and must end here
        os._exit(1)
    os._exit(0)


def used_s() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, whose))


main()
