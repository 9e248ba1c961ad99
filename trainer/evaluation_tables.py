"""An evaluation as tables and lines for a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.display import percent, table
from trainer.evaluation import pass_at
from trainer.wire import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from trainer.bootstrap import Interval
    from trainer.evaluation import Difference, Evaluation

MANY = 20
"""Tags beyond which the table is cut."""
FEW = 20
"""Problems below which a bootstrap interval is too narrow."""


def tables(
    sides: Sequence[tuple[str, Evaluation]],
    differences: Mapping[int, Difference],
    tags: Mapping[str, Sequence[str]],
    *,
    problems: int,
) -> list[Table | str]:
    """Tell all of one set of completions, or of two; what matters most comes last.

    Args:
        sides: names and what is known.
        differences: of the two, by k.
        tags: the problems of each tag, the commonest first.
        problems: how many there are, with completions or without.
    """
    found = sides[0][1]
    made: list[Table | str] = [tag_table(found, tags)] if tags else []
    made += [verdict_table([one for _, one in sides]), pass_table(found)]
    if len(found.counts) < problems:
        made.append(f"{len(found.counts)} of {problems} problems have samples; the others are left out.")
    if differences:
        made += [difference_table(differences, sides[1][0]), difference_line(differences)]
    return made + [unscored_line(name, one) for name, one in sides if one.unscored]


def pass_table(found: Evaluation) -> Table:
    title = f"{len(found.counts)} problems, {found.verdicts.total()} samples"
    made = table(title, "measure", numbers=("problems", "value"))
    for k, value in found.pass_at.items():
        made.add_row(f"pass@{k}", str(found.problems_at(k)), percent(value))
    made.add_row("mean reward", "", percent(found.mean_reward))
    return made


def tag_table(found: Evaluation, tags: Mapping[str, Sequence[str]]) -> Table:
    names = [f"pass@{k}" for k in found.pass_at]
    title = "Tags" if len(tags) <= MANY else f"The {MANY} commonest of {len(tags)} tags; the JSON has all"
    made = table(title, "tag", numbers=("problems", *names))
    for tag, ids in list(tags.items())[:MANY]:
        made.add_row(tag, str(len(ids)), *map(percent, pass_at(found.counts, ids, list(found.pass_at)).values()))
    return made


def verdict_table(sides: Sequence[Evaluation]) -> Table:
    """Make a table of how often each verdict was given, on one side or on both."""
    columns = ("samples", "share", "against", "share")[: 2 * len(sides)]
    made = table("Verdicts", "verdict", numbers=columns)
    for verdict in VERDICTS:
        if any(found.verdicts[verdict] for found in sides):
            cells = [(found.verdicts[verdict], found.verdicts.total()) for found in sides]
            made.add_row(verdict, *(text for n, total in cells for text in (str(n), percent(n / total))))
    return made


def difference_table(differences: Mapping[int, Difference], against: str) -> Table:
    columns = ("problems", "this", "against", "difference", "95% interval")
    made = table(f"Against {against}, over the problems of both", "measure", numbers=columns)
    for k, one in differences.items():
        value = "-" if one.value is None else f"{_points(one.value)} points"
        interval = "-" if one.interval is None else f"{_points(one.interval.low)} to {_points(one.interval.high)}"
        made.add_row(f"pass@{k}", str(one.problems), percent(one.ours), percent(one.theirs), value, interval)
    return made


def difference_line(differences: Mapping[int, Difference]) -> str:
    """Say for each k whether the interval of the difference excludes 0."""
    said = ", ".join(f"pass@{k} {_against_zero(one.interval)}" for k, one in differences.items())
    line = f"95% interval of the difference: {said}."
    if any(one.interval and one.problems < FEW for one in differences.values()):
        return f"{line} Of fewer than {FEW} problems it is narrower than it should be."
    return line


def unscored_line(name: str, found: Evaluation) -> str:
    """Say what has no verdict, and why the first of it has none."""
    of = f"{found.unscored} of {found.verdicts.total()} samples of {name}"
    return f"Without a verdict, and so counted as not drawn: {of} ({found.why_unscored})."


def _against_zero(interval: Interval | None) -> str:
    if interval is None:
        return "unknown (fewer than two problems)"
    if not interval.excludes_zero:
        return "includes 0"
    return "above 0" if interval.low > 0 else "below 0"


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # + 0.0: no -0.0
