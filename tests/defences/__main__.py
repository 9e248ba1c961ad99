"""Removes each defence in a copy of the packages and demands that the tests which it names fail there.

`python -m tests.defences [NAME...]`; all without a name. First the named tests must pass with everything in place. A
removal counts as noticed when all of its tests fail, each in its own call and not for want of a module or a sandbox,
while an honest submission still gets all that it should. Exit code 1 when one goes unnoticed. Minutes: not part of CI.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

from reward_server.backends import docker_daemon
from reward_server.errors import BackendUnavailable
from tests.contract import test_unprivileged
from tests.contract.support import IMAGE, REPOSITORY
from tests.defences.defence import CONTROL, Defence, Where
from tests.defences.table import DEFENCES
from tests.defences.witness import REPORT

if TYPE_CHECKING:
    from collections.abc import Iterator

COPIED = ("reward_server", "tasks", "trainer", "sandbox_images", "tests", "pyproject.toml", "README.md", "docs")
BASELINE_S, REMOVAL_S, TEST_S = 600, 150, 60
OURS = frozenset({"BackendUnavailable", "ImportError", "ModuleNotFoundError", "NameError", "SyntaxError"})
"""What a test fails with when the removal has broken more than the defence."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test ended."""

    outcome: str
    when: str
    error: str

    @property
    def red(self) -> bool:
        return self.outcome == "failed" and self.when == "call" and self.error not in OURS

    @property
    def green(self) -> bool:
        return self.outcome == "passed"


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of what the tests need, that every user may read."""
    with tempfile.TemporaryDirectory(prefix="defences-") as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        for name in COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, copy / name)
        yield copy


@contextmanager
def removed(copy: Path, defence: Defence) -> Iterator[None]:
    """The copy without a defence. Raises: ValueError when its text is not there exactly once."""
    path = copy / defence.file
    text = path.read_text(encoding="utf-8")
    if text.count(defence.text) != 1:
        raise ValueError(f"{defence.name}: its text stands {text.count(defence.text)} times in {defence.file}")
    write(path, text.replace(defence.text, defence.without))
    try:
        yield
    finally:
        write(path, text)


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)  # it might be taken for that of the new text


def run(copy: Path, tests: tuple[str, ...], where: Where, limit_s: float) -> dict[str, Outcome]:
    """Run tests in the copy. Returns: how each ended; those that did not get that far are left out."""
    report = copy / "report.jsonl"
    report.unlink(missing_ok=True)
    report.touch()
    report.chmod(0o666)
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.defences.witness", f"--timeout={TEST_S}"]
    command = [sys.executable, "-m", "pytest", *options, *dict.fromkeys(tests)]
    if where == "nobody" and os.geteuid() == 0:
        command = test_unprivileged.as_nobody(command)
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        REPORT: str(report),
        **({test_unprivileged.INNER: "1", "HOME": "/nonexistent"} if where == "nobody" else {}),
    }
    with (copy / "output.txt").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=copy, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    outcomes: dict[str, Outcome] = {}
    for line in report.read_text(encoding="utf-8").splitlines():
        name, *ended = json.loads(line)
        outcomes[name] = Outcome(*ended)
    return outcomes


def why_not(where: Where) -> str:
    """Why this machine cannot show it; empty if it can."""
    if where == "root" and os.geteuid() != 0:
        return "needs root"
    if where == "nobody":
        return test_unprivileged.why_not() if os.geteuid() == 0 else ""
    if where == "docker":
        try:
            docker_daemon.connect(IMAGE).client.close()
        except BackendUnavailable as error:
            return str(error)
    return ""


def try_removal(copy: Path, defence: Defence, table: dict[str, Defence]) -> tuple[int, str]:
    """Returns: how many of its tests noticed, and what else is wrong."""
    # First, as what hangs in a slot may keep it from the rest.
    tests = (CONTROL[defence.where], *defence.tests)
    with removed(copy, defence):
        seen = run(copy, tests, defence.where, REMOVAL_S)
        if not defence.covered_by:
            return noticed(defence, seen)
        if not passed(defence, seen):
            return 0, f"noticed alone: it is not covered by {defence.covered_by}"
        with removed(copy, table[defence.covered_by]):
            both = run(copy, tests, defence.where, REMOVAL_S)
    with removed(copy, table[defence.covered_by]):
        if not passed(defence, run(copy, tests, defence.where, REMOVAL_S)):
            return 0, f"{defence.covered_by} is noticed alone: it does not cover this"
    return noticed(defence, both)


def passed(defence: Defence, seen: dict[str, Outcome]) -> bool:
    return all(name in seen and seen[name].green for name in defence.tests)


def noticed(defence: Defence, seen: dict[str, Outcome]) -> tuple[int, str]:
    """How many tests of a defence failed for want of it, and what says that they failed for something else."""
    red = sum(name in seen and seen[name].red for name in defence.tests)
    if not passed_control(defence, seen):
        return red, "the removal broke more than the defence"
    others = [seen.get(name) for name in defence.tests if name not in seen or not seen[name].red]
    return red, ", ".join(f"{other.outcome} {other.error}".strip() if other else "no outcome" for other in others)


def passed_control(defence: Defence, seen: dict[str, Outcome]) -> bool:
    control = CONTROL[defence.where]
    return control in seen and seen[control].green


def baseline(copy: Path, rows: list[Defence]) -> list[str]:
    """The named tests with every defence in place. Returns: those that do not pass."""
    bad: list[str] = []
    for where in dict.fromkeys(row.where for row in rows):
        tests = tuple(
            dict.fromkeys(test for row in rows if row.where == where for test in (*row.tests, CONTROL[where]))
        )
        seen = run(copy, tests, where, BASELINE_S)
        bad += [f"{test} ({where})" for test in tests if test not in seen or not seen[test].green]
        if bad:
            sys.stdout.write((copy / "output.txt").read_text(encoding="utf-8")[-4000:])
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.defences", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="defences; all of them without")
    parser.add_argument("--show", action="store_true", help="print pytest's output for each removal")
    given = parser.parse_args()
    table = {row.name: row for row in DEFENCES}
    unknown = set(given.names) - table.keys()
    if unknown:
        parser.error(f"no such defence: {', '.join(sorted(unknown))}")
    reasons = {where: why_not(where) for where in CONTROL}
    chosen = [row for row in DEFENCES if not given.names or row.name in given.names]
    rows = [row for row in chosen if not reasons[row.where]]
    for row in chosen:
        if reasons[row.where]:
            sys.stdout.write(f"not tried: {row.name} ({reasons[row.where]})\n")
    unnoticed = 0
    with copied() as copy:
        began = time.monotonic()
        bad = baseline(copy, rows)
        if bad:
            sys.stdout.write("these must pass with every defence in place:\n" + "\n".join(bad) + "\n")
            return 1
        sys.stdout.write(f"with every defence in place all named tests pass ({time.monotonic() - began:.0f} s)\n\n")
        for row in rows:
            began = time.monotonic()
            red, wrong = try_removal(copy, row, table)
            good = red == len(row.tests) and not wrong
            unnoticed += not good
            mark, took_s = "ok " if good else "BAD", time.monotonic() - began
            beside = f"  with {row.covered_by}" if row.covered_by else ""
            sys.stdout.write(f"{mark} {row.name:58} {red}/{len(row.tests)} {took_s:5.1f} s{beside}  {wrong}\n")
            sys.stdout.flush()
            if given.show:
                sys.stdout.write((copy / "output.txt").read_text(encoding="utf-8")[-6000:])
    sys.stdout.write(f"\n{len(rows) - unnoticed} of {len(rows)} removals were noticed\n")
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main())
