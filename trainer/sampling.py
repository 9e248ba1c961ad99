"""How completions are drawn from a model, and which engine draws them. Needs no torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, cast

from trainer.parser import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.schema import Problem

ENGINES = {"transformers": "trainer.generate", "vllm": "trainer.generate_vllm"}
"""The module of each: an `Engine`."""


class ModelNotLoaded(Exception):
    """An engine cannot load a model; says why."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How completions are drawn."""

    samples: int
    """Per problem."""
    temperature: float = 0.8
    """0 takes the likeliest token each time."""
    top_p: float = 0.95
    max_new_tokens: int = 512
    batch_size: int = 16
    """Completions at once. vLLM batches by itself."""
    seed: int = 0


class Engine(Protocol):
    def complete(
        self,
        model: str,
        problems: Sequence[Problem],
        sampling: Sampling,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[list[str]]:
        """Load a model and draw `samples` completions of each problem, in order.

        Problems are put as chat where the tokenizer has a template. Raises: ModelNotLoaded.
        """
        ...


def pick_engine(asked: str, *, adapter: bool = False) -> str:
    """Name the engine. `auto`: vLLM where it is installed, a GPU is there, and the model is no LoRA adapter.

    Raises: UsageError.
    """
    installed = find_spec("vllm") is not None
    if asked == "auto":
        fit = installed and not adapter and importlib.import_module("torch").cuda.is_available()
        return "vllm" if fit else "transformers"
    if asked == "vllm" and not installed:
        raise UsageError("--engine: vllm is not installed: pip install vllm, or take --engine transformers")
    if asked == "vllm" and adapter:
        raise UsageError("--engine: vllm is given no LoRA adapters here; take --engine transformers")
    return asked


def load_engine(name: str) -> Engine:
    return cast("Engine", importlib.import_module(ENGINES[name]))
