"""The corpus on which the demo's model learns to write programs: most of them wrong, as in much of what models read."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.demo.problems import Split

RIGHT_SHARE = 0.3
"""Part of the documents whose completion solves its problem."""


@dataclass(frozen=True)
class Document:
    prompt: str
    completion: str
    right: bool


def write_corpus(split: Split, *, documents: int, seed: int) -> list[Document]:
    """Training tasks only, each with its right completion or one of the wrong ones of its family."""
    rng = Random(f"corpus {seed}")  # noqa: S311
    corpus = []
    for _ in range(documents):
        task = split.draw(rng)
        right = rng.random() < RIGHT_SHARE
        completion = task.completion() if right else rng.choice(list(task.wrong_completions()))
        corpus.append(Document(task.prompt, completion, right))
    return corpus
