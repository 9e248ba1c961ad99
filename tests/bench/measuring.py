"""Measures all there is to measure, one thing after the other, on a machine that should have nothing else to do."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from typing import TYPE_CHECKING

from reward_server.backends.embedded import base_python
from tests.bench import client, serving, ways
from tests.bench.numbers import DOCKER, EMBEDDED, Measured
from tests.bench.programs import CALLS, Program, distinct, many_calls
from tests.bench.racing import Effort, Field, race
from tests.bench.works import BUNDLED, HUMANEVAL, default_humaneval, make_work
from trainer.client import SyncRewardClient
from trainer.display import progress_bar

if TYPE_CHECKING:
    import docker

    from tests.bench.works import Work

BATCH = 512
"""Evaluations of the batches by which the server process alone is measured."""
BARE_STARTS = 10


def measure(
    effort: Effort,
    slots: int,
    chosen: list[Work],
    daemon: docker.APIClient | None,
    run_code_url: str | None,
    notes: list[str],
) -> Measured:
    """Raises: LocalServerFailed, RewardClientError, Unmeasurable, NoAnswer."""
    load = f"load {os.getloadavg()[0]:.1f} before"
    with contextlib.ExitStack() as stack:
        on_progress = stack.enter_context(progress_bar("measuring"))
        starts_s = [serving.start_s() for _ in range(effort.starts)]
        peak = serving.peak("embedded" if daemon is None else "docker", slots, daemon, effort.peak_completions)
        servers = {EMBEDDED: stack.enter_context(serving.server("embedded", slots))}
        if daemon is not None:
            stack.callback(daemon.close)
            servers[DOCKER] = stack.enter_context(serving.server("docker", slots, daemon))
        slot_bytes = {way: serving.slot_bytes(server) for way, server in servers.items()}
        latencies_s = {way: serving.latencies_s(server.url, effort.requests) for way, server in servers.items()}
        field = Field(effort, slots, servers, daemon, run_code_url, notes)
        raced = {}
        for number, work in enumerate(chosen):
            on_progress(number, len(chosen))
            raced[work.name] = race(work, field)
        calls_s = [
            each.cpu_s / CALLS
            for each in samples([[many_calls(n)] for n in range(effort.slow_rounds)], servers[EMBEDDED])
        ]
        batches = samples([batch_programs()] * effort.other_rounds, list(servers.values())[-1])
        clients_s = client.overheads_s(effort.rounds)
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}, {load}, {os.getloadavg()[0]:.1f} after"
    return Measured(
        machine=f"{machine}; a new interpreter: {start_cpu_ms():.0f} ms of CPU, {start_cpu_ms('-S'):.0f} without site",
        at_once=slots,
        raced=raced,
        starts_s=starts_s,
        slot_bytes=slot_bytes,
        latencies_s=latencies_s,
        batch_cpu_s=[each.parts_s["server"] / each.evaluations for each in batches],
        peak=peak,
        calls_s=calls_s,
        clients_s=clients_s,
        notes=notes,
    )


def samples(rounds: list[list[Program]], server: serving.Server) -> list[ways.Sample]:
    with SyncRewardClient(server.url) as asking:
        return [ways.score(programs, asking, server) for programs in rounds]


def batch_programs() -> list[Program]:
    path = default_humaneval()
    programs = make_work(BUNDLED if path is None else HUMANEVAL, path, quick=False).programs
    return list(distinct(programs, -(-BATCH // len(programs))))[:BATCH]


def start_cpu_ms(*options: str) -> float:
    """What a bare interpreter costs before it does anything: part of every way that starts one."""
    before = ways.reaped_s()
    for _ in range(BARE_STARTS):
        subprocess.run([base_python(), *options, "-c", "pass"], check=True)
    return 1000 * (ways.reaped_s() - before) / BARE_STARTS
