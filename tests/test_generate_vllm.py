"""What vLLM is asked for, against a fake that takes what vLLM documents: LLM, SamplingParams, chat and generate."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tasks.schema import Problem
from trainer.generate_vllm import complete
from trainer.parser import UsageError
from trainer.prompts import chat_prompt, plain_prompt
from trainer.sampling import ModelNotLoaded, Sampling, pick_engine

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBLEMS = [
    Problem.model_validate({"id": name, "prompt": name, "tests": {"kind": "stdio", "cases": [{"stdout": "1"}]}})
    for name in ("a", "b")
]
SAMPLING = Sampling(samples=3, temperature=0.7, top_p=0.9, max_new_tokens=99, seed=5)


@dataclass(frozen=True)
class SamplingParams:
    n: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int


class LLM:
    made: Any = None
    asked: Any = None
    template: str | None = None
    broken: Exception | None = None

    def __init__(self, model: str, *, dtype: str = "auto", seed: int = 0) -> None:
        if LLM.broken:
            raise LLM.broken
        LLM.made = (model, dtype, seed)

    def get_tokenizer(self) -> Any:
        return SimpleNamespace(chat_template=LLM.template)

    def generate(self, prompts: Sequence[str], sampling_params: SamplingParams, *, use_tqdm: bool = True) -> Any:
        return self._answer("generate", prompts, sampling_params, use_tqdm)

    def chat(self, messages: Sequence[Any], sampling_params: SamplingParams, use_tqdm: bool = True) -> Any:
        return self._answer("chat", messages, sampling_params, use_tqdm)

    def _answer(self, *asked: Any) -> Any:
        LLM.asked = asked
        return [
            SimpleNamespace(outputs=[SimpleNamespace(text=f"{prompt} {number}") for number in range(asked[2].n)])
            for prompt in range(len(asked[1]))
        ]


@pytest.fixture(autouse=True)
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("vllm")
    module.__spec__ = ModuleSpec("vllm", None)
    module.LLM, module.SamplingParams = LLM, SamplingParams
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setattr(LLM, "template", None)
    monkeypatch.setattr(LLM, "broken", None)


@pytest.mark.parametrize("template", [None, "{{ messages }}"])
def test_vllm_is_asked_once_for_all_samples_by_chat_where_there_is_a_template(
    monkeypatch: pytest.MonkeyPatch, template: str | None
) -> None:
    monkeypatch.setattr(LLM, "template", template)
    told: list[tuple[int, int]] = []
    drawn = complete("folder", PROBLEMS, SAMPLING, lambda *progress: told.append(progress))
    assert drawn == [["0 0", "0 1", "0 2"], ["1 0", "1 1", "1 2"]]
    assert LLM.made == ("folder", "auto", 5)
    how, prompts, params, shows_progress = LLM.asked
    assert (how, prompts) == (
        ("chat", [chat_prompt(problem) for problem in PROBLEMS])
        if template
        else ("generate", [plain_prompt(problem) for problem in PROBLEMS])
    )
    assert params == SamplingParams(n=3, temperature=0.7, top_p=0.9, max_tokens=99, seed=5)
    assert not shows_progress, "there is a bar already"
    assert told == [(6, 6)]


@pytest.mark.parametrize("error", [OSError("no weights"), ValueError("no room"), RuntimeError("no engine")])
def test_a_model_that_vllm_cannot_load_is_no_crash(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(LLM, "broken", error)
    with pytest.raises(ModelNotLoaded, match=str(error)):
        complete("folder", PROBLEMS, SAMPLING)


@pytest.mark.train
@pytest.mark.parametrize(
    ("gpu", "adapter", "engine"), [(True, False, "vllm"), (False, False, "transformers"), (True, True, "transformers")]
)
def test_auto_takes_vllm_where_it_and_a_gpu_are_there(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, adapter: bool, engine: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    assert pick_engine("auto", adapter=adapter) == engine
    monkeypatch.delitem(sys.modules, "vllm")
    monkeypatch.setattr("trainer.sampling.find_spec", lambda _: None)
    assert pick_engine("auto", adapter=adapter) == "transformers"


def test_an_adapter_is_not_handed_to_vllm() -> None:
    assert pick_engine("vllm") == "vllm"
    with pytest.raises(UsageError, match="--engine transformers"):
        pick_engine("vllm", adapter=True)
