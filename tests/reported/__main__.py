"""Shows by kind how many of the reported inputs get their right reward.

`python -m tests.reported [--url URL] [--backend embedded] [KIND...]`. Without a URL it starts a server. Exit code 1
where a reward is wrong.
"""

from __future__ import annotations

import argparse
import sys

import httpx

from tests.reported.rows import KINDS, judge, rows_of
from trainer.display import show, table
from trainer.local_server import server_at

DEADLINE_S = 600


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reported", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (all)")
    parser.add_argument("--url", help="a server to ask; without it one is started here")
    parser.add_argument("--backend", choices=("auto", "embedded", "docker"), default="auto")
    asked = parser.parse_args()
    shown = table("Reported inputs", "kind", numbers=("inputs", "right"))
    wrong: list[str] = []
    with (
        server_at(asked.url, backend=asked.backend) as url,
        httpx.Client(base_url=url, timeout=DEADLINE_S, trust_env=False) as http,
    ):
        for kind in asked.kinds or KINDS:
            outcomes = list(judge(http, rows_of(kind)))
            bad = [str(outcome) for outcome in outcomes if not outcome.right]
            shown.add_row(kind, str(len(outcomes)), str(len(outcomes) - len(bad)))
            wrong += bad
    show(*wrong, shown)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
