"""The floor: a bare fork and exec for each program, with nothing around it. Run as `python -I -S floor.py`.

Reads a JSON list of programs from stdin and writes the CPU and wall seconds of the loop to stdout. It isolates nothing,
limits nothing and judges by the exit code, so that no reward server can cost less.
"""

import collections  # noqa: F401 what programs import most is there before the fork
import copy  # noqa: F401
import gc
import hashlib  # noqa: F401
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
    programs = json.load(sys.stdin)
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gc.collect()
    gc.freeze()
    failed = 0
    began_cpu, began = used_s(), time.perf_counter()
    for program in programs:
        pid = os.fork()
        if pid == 0:
            run(program)
        failed += os.waitpid(pid, 0)[1] != 0
    told = {"cpu_s": used_s() - began_cpu, "wall_s": time.perf_counter() - began, "failed": failed}
    os.write(answer, json.dumps(told).encode())


def run(program: str) -> None:
    try:
        exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    except BaseException:  # noqa: BLE001 whatever it is, this is a child and must end here
        os._exit(1)
    os._exit(0)


def used_s() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, whose))


main()
