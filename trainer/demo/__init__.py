"""`passrate demo`: from nothing to a model trained on pass rates, on a CPU, with nothing from a hub."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from trainer.parser import UsageError

if TYPE_CHECKING:
    import argparse


def main(arguments: argparse.Namespace) -> int:
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: cannot write there: {error}") from None
    # Threads of torch that wait spin for some milliseconds, on processors that others need: the judge, for one. Beside
    # other work the demo took four times as long. Not to spin at all costs a third of its speed on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    run = importlib.import_module("trainer.demo.run")  # brings in torch and trl, which take seconds
    run.run_demo(
        seed=arguments.seed, steps=arguments.steps, out=arguments.out, url=arguments.url, control=arguments.control
    )
    return 0
