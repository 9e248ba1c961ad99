"""How a problem is put to a model: its prompt and how to answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.schema import PytestTests, StdioTests

if TYPE_CHECKING:
    from tasks.schema import Problem

ANSWER = "Answer with exactly one fenced block of Python code, and nothing after it:\n```python\n...\n```"


def instruction(problem: Problem) -> str:
    """Say what to write and how to hand it in."""
    if isinstance(problem.tests, StdioTests):
        task = "Write a program that reads from standard input and prints to standard output."
    elif isinstance(problem.tests, PytestTests):
        task = f"Write the module `{problem.tests.module}`."
    elif problem.entry_point:
        task = f"Define `{problem.entry_point}`, complete with its imports."
    else:
        task = "Write Python code that does this."
    return f"{task} {ANSWER}"


def plain_prompt(problem: Problem) -> str:
    """Write the prompt for a model that continues text."""
    asked = problem.prompt
    text = asked if isinstance(asked, str) else "\n\n".join(message.content for message in asked)
    return f"{text.rstrip()}\n\n{instruction(problem)}\n"


def chat_prompt(problem: Problem, system_prompt: str | None = None) -> list[dict[str, str]]:
    """Write the prompt as chat messages: a system message where one is given, and the instruction in the last one."""
    if isinstance(problem.prompt, str):
        messages = [{"role": "user", "content": problem.prompt.rstrip()}]
    else:
        messages = [message.model_dump() for message in problem.prompt]
    if not messages or messages[-1]["role"] != "user":
        messages.append({"role": "user", "content": ""})
    messages[-1]["content"] = f"{messages[-1]['content']}\n\n{instruction(problem)}".lstrip()
    if system_prompt is not None and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system_prompt})
    return messages
