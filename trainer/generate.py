"""Samples completions from a causal language model with transformers, in batches padded on the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

from trainer.prompts import chat_prompt, plain_prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.schema import Problem


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
    seed: int = 0


def load_model(path: str) -> tuple[Any, Any]:
    """Load a model and its tokenizer, onto the GPU where there is one. Raises: OSError where the path holds none."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(path, dtype="auto").to(device).eval()
    return model, tokenizer


def complete(
    model: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    sampling: Sampling,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[list[str]]:
    """Draw `samples` completions of each problem, in order. Chat prompts where the tokenizer has a template."""
    set_seed(sampling.seed)
    prompts = [prompt for problem in problems for prompt in [_prompt(tokenizer, problem)] * sampling.samples]
    # Prompts of like length go together, so that little is padding; the longest first, so that memory runs out early.
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    texts = [""] * len(prompts)
    for start in range(0, len(order), sampling.batch_size):
        places = order[start : start + sampling.batch_size]
        for place, text in zip(places, _sample(model, tokenizer, [prompts[p] for p in places], sampling), strict=True):
            texts[place] = text
        if on_progress is not None:
            on_progress(start + len(places), len(prompts))
    return [texts[start : start + sampling.samples] for start in range(0, len(texts), sampling.samples)]


def _prompt(tokenizer: Any, problem: Problem) -> str:
    if not tokenizer.chat_template:
        return plain_prompt(problem)
    prompt: str = tokenizer.apply_chat_template(chat_prompt(problem), tokenize=False, add_generation_prompt=True)
    return prompt


def _sample(model: Any, tokenizer: Any, prompts: list[str], sampling: Sampling) -> list[str]:
    special = not tokenizer.chat_template  # a chat template has written them already
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=special).to(model.device)
    inputs.pop("token_type_ids", None)
    how: dict[str, Any] = {"do_sample": False}
    if sampling.temperature > 0:
        how = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    how |= {"max_new_tokens": sampling.max_new_tokens, "pad_token_id": tokenizer.pad_token_id}
    tokens = model.generate(**inputs, **how)  # (batch, prompt + new)
    new = tokens[:, inputs["input_ids"].shape[1] :]  # (batch, new)
    texts: list[str] = tokenizer.batch_decode(new, skip_special_tokens=True)
    return texts
