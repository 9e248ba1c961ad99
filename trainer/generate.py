"""Samples completions from a causal language model with transformers, in batches padded on the left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
from transformers.utils.logging import disable_progress_bar, enable_progress_bar

from trainer.prompts import chat_prompt, plain_prompt
from trainer.sampling import ModelNotLoaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.schema import Problem
    from trainer.sampling import Sampling


def complete(
    model: str,
    problems: Sequence[Problem],
    sampling: Sampling,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[list[str]]:
    """As `trainer.sampling.Engine` says."""
    loaded, tokenizer = _load(model)
    set_seed(sampling.seed)
    prompts = [prompt for problem in problems for prompt in [_prompt(tokenizer, problem)] * sampling.samples]
    # Prompts of like length go together, so that little is padding; the longest first, so that memory runs out early.
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    texts = [""] * len(prompts)
    for start in range(0, len(order), sampling.batch_size):
        places = order[start : start + sampling.batch_size]
        for place, text in zip(places, _sample(loaded, tokenizer, [prompts[p] for p in places], sampling), strict=True):
            texts[place] = text
        if on_progress is not None:
            on_progress(start + len(places), len(prompts))
    return [texts[start : start + sampling.samples] for start in range(0, len(texts), sampling.samples)]


def _load(name: str) -> tuple[Any, Any]:
    """Load a model, onto the GPU where there is one, and its tokenizer."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    disable_progress_bar()  # we have one of our own
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(name, dtype="auto").to(device).eval()
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelNotLoaded(str(error)) from None
    finally:
        enable_progress_bar()
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


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
    # As vLLM samples and TRL trains: not by what the model's own defaults say, such as a penalty on repetition.
    how |= {"repetition_penalty": 1.0, "max_new_tokens": sampling.max_new_tokens}
    how["pad_token_id"] = tokenizer.pad_token_id
    tokens = model.generate(**inputs, **how)  # (batch, prompt + new)
    new = tokens[:, inputs["input_ids"].shape[1] :]  # (batch, new)
    texts: list[str] = tokenizer.batch_decode(new, skip_special_tokens=True)
    return texts
