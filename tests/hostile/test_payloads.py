"""The list of hostile behaviour, on every backend: the right verdict, the runner alive, and the slot proven clean.

Seen red: without the seccomp filter (24 payloads), its part for sockets (5), the clock (5), the processor time of
children (3), what is taken from the clock for waiting (13); and those that `tests/defences` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer.attack.payloads import PAYLOADS

if TYPE_CHECKING:
    from trainer.attack.attacking import Outcome
    from trainer.attack.payload import Payload

EVERY = [payload for section in PAYLOADS.values() for payload in section]


@pytest.mark.timeout(600)  # the first one waits for all
@pytest.mark.parametrize("payload", EVERY, ids=[payload.name for payload in EVERY])
def test_the_sandbox_holds(outcomes: dict[str, Outcome], payload: Payload) -> None:
    """A slot is given up only where cleaning it may take too long: a runner that ends each time would prove nothing."""
    outcome = outcomes[payload.name]
    assert outcome.wrong == ""
    assert outcome.slot == "clean" or payload.may_spend, outcome.why_spent
