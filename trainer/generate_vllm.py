"""Samples completions from a causal language model with vLLM.

Written to what vLLM documents, and tested against a fake of it: never run with vLLM itself.
"""

from __future__ import annotations

import gc
import importlib
from typing import TYPE_CHECKING

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
    """As `trainer.sampling.Engine` says. Progress is told only at the end."""
    vllm = importlib.import_module("vllm")
    how = vllm.SamplingParams(
        n=sampling.samples,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_new_tokens,
        seed=sampling.seed,  # of the first of n samples; vLLM counts up from it
    )
    try:
        llm = vllm.LLM(model=model, dtype="auto", seed=sampling.seed)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelNotLoaded(str(error)) from None
    if llm.get_tokenizer().chat_template:
        outputs = llm.chat([chat_prompt(problem) for problem in problems], sampling_params=how, use_tqdm=False)
    else:
        outputs = llm.generate([plain_prompt(problem) for problem in problems], sampling_params=how, use_tqdm=False)
    texts = [[sample.text for sample in output.outputs] for output in outputs]
    if on_progress is not None:
        on_progress(len(problems) * sampling.samples, len(problems) * sampling.samples)
    del llm
    gc.collect()  # the memory of the GPU is for the next model
    return texts
