"""Turns a problem and a submission into a job, and what was seen of the job into verdicts. Pure: no clock, no I/O."""

from reward_server.judging.assurance import assurance_of
from reward_server.judging.judge import counted, judge, skipped
from reward_server.judging.payloads import analyse, needs_of
from reward_server.judging.plan import follow_up, has_follow_up, plan

__all__ = ["analyse", "assurance_of", "counted", "follow_up", "has_follow_up", "judge", "needs_of", "plan", "skipped"]
