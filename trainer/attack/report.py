"""`passrate doctor --attack`: the whole list against the backend that the settings choose, told as a table."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rich.text import Text

from reward_server.backends import choose_backend
from trainer.attack.attacking import SIDE_BY_SIDE, Outcome, attack
from trainer.attack.payloads import PAYLOADS
from trainer.display import progress_bar, show, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from reward_server.settings import Settings
    from trainer.attack.payload import Payload


def report(settings: Settings) -> int:
    """Attack, and show what came of each payload. Returns: 0 where all is as it must be, else 1.

    Raises: BackendUnavailable.
    """
    outcomes: dict[str, Outcome] = {}
    payloads = [payload for section in PAYLOADS.values() for payload in section]

    async def run() -> str:
        backend = choose_backend(settings)
        try:
            with progress_bar("attacking") as tell:

                def note(payload: Payload, outcome: Outcome) -> None:
                    outcomes[payload.name] = outcome
                    tell(len(outcomes), len(payloads))

                await attack(backend, payloads, note, min(SIDE_BY_SIDE, settings.slots))
        finally:
            await backend.close()
        return f"{backend.name}: {backend.covers}"

    against = asyncio.run(run())
    failed = [name for name, outcome in outcomes.items() if outcome.wrong]
    replaced = sum(outcome.slot == "replaced" for outcome in outcomes.values())
    line = f"{len(outcomes)} payloads, {len(failed)} failed, {replaced} slots replaced. Attacked: {against}."
    show(*tables(outcomes), line)
    return 1 if failed else 0


def tables(outcomes: Mapping[str, Outcome]) -> list[Table]:
    """Make a table for each section."""
    made = []
    for section, payloads in PAYLOADS.items():
        rows = table(section, "payload", "required", "seen", "slot afterwards", "")
        for payload in payloads:
            outcome = outcomes[payload.name]
            ending = Text(f"FAILED: {outcome.wrong}", "red") if outcome.wrong else Text("ok", "green")
            rows.add_row(payload.name, " or ".join(payload.verdicts), outcome.seen, outcome.slot, ending)
        made.append(rows)
    return made
