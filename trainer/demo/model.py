"""A causal language model of about a million parameters, its tokenizer included, trained from nothing in a minute.

Same seed, libraries and machine: same model, however busy the machine is. Only on one so slow that `TIME_LIMIT_S` is
reached does the training end early. The result is cached in the user's cache folder, by a hash of what goes into it.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tokenizers
import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from trainer.demo import corpus, families, problems
from trainer.demo.corpus import write_corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainer.demo.corpus import Document
    from trainer.demo.problems import Split

PAD, EOS, UNKNOWN = "<pad>", "<eos>", "<unk>"
SHAPE = {"hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 2, "num_attention_heads": 6}
LONGEST_COMPLETION = 26
"""In tokens, the end included; the longest of the corpus takes 23."""

BATCH = 16
STEPS = 700
LEARNING_RATE = 2e-3
WARMUP, LOWEST_RATE = 0.04, 0.02
"""Part of the steps in which the learning rate rises, and the part of it that is left at the end."""
TIME_LIMIT_S = 90.0
"""Processor seconds of the training's main thread: the clock, where cores are idle."""
SAMPLING_BATCH = 256

NAMES = "|".join([*problems.FUNCTIONS, *(name for some in problems.ARGUMENTS.values() for name in some)])
PIECES = (
    r"```python\n|\n```|def |\):\n    (?:\"\"\"|return )|[.?]?\"\"\"\n"  # what every program has
    rf"|\b(?:{NAMES})\b|\d+"  # what is copied from the prompt, and so never glued to a blank
    r"|\.\w+\(\)?|\w+\(| ?(?:[A-Za-z]+|\*\*|//|[=!<>]=|[^\w\s]) ?|."
)


@dataclass(frozen=True)
class Base:
    """The model to begin with."""

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    seconds: float
    """What its training took; 0 where it came from the cache."""


def get_base(
    split: Split, *, seed: int, steps: int = STEPS, on_progress: Callable[[int, int], None] = lambda *_: None
) -> Base:
    """Take the model of this seed from the cache, or build it. Writes to the cache; never to a hub."""
    folder = cache_folder() / fingerprint(seed, steps)
    if folder.is_dir():
        model = LlamaForCausalLM.from_pretrained(folder, local_files_only=True)
        return Base(model, PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True), 0.0)
    began = time.perf_counter()
    documents = write_corpus(split, documents=steps * BATCH, seed=seed)
    texts = [text for document in documents for text in (document.prompt, document.completion)]
    tokenizer = build_tokenizer([*texts, *(task.prompt for task in split.held_out)])
    model = pretrain(documents, tokenizer, seed=seed, on_progress=on_progress)
    base = Base(model, tokenizer, time.perf_counter() - began)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        if not folder.exists():
            Path(draft).rename(folder)
            Path(draft).mkdir()  # for the context manager to remove
    return base


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "passrate" / "demo"


def fingerprint(seed: int, steps: int) -> str:
    """Hash what a base model depends on: our code, the libraries, the seed."""
    sources = [inspect.getsource(module) for module in (families, problems, corpus)]
    parts = [Path(__file__).read_text(encoding="utf-8"), *sources, seed, steps]
    parts += [library.__version__ for library in (torch, transformers, tokenizers)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Make a tokenizer of the words of these texts. Decoding gives a text back to the letter.

    The fence is an ordinary token, so that it survives `skip_special_tokens`.
    """
    pieces = pre_tokenizers.Split(Regex(PIECES), "isolated")
    words = {word for text in texts for word, _ in pieces.pre_tokenize_str(text)}
    vocabulary = {word: index for index, word in enumerate([PAD, EOS, UNKNOWN, *sorted(words)])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pieces
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNKNOWN,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def pretrain(
    documents: Sequence[Document],
    tokenizer: PreTrainedTokenizerFast,
    *,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> LlamaForCausalLM:
    """Train a new model on each document once: next tokens of completions, given their prompts."""
    set_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=64,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            **SHAPE,
        )
    )
    # Apart, as in GRPO: there a prompt is tokenised before its completion exists.
    prompts = tokenizer([document.prompt for document in documents])["input_ids"]
    answers = tokenizer([document.completion + EOS for document in documents])["input_ids"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    began = time.thread_time()
    for start in range(0, len(documents), BATCH):
        # By the time where that is ahead: a slow machine gets a shorter training, but one that ends well.
        done = max(start / len(documents), (time.thread_time() - began) / TIME_LIMIT_S)
        if done >= 1:
            break
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * min((done + 0.002) / WARMUP, max(LOWEST_RATE, 1 - done), 1.0)
        batch = slice(start, start + BATCH)
        ids, labels = _padded(prompts[batch], answers[batch], tokenizer.pad_token_id)  # (batch, tokens) each
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        on_progress(start + BATCH, len(documents))
    return model.eval()


def _padded(prompts: list[list[int]], answers: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Join prompts and answers, padded on the right; the labels leave the prompts and the padding out."""
    ids = [torch.tensor(prompt + answer) for prompt, answer in zip(prompts, answers, strict=True)]
    labels = [torch.tensor([-100] * len(p) + a) for p, a in zip(prompts, answers, strict=True)]
    return (
        pad_sequence(ids, batch_first=True, padding_value=pad),
        pad_sequence(labels, batch_first=True, padding_value=-100),
    )


def sample(
    model: Any, tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], *, samples: int, seed: int
) -> list[list[str]]:
    """Draw completions of each prompt at temperature 1, as GRPO does."""
    set_seed(seed)
    model.eval()
    texts: list[str] = []
    repeated = [prompt for prompt in prompts for _ in range(samples)]
    for start in range(0, len(repeated), SAMPLING_BATCH):
        inputs = tokenizer(repeated[start : start + SAMPLING_BATCH], return_tensors="pt", padding=True)
        tokens = model.generate(**inputs, do_sample=True, top_k=0, max_new_tokens=LONGEST_COMPLETION)
        texts += tokenizer.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [texts[start : start + samples] for start in range(0, len(texts), samples)]
