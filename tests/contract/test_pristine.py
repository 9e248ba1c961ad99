"""No submission finds another job in its memory: neither its code nor its tests, answers, messages or reports."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tasks.schema import Checker, Limits
from tests.contract.support import asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tasks.schema import Problem
    from tests.contract.support import Sandbox

LIMITS = Limits(cpu_s=30, wall_s=60, memory_mb=1024, output_bytes=1 << 20)
PACKAGES = ("", "numpy", "pandas", "sympy")
SEARCH = r'''
import os, re
MARKS = re.compile(rb"[z]q7x-[a-z_]+")  # which does not match itself

def marks_in(descriptor, start, end):
    found = set()
    while start < end:
        held = os.pread(descriptor, min(end - start, 4 << 20), start)
        if not held:
            break
        found |= {match[0].decode() for match in MARKS.finditer(held)}
        start += max(len(held) - 64, 1) if len(held) > 64 else len(held)
    return found

def search():
    """All that this process can read: its memory, its open files, what /proc says of it."""
    found, memory = set(), os.open("/proc/self/mem", os.O_RDONLY)
    for line in open("/proc/self/maps").read().splitlines():
        span, rights = line.split()[:2]
        if rights[0] == "r" and "[v" not in line:
            try:
                found |= marks_in(memory, *(int(each, 16) for each in span.split("-")))
            except OSError:
                pass
    for name in [*os.listdir("/proc/self/fd"), "environ", "cmdline"]:
        try:
            opened = os.open(f"/proc/self/fd/{name}" if name.isdigit() else f"/proc/self/{name}", os.O_RDONLY | os.O_NONBLOCK)
            if opened != memory:
                found |= marks_in(opened, 0, 1 << 26)
        except OSError:
            pass
    return sorted(found)
'''  # noqa: E501


def earlier(times: int) -> list[tuple[Problem, str]]:
    """Jobs of every kind, with marks in each place where something of a job may be: so many, short and long texts."""

    def mark(name: str) -> str:
        return f"zq7x-{name} " * times

    checker = Checker(checker=f"def check(*_): return '{mark('no')}'")
    two_tests = f"from solution import f\ndef test_a(): assert f(1) == '{mark('pytest')}'\ndef test_zq7x(): f(2).zq7x"
    return [
        (stdio((mark("stdin"), mark("stdout")), limits=LIMITS), f"print('{mark('printed')}', input())"),
        (
            call(returns(mark("expected"), mark("argument")), limits=LIMITS),
            f"def solve(x): return '{mark('returned')}'",
        ),
        (call(returns(1), limits=LIMITS), f"def solve(): raise ValueError('{mark('raised')}')"),
        (asserts(f"assert f() == '{mark('wanted')}'", "f", limits=LIMITS), f"def f(): return '{mark('got')}'"),
        (
            asserts(f"import os\nassert f() == '{mark('forked')}', f'{mark('message')}'", "f", limits=LIMITS),
            f"def f(): raise KeyError('{mark('key')}')",
        ),
        (
            pytest_files(two_tests, limits=LIMITS),
            f"def f(x):\n    print('{mark('aside')}')\n    return '{mark('answer')}'",
        ),
        (
            asserts(f"assert f() == '{mark('shared')}'", "f", isolation="shared", limits=LIMITS),
            f"def f(): return '{mark('one')}'",
        ),
        (stdio((mark("asked"), mark("key")), compare=checker, limits=LIMITS), f"print('{mark('output')}')"),
        (stdio(("", ""), limits=LIMITS), f"raise SystemExit('{mark('stderr')}')"),
        (call(returns(1), limits=LIMITS), f"raise OSError('{mark('load')}')"),
    ]


@pytest.fixture(scope="module")
def used(with_packages: Sandbox) -> Sandbox:
    """A sandbox that has seen other jobs."""
    with_packages.rest()
    for times in (1, 3, 20, 500) * 3:
        for problem, code in earlier(times):
            assert "passed" not in with_packages.verdicts(problem, code)
    return with_packages


ROLES: dict[str, Problem] = {
    "program": stdio(("", "[]"), limits=LIMITS),
    "calls": call(returns([]), entry_point="search", limits=LIMITS),
    "served": asserts("assert search() == []", "search", limits=LIMITS),
    "served_by_a_judge_of_its_own": asserts("import os\nassert search() == []", "search", limits=LIMITS),
    "pytest": pytest_files("from solution import search\ndef test_it(): assert search() == []", limits=LIMITS),
    "shared": asserts("assert search() == []", "search", isolation="shared", limits=LIMITS),
    "shared_pytest": pytest_files(
        "from solution import search\ndef test_it(): assert search() == []", isolation="shared", limits=LIMITS
    ),
}


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_other_jobs_is_in_a_submissions_memory(used: Sandbox, role: str, package: str) -> None:
    """Seen red: where a zygote is a fork of the control process, it finds their tests, answers and reports."""
    code = f"{SEARCH}if 0:\n    import {package or 'math'}\n"
    if role == "program":
        code += "import json\nprint(json.dumps(search()))"
    for problem, other in earlier(40)[:5]:  # just before, lest what was found would long have been written over
        used.verdicts(problem, other)
    (result,) = used.judge(ROLES[role], code)
    assert result.verdict == "passed", result


@pytest.mark.parametrize("package", PACKAGES)
def test_nor_in_that_of_a_checker(used: Sandbox, package: str) -> None:
    checker = Checker(checker=f"import {package or 'math'}\n{SEARCH}\ndef check(*_): return search() == []")
    (result,) = used.judge(stdio(("", ""), compare=checker, limits=LIMITS), f"import {package or 'math'}")
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    "planted",
    [
        "planted = 'zq7x-planted'",
        "planted = bytearray(b'zq7x-planted')",
        "import mmap; planted = mmap.mmap(-1, 4096); planted[:12] = b'zq7x-planted'",
        "planted = open('planted', 'w'); print('zq7x-planted', file=planted); planted.flush()",
    ],
)
def test_the_search_finds_what_is_there(used: Sandbox, planted: str) -> None:
    found = used.output(f"{planted}\n{SEARCH}\nimport json; print(json.dumps(search()))", limits=LIMITS)
    assert json.loads(found) == ["zq7x-planted"]


def test_the_search_is_none_of_what_it_looks_for() -> None:
    assert not re.search("zq7x-", SEARCH)
