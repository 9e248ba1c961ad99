"""A verdict does not depend on what else the machine does. The bench has more of it: `--works load`."""

from __future__ import annotations

import pytest

from tests.bench.load import burners, mixed, send, spinners
from trainer.local_server import local_server

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SCALE = 0.4
"""Of seconds: a limit of 0.8 s of CPU and of 1.2 s by the clock."""


def test_no_verdict_changes_beside_processes_that_spin() -> None:
    """Honest programs near their limits and others beyond them, sent at once, beside six processes that spin.

    Alone each has the verdict that it is given here. Seen red without what is left out of the clock (all that burn),
    with the waits of main threads alone (threads, children), and with the clock in place of processor time.
    """
    programs = burners(12, SCALE) + mixed(1, SCALE)
    with local_server(backend="embedded") as url, spinners(6):
        verdicts = send(url, programs, 16, SCALE).verdicts
    wrong = [
        f"{verdict} for {program.right}: {program.code}"
        for verdict, program in zip(verdicts, programs, strict=True)
        if verdict != program.right
    ]
    assert not wrong, "\n\n".join(wrong)
