"""Turns a problem and a submission into a job, and what was seen of the job into verdicts. Pure: no clock, no I/O."""

from reward_server.judging.judge import judge
from reward_server.judging.plan import follow_up, has_follow_up, is_shared, plan

__all__ = ["follow_up", "has_follow_up", "is_shared", "judge", "plan"]
