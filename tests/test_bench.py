"""The bench measures what it says: these check its instruments, not the numbers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from tasks.registry import load_problems
from tasks.schema import AssertsTests, CallTests, Problem, StdioTests
from tests.bench import grpo, numbers, processes, report, serving, ways
from tests.bench.__main__ import main
from tests.bench.goals import goals_of
from tests.bench.numpy_set import numpy_problems
from tests.bench.processes import Process
from tests.bench.programs import Program, references, spread_out, whole_program
from tests.bench.racing import QUICK, Effort, Field, noted, race
from tests.bench.stdio_set import stdio_problems
from tests.bench.works import Work
from tests.stub_server import served
from trainer.local_server import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PARENT = """
import os, sys, time
pid = os.fork()
while pid == 0 and time.process_time() < 30:
    pass
os.waitpid(pid, 0)
print("reaped", flush=True)
sys.stdin.read()
"""


def test_a_killed_child_is_counted() -> None:
    """What the runner kills at a limit has cost as much as what ends by itself."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        # For some ticks more than is asked for below: what a reaped child used is told in ticks, rounded down.
        while sum(each.own_s for each in processes.tree(parent.pid) if each.depth == 1) < 0.35:
            time.sleep(0.02)
        (child,) = (each.pid for each in processes.tree(parent.pid) if each.depth == 1)
        os.kill(child, signal.SIGKILL)
        assert parent.stdout.readline() == b"reaped\n"
        (alone,) = processes.tree(parent.pid)
        assert alone.reaped_s >= 0.3
        assert processes.memory_bytes([parent.pid])
        parent.kill()


def problem(tests: CallTests | AssertsTests, entry_point: str, reference: str) -> Problem:
    return Problem(entry_point=entry_point, tests=tests, reference=reference)


ADD = "def add(a, b): return a + b"
CALLS = CallTests.model_validate({"kind": "call", "cases": [{"args": [1, "x"], "raises": "TypeError"}]})
PUSH = CallTests.model_validate({"kind": "call", "cases": [{"args": [[1]], "expected": [1]}]})
CHECK = AssertsTests(kind="asserts", source="def check(candidate):\n    assert candidate(1, 2) == 3\n")
PLAIN = AssertsTests(kind="asserts", source="assert add(1, 2) == 3")


@pytest.mark.parametrize(
    "made",
    [
        problem(CALLS, "add", ADD),
        problem(PUSH, "Box.push", "class Box:\n    def push(self, items): return items"),
        problem(CHECK, "add", ADD),
        problem(PLAIN, "add", ADD),
    ],
)
def test_a_whole_program_runs_its_tests(made: Problem, tmp_path: Path) -> None:
    whole = whole_program(made)
    assert whole is not None
    assert failures(made, whole, tmp_path) == (0, 0)


@pytest.mark.parametrize(
    "made",
    [
        problem(CHECK, "add", "def add(a, b): return a - b"),
        problem(CALLS, "add", "def add(a, b): return 3"),
        problem(CALLS, "add", "def add(a, b): raise KeyError"),
        problem(PUSH, "push", "def push(items): return [2]"),
    ],
)
def test_a_whole_program_that_is_wrong_fails(made: Problem, tmp_path: Path) -> None:
    """A way that skipped the tests would be cheap."""
    whole = whole_program(made)
    assert whole is not None
    assert failures(made, whole, tmp_path) == (1, 1)


def failures(made: Problem, whole: str, folder: Path) -> tuple[int, int]:
    """By a bare fork, and by a new interpreter."""
    return bare([Program(made, str(made.reference), whole)], folder)


def bare(programs: list[Program], folder: Path) -> tuple[int, int]:
    forked = ways.fork(programs, sys.executable, 2)
    return forked.failed, ways.start_python(programs, [sys.executable], 2, folder).failed


def test_no_two_references_are_alike() -> None:
    """The server runs identical submissions once, which would make a batch look cheap."""
    programs = references([problem(CHECK, "add", ADD), problem(PLAIN, "add", ADD)], 150)
    assert len({each.code for each in programs}) == 75
    assert len({(each.problem.tests, each.code) for each in programs}) == len(programs) == 150


def test_whole_programs_have_twenty_cases_that_differ() -> None:
    for made in stdio_problems():
        assert isinstance(made.tests, StdioTests)
        assert len({case.stdin for case in made.tests.cases}) == 20


def test_a_whole_program_is_started_for_each_case(tmp_path: Path) -> None:
    """The server runs it so often too."""
    (program,) = references(stdio_problems()[:1], 1)
    assert len(program.runs) == 20
    assert bare([program], tmp_path) == (0, 0)


@pytest.mark.parametrize(("most_runs", "programs"), [(240, 12), (40, 2), (4, 1)])
def test_a_slow_way_gets_few_runs_from_all_over(most_runs: int, programs: int) -> None:
    """A program is never cut: its cases differ."""
    everything = references(stdio_problems(), 1)
    few = spread_out(everything, most_runs)
    assert len(few) == programs
    assert few[0] == everything[0]
    assert programs == 1 or everything.index(few[-1]) >= 6


@pytest.mark.parametrize("whole", ["print('wrong')", "{reference}\nif input_text == {first!r}: print('more')"])
def test_a_whole_program_that_prints_the_wrong_thing_is_wrong(whole: str, tmp_path: Path) -> None:
    """In every case or in the first alone. A way that only looked at the exit code would be cheap."""
    (program,) = references(stdio_problems()[:1], 1)
    reading = "import io, sys\ninput_text = sys.stdin.read()\nsys.stdin = io.StringIO(input_text)\n"
    code = whole.format(reference=program.whole, first=program.runs[0].stdin)
    program = replace(program, whole=reading + code)
    assert ways.start_python([program], [sys.executable], 2, tmp_path).failed == 1


@pytest.mark.train
def test_references_that_import_numpy_pass(tmp_path: Path) -> None:
    """The floor has imported numpy before, or it would be none."""
    programs = references(numpy_problems(), 1)
    assert len(programs) == 12
    assert ways.fork(programs, sys.executable, 2, "numpy").failed == 0
    assert ways.start_python(programs[:2], [sys.executable], 2, tmp_path).failed == 0


def test_a_grpo_batch_has_its_shares_and_is_the_same_in_every_run() -> None:
    batch = grpo.grpo_batch(load_problems("bundled"), 64)
    assert batch == grpo.grpo_batch(load_problems("bundled"), 64)
    distinct = {(each.problem.id, each.completion): each.kind for each in batch}
    assert 1 - len(distinct) / len(batch) == pytest.approx(grpo.SHARES["repeat"] * 15 / 16, abs=0.02)
    for kind, share in list(grpo.SHARES.items())[1:]:
        assert list(distinct.values()).count(kind) / len(batch) == pytest.approx(share, abs=0.02)
    assert {each.problem.reference for each in grpo.without_references(batch)} == {None}


def test_a_wrong_program_does_not_pass_by_being_right_for_long(tmp_path: Path) -> None:
    """With one test, it errs at the first call."""
    batch = grpo.grpo_batch([problem(CHECK, "add", ADD).model_copy(update={"id": str(n)}) for n in range(9)], 9)
    wrong = [each for each in batch if each.kind == "wrong"]
    assert len(wrong) > 20
    assert ways.fork(wrong, sys.executable, 2).failed == 0


@pytest.mark.sandbox
def test_every_way_finds_what_is_known_of_a_batch() -> None:
    """What crashes, loops or errs late, on the server and bare: a way that is wrong is no comparison."""
    everything = grpo.grpo_batch(load_problems("bundled"), 64)
    batch = [each for kind in grpo.SHARES for each in [one for one in everything if one.kind == kind][:2]]
    batch += batch[-1:]
    work = Work("grpo", "two of each", batch, grpo.without_references(batch))
    with serving.server("embedded", 2) as server, run_code_server(executed) as url:
        effort = Effort(1, 1, 1, len(batch), 1, 1, 1, 1)
        raced = race(work, Field(effort, 2, {numbers.EMBEDDED: server}, None, url, []))
    seen = {way: samples[0].failed for way, samples in raced.rounds.items()}
    ran = (numbers.EMBEDDED, numbers.UNREFERENCED, numbers.FORKED, numbers.STARTED, numbers.RUN_CODE)
    assert seen == dict.fromkeys(ran, 0)


@contextlib.contextmanager
def run_code_server(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[str]:
    """A server that answers every POST with what a function makes of its body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with served(Handler) as url:
        yield url


def executed(asked: dict[str, Any]) -> dict[str, Any]:
    """As SandboxFusion answers."""
    done = subprocess.run(
        [sys.executable, "-c", asked["code"]], input=asked["stdin"], capture_output=True, text=True, check=False
    )
    result = {"status": "Finished", "return_code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
    return {"status": "Failed" if done.returncode else "Success", "message": "", "run_result": result}


def test_a_run_code_server_is_asked_for_every_case() -> None:
    programs = references(stdio_problems()[:2], 1)
    asked: list[dict[str, Any]] = []

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body)
        return executed(body)

    with run_code_server(answer) as url:
        ways.check_run_code(url)
        sample = ways.run_code([programs[0], replace(programs[1], whole="print('wrong')")], url, 4)
    assert (sample.failed, sample.evaluations, len(asked)) == (1, 2, 41)
    assert {body["language"] for body in asked} == {"python"}


def test_a_run_code_server_that_does_not_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--run-code-url", f"http://127.0.0.1:{free_port()}"])
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not answer /run_code" in line


@pytest.mark.parametrize("answer", [{"detail": "Not Found"}, {"status": "Success", "run_result": None}, {"status": 1}])
def test_a_server_that_does_not_speak_run_code_is_refused(answer: dict[str, Any]) -> None:
    with run_code_server(lambda _: answer) as url, pytest.raises(ways.NoAnswer, match="run_code"):
        ways.check_run_code(url)


@pytest.mark.parametrize(
    ("options", "said"), [(["--works", "humaneval,stdoi"], "no work 'stdoi'"), (["--plot", "plot.jpg"], ".png")]
)
def test_what_makes_no_sense_is_one_line(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(("exit_code", "able"), [(0, True), (1, False)])
def test_a_sandbox_without_the_module_is_left_out_and_named(exit_code: int, able: bool) -> None:
    work = Work("numpy", "", [], needs="numpy")
    with run_code_server(lambda _: {"exit_code": exit_code}) as url:
        server = serving.Server(url, 0)
        field = Field(QUICK, 2, {}, None, None, [])
        assert (noted(work, numbers.DOCKER, server, field) is server) is able
    assert field.notes == ([] if able else ["numpy is not measured on Docker: its sandboxes have no numpy"])


@pytest.mark.parametrize(("before", "value", "inside"), [("a", None, "a"), ("a", "b", "b"), (None, "b", "b")])
def test_a_setting_for_one_server_is_taken_back(
    before: str | None, value: str | None, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "PASSRATE_SANDBOX_PYTHON"
    monkeypatch.delenv(name, raising=False)
    if before is not None:
        monkeypatch.setenv(name, before)
    with serving.set_for_children(name, value):
        assert os.environ[name] == inside
    assert os.environ.get(name) == before


def test_the_time_of_what_ended_stays_with_its_zygote() -> None:
    """A standing judge may end in a round; a control process or a zygote may not."""
    server, control, zygote, judge = (
        Process(pid, pid - 1, 7, own_s=1.0, reaped_s=0.0, depth=depth)
        for pid, depth in ((10, 0), (12, 2), (13, 3), (14, 4))
    )
    before = [server, control, zygote, judge]
    after = [server, control, replace(zygote, reaped_s=1.5)]
    assert ways.lasting(before) == ways.lasting(after)
    assert ways.lasting(before) != ways.lasting([server, control])
    assert ways.parts_of(before) == {"server": 1.0, "runner": 2.0, "submission": 1.0}
    assert ways.parts_of(after) == {"server": 1.0, "runner": 2.0, "submission": 1.5}


def test_the_highest_memory_is_remembered() -> None:
    """A batch's memory is given back by the time that its answer is there."""
    code = "x = bytearray(90 << 20); x[::4096] = b'x' * len(x[::4096]); del x; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert processes.highest_bytes(process.pid) > 90 << 20 > (processes.memory_bytes([process.pid]) or 0)
        process.kill()


def measured_of(rounds: dict[str, list[ways.Sample]], **given: Any) -> numbers.Measured:
    """A run on an imagined machine, with HumanEval as its only work."""
    everything: dict[str, Any] = {
        "machine": "none",
        "at_once": 1,
        "raced": {"humaneval": numbers.Raced("humaneval", "HumanEval", 10, rounds)},
        "starts_s": [0.5, 3.0, 1.0],
        "slot_bytes": {numbers.EMBEDDED: None},
        "latencies_s": {numbers.EMBEDDED: [0.01] * 9},
        "batch_cpu_s": [1e-3],
        "peak": serving.Peak(4096, 10**8, 2 * 10**8),
        "calls_s": [3e-5],
        "clients_s": [1e-4],
        "notes": [],
    }
    return numbers.Measured(**{**everything, **given})


def outcomes(measured: numbers.Measured) -> dict[str, bool | None]:
    return {goal.what: goal.reached for goal in goals_of(measured)}


def sample(cpu_s: float, wall_s: float = 1.0, evaluations: int = 10) -> ways.Sample:
    parts_s = {"server": cpu_s, "runner": 0.0, "submission": 0.0}
    return ways.Sample(cpu_s, wall_s, 0, parts_s, evaluations)


def test_ratios_are_taken_round_by_round() -> None:
    rounds = {
        numbers.EMBEDDED: [sample(2.0), sample(30.0), sample(6.0)],
        numbers.FORKED: [sample(1.0), sample(10.0), sample(6.0)],
        numbers.SHARED: [sample(1.0), sample(10.0), sample(3.0)],
        numbers.STARTED: [sample(20.0, 2.5)],
    }
    measured = measured_of(rounds)
    raced = measured.raced["humaneval"]
    assert raced.cpu_ratio(numbers.EMBEDDED, numbers.FORKED) == numbers.Spread(2.0, 1.0, 3.0)
    assert outcomes(measured) == {
        "humaneval: CPU time, embedded to fork + exec": True,
        "humaneval: times faster, embedded than subprocess": True,
        "humaneval: CPU time, embedded to one process": False,
        "one request, p50, ms (embedded)": True,
        "one request, p95, ms (embedded)": None,
        "one request, p99, ms (embedded)": True,
        "server process alone, ms of CPU, batches of 512": False,
        "server's peak memory, 4096 completions, MB": True,
        "of it: grown by the batch, MB": None,
        "start to /healthz, s": True,
        "a call across the wall, us of CPU": True,
        "the client, ms of CPU": True,
        "memory of an idle slot, MB (embedded)": None,
    }
    assert report.tables(measured)
    assert report.as_json(measured)["works"]["humaneval"]["ways"][numbers.EMBEDDED]["cpu_ms"]["median"] == 600.0


def with_docker() -> numbers.Measured:
    rounds = {
        numbers.EMBEDDED: [sample(1.0, 2.0)],
        numbers.DOCKER: [sample(1.0, 2.5)],
        numbers.FORKED: [sample(1.0, 2.0)],
        numbers.STARTED: [sample(1.0, 1.5, evaluations=5)],
        numbers.CONTAINED: [sample(0.0, 8.0, evaluations=2)],
    }
    taken_s = dict.fromkeys((numbers.EMBEDDED, numbers.DOCKER), [0.01] * 9)
    return measured_of(rounds, latencies_s=taken_s, peak=serving.Peak(512, 10**8, 10**9))


def test_paces_are_compared_by_the_clock_and_by_evaluation() -> None:
    """A round of a slow way holds fewer programs than the others."""
    measured = with_docker()
    raced = measured.raced["humaneval"]
    assert raced.times_faster(numbers.DOCKER, numbers.EMBEDDED).median == 0.8
    assert raced.times_faster(numbers.DOCKER, numbers.CONTAINED).median == 16.0
    assert raced.cpu_ms(numbers.STARTED).median == 200.0
    seen = outcomes(measured)
    assert seen["humaneval: times faster, Docker than docker run"] is False
    assert seen["humaneval: times faster, Docker than subprocess"] is False
    assert seen["humaneval: CPU time, Docker to fork + exec"] is True


def test_a_goal_is_not_reached_by_a_smaller_batch() -> None:
    assert outcomes(with_docker())["server's peak memory, 512 completions, MB"] is None


def test_the_tables_fit_a_terminal() -> None:
    """With every way, and numbers as wide as they come."""
    named = (numbers.DOCKER, numbers.UNREFERENCED, numbers.SHARED, numbers.STARTED, numbers.CONTAINED, numbers.RUN_CODE)
    rounds = {way: [sample(9.14, 10.45), sample(9.32, 10.11)] for way in (numbers.EMBEDDED, *named)}
    rounds[numbers.FORKED] = [sample(10.0)] * 2
    console = Console(width=80, file=io.StringIO(), markup=False, highlight=False)
    for thing in report.tables(measured_of(rounds)):
        console.print(thing)
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\u2026" not in written, "something was cut"
    assert "0.957-0.989" in written
    for way in (*rounds, "submission"):
        assert f"{way} " in written, "a name was broken"


@pytest.mark.train
def test_a_plot_is_written(tmp_path: Path) -> None:
    from tests.bench.plot import plot_bench

    plot_bench(with_docker(), tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
