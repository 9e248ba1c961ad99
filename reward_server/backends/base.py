"""What every sandbox backend offers: slots that run one job after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from reward_server.jobs import Job, Observations
    from reward_server.runs import Runs

Wear = Literal["uses", "age", "dirty", "lost", "ended", "dropped", "failed", "closed"]
"""Why a slot is not used any more. `uses`, `age`: it was worn out. `dirty`: not proven clean. `lost`: it broke at work.
`ended`: it was found dead. `dropped`: nobody waited any more for what it ran. `failed`: a bug of the server.
`closed`: the server stops."""


class Slot(Protocol):
    """One warm sandbox. Runs one job at a time; whoever opened it closes it, also when cancelled."""

    @property
    def together(self) -> int:
        """How many jobs it takes at once."""
        ...

    @property
    def spent(self) -> bool:
        """True when the slot may not run another job (not proven clean, too old, broken): close it, open another."""
        ...

    @property
    def wear(self) -> Wear | None:
        """Why it is spent; None while it is not."""
        ...

    def sit(self, seat: int) -> None:
        """Take a seat: a number below that of the slots, which no other slot in use has. Called before any run."""
        ...

    async def run(self, job: Job) -> Observations:
        """Run one job. Raises: SandboxLost when nothing can be said about the submission; the slot is then spent."""
        ...

    def run_all(self, jobs: Sequence[Job]) -> AsyncGenerator[tuple[int, Observations | None], None]:
        """Run jobs that should be brief, asked for at once. Yields each job's place and what was seen, or None.

        None: it has not begun, as one before it took long or soiled the slot; the first is never given back.
        Raises: SandboxLost; then nothing is known about those that were not yielded, and the slot is spent.
        """
        ...

    async def close(self) -> None:
        """End every process of the slot. Never raises; may be called twice."""
        ...


class Backend(Protocol):
    """Opens slots."""

    @property
    def name(self) -> str: ...

    @property
    def covers(self) -> str:
        """One line: what this backend isolates, and what it does not."""
        ...

    @property
    def runs(self) -> Runs:
        """What the runs of all its slots have taken so far."""
        ...

    @property
    def memory_mb(self) -> int | None:
        """The largest limit of memory that a problem may have here; None where there is no bound."""
        ...

    @property
    def runs_in(self) -> str:
        """What programs run in: where two backends say the same, the same program does the same."""
        ...

    async def open_slot(self) -> Slot:
        """Start a sandbox and wait until it can run jobs. Raises: BackendUnavailable with the cause and its fix."""
        ...

    async def close(self) -> None: ...
