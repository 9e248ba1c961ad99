"""What a result rests on: how far the tests of a problem can trust what they learn of a submission."""

from __future__ import annotations

from typing import Final, Literal, get_args

Assurance = Literal["values", "objects", "shared"]
"""From the strongest to the weakest.

`values`: only plain values crossed between test and submission; nothing that the submission can say is believed.
`objects`: objects of classes that the submission defines answered questions of the test.
`shared`: test and submission shared one process, so that the submission could report for the test.
"""

ASSURANCES: Final[tuple[Assurance, ...]] = get_args(Assurance)


def is_weaker(assurance: Assurance, least: Assurance) -> bool:
    return ASSURANCES.index(assurance) > ASSURANCES.index(least)
