"""What can be set about the server: one frozen object, made at the entry and handed down.

Every field is also the environment variable `PASSRATE_<FIELD>`. An unknown `PASSRATE_*` name is an error, because a
misspelt limit that is silently ignored costs a training run.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError, model_validator

from reward_server.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "PASSRATE_"

CLIENT_NAMES: Final = {
    "PASSRATE_URL": "where the client finds the server",
    "PASSRATE_API_KEY": "the key that the client sends",
    "PASSRATE_REWARD": "how the reward functions ask to be paid",
    "PASSRATE_REWARDS": "which of them are added up",
}
"""Names of the same prefix that belong to the trainer: a server started in its environment leaves them alone."""

CLIENT_PREFIXES: Final = {
    "PASSRATE_CLIENT_": "how the client retries and splits batches",
    "PASSRATE_REWARD_": "how the reward functions score",
}
"""Whole families of such names."""

REMOVED: Final = {
    "PASSRATE_PROCESSES": "a server judges in one process; run several servers and give the client all URLs, by comma",
}
"""Names of former settings, each with what to do instead."""

CGROUPS: Final = Path("/sys/fs/cgroup")
QUOTA_FILES: Final = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Where a container finds its quota and the period that it is for: cgroup v2, v1."""


def usable_cores() -> int:
    """Processors that this process may keep busy: its affinity, or the quota of its container where that is less."""
    cores = len(os.sched_getaffinity(0))
    for files in QUOTA_FILES:
        try:
            text = " ".join((CGROUPS / name).read_text(encoding="ascii") for name in files)
            quota, period = map(int, text.split())
        except (OSError, ValueError):  # the other version of cgroups, or "max": no quota
            continue
        if quota > 0:  # -1: none
            return max(1, min(cores, quota // period))
    return cores


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """The address to listen on. Others than this machine's own need `api_keys_file` or `allow_anonymous`."""
    port: int = Field(default=8000, ge=0, le=65535)
    """0 takes a free one."""
    backend: Literal["auto", "embedded", "docker"] = "auto"
    """What isolates the programs. `auto` takes the strongest that works here and says which."""
    api_keys_file: Path | None = None
    """The keys that open the server, as `passrate keys` writes them; None asks for no key."""
    allow_anonymous: bool = False
    """Whether an address that other machines reach may be listened on without keys."""
    slots: int = Field(default_factory=usable_cores, ge=1, le=4096)
    """Programs that run at once. More than there are cores makes verdicts depend on load."""
    max_queued: int = Field(default=20_000, ge=1)
    """Distinct submissions that wait for a slot; beyond it a request gets a 429."""
    max_queued_per_client: int = Field(default=10_000, ge=1)
    """The same for one client: the holder of a key, or an address where there are no keys."""
    max_requests: int = Field(default=1024, ge=1)
    """Requests in flight; beyond it a request gets a 429. What asks for the server's health is not counted."""
    max_requests_per_client: int = Field(default=256, ge=1)
    """The same for one client."""
    max_connections: int = Field(default=4096, ge=1)
    """Open connections. One more, and the one that has been idle longest is closed."""
    max_held_bytes: ByteSize = Field(default=ByteSize(512 << 20), ge=1024)
    """Bytes of memory for the bodies of all requests in flight, about; beyond it a request gets a 429."""
    slow_client_s: float = Field(default=20, ge=1)
    """Seconds that a client may take to send the head of a request, to get on with a body, or to read on."""
    max_batch_items: int = Field(default=8192, ge=1)
    """Submissions in one request."""
    max_body_bytes: ByteSize = Field(default=ByteSize(64 << 20), ge=1024)
    """Bytes of one request."""
    max_completion_bytes: ByteSize = Field(default=ByteSize(1_000_000), ge=1)
    """Bytes of one completion or one code; a longer one is judged to have no code."""
    max_stored_bytes: ByteSize = Field(default=ByteSize(256 << 20), ge=0)
    """Bytes of all problems that were stored with PUT /v1/problems."""
    max_stored_bytes_per_key: ByteSize = Field(default=ByteSize(128 << 20), ge=0)
    """The same for the problems of one key."""
    cache_entries: int = Field(default=20_000, ge=0)
    """Finished judgements that are kept for an identical submission; 0 keeps none."""
    cache_bytes: ByteSize = Field(default=ByteSize(256 << 20), ge=0)
    """Bytes of all kept judgements, about."""
    cache_file: Path | None = None
    """A file in which finished judgements are kept as well, for the next server and for others on this machine."""
    cache_file_bytes: ByteSize = Field(default=ByteSize(1 << 30), ge=1 << 20)
    """Bytes of that file, about."""
    sandbox_python: Path | None = None
    """The interpreter that runs submissions; None takes the one this server's environment was made from."""
    image: str = Field(default="passrate-python:latest", min_length=1)
    """The image of the Docker backend's containers."""
    runtime: str | None = None
    """The Docker runtime of the containers, such as Kata's with a Linux of its own; None takes the daemon's default."""
    cpuset: str | None = None
    """The processors that the containers may use, as Docker writes them: 0-3,7."""
    container_memory_mb: int = Field(default=2048, ge=64)
    """MB of memory of each container, beside what its temporary folders may hold."""
    transport: Literal["auto", "socket", "attach"] = "auto"
    """How the Docker backend talks to its containers; `auto` takes a socket where the daemon sees our files."""
    fresh: bool = False
    """Whether every submission gets a new container."""
    spares: int = Field(default=1, ge=0, le=4096)
    """Sandboxes that stand ready to replace one that is lost or worn out."""
    slot_uses: int = Field(default=2000, ge=1)
    """Runs after which a slot is replaced; where each has a user id of its own, there are ids for 4,094."""
    slot_age_s: float = Field(default=3600, gt=0)
    """Seconds after which a slot is replaced."""
    silence_s: float = Field(default=30, ge=5)
    """Seconds without a sign of life after which a sandbox that runs a program is lost."""
    request_deadline_s: float = Field(default=1500, gt=0)
    """Seconds after which the items of a request that have no verdict yet are answered without a reward."""
    problems: str = "bundled"
    """Problem sets to store at start, by comma: bundled, humaneval:PATH, mbpp:PATH, PATH.jsonl. Empty for none."""
    drain_s: float = Field(default=30, ge=0)
    """Seconds that a stopping server gives to what it has begun."""

    log: Literal["requests", "warnings"] = "requests"
    """What is written to stderr, as JSON lines: one event for each request, or only what went wrong."""

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Settings:
        if self.max_queued < self.max_batch_items:
            raise ValueError("max_queued must be at least max_batch_items, or a full batch could never be accepted")
        if self.cache_file is not None and not self.cache_entries:
            raise ValueError("cache_file needs cache_entries above 0: what is found in the file goes through memory")
        if self.max_queued_per_client < self.max_batch_items:
            raise ValueError(
                "max_queued_per_client must be at least max_batch_items, or a full batch could never be accepted"
            )
        return self

    @classmethod
    def from_env(cls, env: Mapping[str, str], **flags: Any) -> Settings:
        """Read the environment; a flag that is not None wins over it. Raises: BadSetting that names it and the fix."""
        given: dict[str, Any] = {}
        for name, value in env.items():
            if name.startswith(PREFIX) and not _is_of_the_client(name):
                given[_field_of(name)] = value
        given.update({name: value for name, value in flags.items() if value is not None})
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = str(first["loc"][0]) if first["loc"] else "settings"
            source = f"--{field.replace('_', '-')}" if flags.get(field) is not None else PREFIX + field.upper()
            raise BadSetting(f"{source}: {first['msg']}" if first["loc"] else first["msg"]) from None


def _is_of_the_client(name: str) -> bool:
    return name in CLIENT_NAMES or name.startswith(tuple(CLIENT_PREFIXES))


def _field_of(name: str) -> str:
    field = name.removeprefix(PREFIX).lower()
    if field in Settings.model_fields and name == PREFIX + field.upper():
        return field
    if name in REMOVED:
        raise BadSetting(f"{name} was removed: {REMOVED[name]}")
    known = [PREFIX + known.upper() for known in Settings.model_fields] + list(CLIENT_NAMES)
    closest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
    raise BadSetting(f"{name} is not a setting; the closest is {closest}")
