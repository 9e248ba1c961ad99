"""What the trainer reads from its environment, as one frozen object.

| name | default | meaning |
|---|---|---|
| `PASSRATE_URL` | `http://127.0.0.1:8000` | where the reward server answers; several by comma |
| `PASSRATE_API_KEY` | none | the bearer key to send |
| `PASSRATE_REWARD` | `pass_rate` | `pass_rate`, `all_passed` or `weighted` |
| `PASSRATE_REWARDS` | `code` | `summed_reward`: what it adds up, with weights, as in `code format:0.1 length:0.2` |
| `PASSRATE_REWARD_DEADLINE_S` | `280` | seconds for one batch, retries included; what is missing then has no reward |
| `PASSRATE_REWARD_MAX_UNSCORED` | `0.5` | the run stops above this share of recent completions without a reward |
| `PASSRATE_REWARD_MIN_ASSURANCE` | `shared` | `values`, `objects` or `shared`: what rests on less has no reward |
| `PASSRATE_REWARD_UNFENCED` | `no_code` | `no_code` or `code`: what a completion without a fenced block is |
| `PASSRATE_REWARD_LENGTH_FREE` | `512` | `length_reward`: tokens that cost nothing |
| `PASSRATE_REWARD_LENGTH_MAX` | `2048` | `length_reward`: tokens from which on the penalty is full |

Promises: a value that makes no sense, and a name that begins with `PASSRATE_REWARD` and is not in this table, is a
`ValueError` that says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.assurance import ASSURANCES, Assurance
from trainer.wire import SCHEMES, UNFENCED, RewardScheme, Unfenced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_DEADLINE_S = 280.0
"""AsyncGRPOTrainer gives a reward call 300 s."""

SUMMED = ("code", "efficiency", "format", "length")
"""What `summed_reward` can add up."""

NAMES = (
    "PASSRATE_URL",
    "PASSRATE_API_KEY",
    "PASSRATE_REWARD",
    "PASSRATE_REWARDS",
    "PASSRATE_REWARD_DEADLINE_S",
    "PASSRATE_REWARD_MAX_UNSCORED",
    "PASSRATE_REWARD_MIN_ASSURANCE",
    "PASSRATE_REWARD_UNFENCED",
    "PASSRATE_REWARD_LENGTH_FREE",
    "PASSRATE_REWARD_LENGTH_MAX",
)


@dataclass(frozen=True, slots=True)
class TrainerSettings:
    """Where the server is and how its verdicts become rewards."""

    url: str = DEFAULT_URL
    api_key: str | None = None
    reward: RewardScheme = "pass_rate"
    rewards: tuple[tuple[str, float], ...] = (("code", 1.0),)
    """Those of `SUMMED` that are added up, each once, with its weight."""
    deadline_s: float = DEFAULT_DEADLINE_S
    max_unscored: float = 0.5
    min_assurance: Assurance = "shared"
    unfenced: Unfenced = "no_code"
    length_free_tokens: int = 512
    length_max_tokens: int = 2048

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> TrainerSettings:
        """Read the settings. Raises: ValueError that names the variable and the fix."""
        for name in env:
            if name.startswith("PASSRATE_REWARD") and name not in NAMES:
                known = ", ".join(known for known in NAMES if known.startswith("PASSRATE_REWARD"))
                raise ValueError(f"{name}: no such setting; there are {known}")
        scheme = env.get("PASSRATE_REWARD", "pass_rate")
        if scheme not in SCHEMES:
            raise ValueError(f"PASSRATE_REWARD: {scheme!r} is no reward; give one of {', '.join(SCHEMES)}")
        least = env.get("PASSRATE_REWARD_MIN_ASSURANCE", "shared")
        if least not in ASSURANCES:
            raise ValueError(
                f"PASSRATE_REWARD_MIN_ASSURANCE: {least!r} is no assurance; give one of {', '.join(ASSURANCES)}"
            )
        unfenced = env.get("PASSRATE_REWARD_UNFENCED", "no_code")
        if unfenced not in UNFENCED:
            raise ValueError(f"PASSRATE_REWARD_UNFENCED: invalid value {unfenced!r}; give one of {', '.join(UNFENCED)}")
        free = _number(env, "PASSRATE_REWARD_LENGTH_FREE", 512, low=0)
        return cls(
            url=env.get("PASSRATE_URL") or DEFAULT_URL,
            api_key=env.get("PASSRATE_API_KEY") or None,
            reward=scheme,
            rewards=_rewards(env.get("PASSRATE_REWARDS", "")),
            deadline_s=_number(env, "PASSRATE_REWARD_DEADLINE_S", DEFAULT_DEADLINE_S, low=1),
            max_unscored=_number(env, "PASSRATE_REWARD_MAX_UNSCORED", 0.5, low=0, high=1),
            min_assurance=least,
            unfenced=unfenced,
            length_free_tokens=int(free),
            length_max_tokens=int(_number(env, "PASSRATE_REWARD_LENGTH_MAX", max(2048, 4 * free), low=free + 1)),
        )


def _rewards(text: str) -> tuple[tuple[str, float], ...]:
    try:
        return weighted(text.replace(",", " ").split() or ["code"])
    except ValueError as error:
        raise ValueError(f"PASSRATE_REWARDS: {error}") from None


def weighted(rewards: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Read rewards such as `code` and `format:0.1`; the weight is 1 where there is none. Raises: ValueError."""
    weights: dict[str, float] = {}
    for reward in rewards:
        name, colon, text = reward.partition(":")
        if name not in SUMMED:
            raise ValueError(f"no reward {reward!r}; there are {', '.join(SUMMED)}")
        if name in weights:
            raise ValueError(f"{name} is there twice; give it once, with its weight")
        try:
            weights[name] = float(text) if colon else 1.0
        except ValueError:
            weights[name] = math.nan
        if not math.isfinite(weights[name]):
            raise ValueError(f"{name} cannot weigh {text!r}; give a number, as in {name}:0.5")
    return tuple(weights.items())


def _number(env: Mapping[str, str], name: str, default: float, *, low: float, high: float = math.inf) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (low <= value <= high and math.isfinite(value)):
        span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise ValueError(f"{name}: invalid value {text!r}: must be a number {span}")
    return value
