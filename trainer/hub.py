"""Whether there is a model where an option says: in a folder, in the cache of the hub, or at the hub.

Promises: says so within seconds, before anything is loaded. The hub's own client tries for half a minute.
Not covered: whether the hub knows the name. Loading it finds that out, at once.
"""

from __future__ import annotations

from pathlib import Path

import httpx
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE

from trainer.parser import UsageError

DEADLINE_S = 5.0


def check_model(option: str, name: str, revision: str | None = None) -> None:
    """Refuse what cannot be a model. A name that is no path may be one of a hub. Raises: UsageError."""
    if not name:
        raise UsageError(f"{option}: give a folder with a model, or a model's name")
    if Path(name).exists():
        if not (Path(name, "config.json").is_file() or is_adapter(name)):
            raise UsageError(f"{option}: no model in {name}: there is no config.json")
    else:
        _check_name(option, name, revision)


def is_adapter(name: str) -> bool:
    """Say whether a folder holds what LoRA trained, which names the model that it belongs to."""
    return Path(name, "adapter_config.json").is_file()


def _check_name(option: str, name: str, revision: str | None) -> None:
    try:
        cached = try_to_load_from_cache(name, "config.json", revision=revision)
    except ValueError:  # no name that a hub may have
        raise UsageError(f"{option}: no such folder: {name}") from None
    if isinstance(cached, str):
        return
    missing = f"{option}: no such folder: {name}; nor is it in the hub's cache"
    if HF_HUB_OFFLINE:
        raise UsageError(f"{missing}, and HF_HUB_OFFLINE keeps it from being fetched")
    try:
        httpx.head(ENDPOINT, timeout=DEADLINE_S)
    except httpx.TransportError:
        raise UsageError(f"{missing}, and {ENDPOINT} does not answer") from None
