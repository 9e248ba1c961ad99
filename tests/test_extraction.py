from __future__ import annotations

import time

import pytest

from reward_server.extraction import extract_code


@pytest.mark.parametrize(
    "opening",
    [
        "```python",
        "```py",
        "```python3",
        "```Python",
        "``` python",
        "```",
        "~~~",
        "~~~python",
        "````python",
        '```python title="x"',
        "```python:main.py",
        "```{python}",
        "```{.python .numberLines}",
    ],
)
def test_a_fence_of_the_language_or_of_none_holds_code(opening: str) -> None:
    closing = opening[: len(opening) - len(opening.lstrip("`~"))]
    assert extract_code(f"Here:\n{opening}\nx = 1\n{closing}\nDone.") == "x = 1\n"


@pytest.mark.parametrize("tag", ["bash", "text", "json", "pycon", "pythonic", "c++", "output"])
def test_a_fence_of_another_language_holds_none(tag: str) -> None:
    assert extract_code(f"```{tag}\nx\n```") is None


@pytest.mark.parametrize("text", ["", "x = 1", "use `x`", "```python x = 1```", "say ```hi``` twice", "``\nx\n``"])
def test_without_a_fence_there_is_no_code(text: str) -> None:
    assert extract_code(text) is None


def test_the_last_block_counts() -> None:
    assert extract_code("```python\na\n```\nbetter:\n```python\nb\n```") == "b\n"


def test_a_tagged_block_comes_before_an_untagged_one() -> None:
    """Models show what a program prints in an untagged block after it."""
    assert extract_code("```python\nprint(5)\n```\nOutput:\n```\n5\n```") == "print(5)\n"
    assert extract_code("```\na\n```\n```\nb\n```") == "b\n"


def test_blank_blocks_do_not_count() -> None:
    """A stray fence at the end opens a block of nothing."""
    assert extract_code("```python\na\n```\n```") == "a\n"
    assert extract_code("```python\n  \n```") is None


def test_an_unclosed_last_fence_reaches_to_the_end() -> None:
    assert extract_code("```python\ndef f():\n    return") == "def f():\n    return"


def test_thinking_holds_no_code() -> None:
    assert extract_code("<think>```python\na\n```</think>\n```python\nb\n```") == "b\n"
    assert extract_code("<think>\n```python\na\n```\n</think>\nno code") is None


def test_a_prompt_may_have_opened_the_thinking() -> None:
    assert extract_code("hm\n```python\na\n```\n</think>```python\nb\n```") == "b\n"


def test_only_the_last_end_of_thinking_counts() -> None:
    assert extract_code("</think>\n```python\na\n```\n</think>\n```python\nb\n```") == "b\n"


@pytest.mark.parametrize(
    "text",
    [
        "<think>```python\na\n```",
        "<think>\n```python\na\n```",
        "```python\na\n```\n<think> wait",
        "</think>\n<think>\n```python\na\n```",
    ],
)
def test_thinking_that_never_ends_has_no_code(text: str) -> None:
    assert extract_code(text) is None


def test_a_tag_within_the_code_is_not_thinking() -> None:
    assert extract_code('```python\nTAG = "<think>"\n```') == 'TAG = "<think>"\n'


@pytest.mark.parametrize(
    "before", ["", "<think>easy</think>\n", "<think>\n```\nopen\n</think>\n", "hm</think>a</think>"]
)
def test_an_end_of_thinking_within_the_code_ends_nothing(before: str) -> None:
    code = 'END = "</think>"\nprint("<think>a</think>b")\n'
    assert extract_code(f"{before}```python\n{code}```\nDone.") == code


@pytest.mark.parametrize("indent", ["    ", "        ", "\t"])
def test_a_fence_in_a_docstring_ends_nothing(indent: str) -> None:
    code = f'def f():\n{indent}"""\n{indent}```\n{indent}>>> f()\n{indent}```\n{indent}"""\n'
    assert extract_code(f"```python\n{code}```") == code


def test_a_longer_fence_holds_shorter_ones() -> None:
    assert extract_code("````python\ndoc = '''\n```\n'''\n````") == "doc = '''\n```\n'''\n"


def test_a_fence_is_closed_by_its_own_kind_only() -> None:
    assert extract_code("~~~python\na\n```\nb\n~~~") == "a\n```\nb\n"
    assert extract_code("```python\na\n```bash\nb\n```") == "a\n```bash\nb\n"


def test_a_block_within_a_block_of_markdown_is_not_ours() -> None:
    assert extract_code("````markdown\n```python\na\n```\n````") is None


def test_windows_line_ends_become_plain() -> None:
    assert extract_code("```python\r\na\r\nb\r\n```\r\n") == "a\nb\n"


def test_an_indented_fence_takes_its_indentation_along() -> None:
    assert extract_code("1. So:\n   ```python\n   if x:\n       y\n\n   ```") == "if x:\n    y\n\n"
    assert extract_code("\t```python\n\ta\nb\n\t```") == "a\nb\n"


def test_a_fence_after_words_counts_if_it_names_the_language() -> None:
    assert extract_code("Answer: ```python\na\n```") == "a\n"
    assert extract_code("Answer: ```\na") is None


@pytest.mark.parametrize("text", [" " * 1_000_000, "`" * 1_000_000, "~ " * 500_000, "```\n" * 250_000, "a``" * 300_000])
def test_no_text_takes_long(text: str) -> None:
    """A completion of a megabyte must not stop the event loop."""
    began = time.process_time()
    extract_code(text)
    assert time.process_time() - began < 2
