from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.schema import Problem
from tests.tiny_model import build_model
from trainer.sampling import Sampling

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.train,
    # Third parties warn about one another here, and whether they do changes with every release.
    pytest.mark.filterwarnings("default"),
]

PROBLEMS = [
    Problem.model_validate({"id": prompt, "prompt": prompt, "tests": {"kind": "stdio", "cases": [{"stdout": "1"}]}})
    for prompt in ("Add.", "Give back what is given to you, and nothing else.", "Sort the list.")
]
HOT = 20.0
"""A temperature that levels even what this model thinks likely."""
GREEDY = Sampling(samples=1, temperature=0.0, max_new_tokens=8, batch_size=2)


@pytest.fixture(params=[True, False], ids=["chat", "plain"])
def model(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(1)
    folder = build_model(tmp_path / "model", chat=request.param)
    made = LlamaForCausalLM.from_pretrained(folder)
    with torch.no_grad():  # so large that the whole prompt tells, not only its last token
        for weights in made.parameters():
            weights.mul_(10)
    made.save_pretrained(folder)
    return folder


def test_each_problem_gets_what_its_own_prompt_leads_to(model: Path) -> None:
    """Prompts are sorted and padded for the batches; neither may show."""
    from trainer.generate import complete

    alone = [complete(str(model), [problem], GREEDY)[0] for problem in PROBLEMS]
    assert len({text for texts in alone for text in texts}) == 3, "prompts that can be told apart"
    assert complete(str(model), PROBLEMS, GREEDY) == alone


def test_the_same_seed_draws_the_same_completions(model: Path) -> None:
    from trainer.generate import complete

    how = replace(GREEDY, samples=3, temperature=HOT, batch_size=4)
    told: list[tuple[int, int]] = []
    drawn = complete(str(model), PROBLEMS, how, lambda *progress: told.append(progress))
    assert [len(set(texts)) for texts in drawn] == [3, 3, 3]
    assert told == [(4, 9), (8, 9), (9, 9)]
    assert complete(str(model), PROBLEMS, how) == drawn
    assert complete(str(model), PROBLEMS, replace(how, seed=1)) != drawn


def test_what_a_model_says_of_its_own_sampling_changes_nothing(model: Path) -> None:
    """vLLM is asked for no penalty on repetition, and TRL trains without: a checkpoint must score alike everywhere."""
    from transformers import GenerationConfig

    from trainer.generate import complete

    drawn = complete(str(model), PROBLEMS, GREEDY)
    GenerationConfig(do_sample=True, repetition_penalty=5.0, top_k=1, eos_token_id=1, pad_token_id=0).save_pretrained(
        model
    )
    assert complete(str(model), PROBLEMS, GREEDY) == drawn
    how = replace(GREEDY, samples=3, temperature=HOT)
    assert len({text for texts in complete(str(model), PROBLEMS[:1], how) for text in texts}) == 3
