from __future__ import annotations

import time

import pytest

from reward_server.extraction import extract


def code_in(text: str) -> str | None:
    return extract(text).code


@pytest.mark.parametrize(
    "opening",
    [
        "```python",
        "```py",
        *("```python3", "```py3", "```python2", "```pypy3", "```code", "```Code"),
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
    assert code_in(f"Here:\n{opening}\nx = 1\n{closing}\nDone.") == "x = 1\n"


@pytest.mark.parametrize("tag", ["bash", "text", "json", "pycon", "pythonic", "c++", "output"])
def test_a_fence_of_another_language_holds_none(tag: str) -> None:
    assert code_in(f"```{tag}\nx\n```") is None


@pytest.mark.parametrize("text", ["", "x = 1", "use `x`", "```python x = 1```", "say ```hi``` twice", "``\nx\n``"])
def test_without_a_fence_there_is_no_code(text: str) -> None:
    assert code_in(text) is None


def test_the_last_block_counts() -> None:
    assert code_in("```python\na\n```\nbetter:\n```python\nb\n```") == "b\n"


def test_a_tagged_block_comes_before_an_untagged_one() -> None:
    """Models show what a program prints in an untagged block after it."""
    assert code_in("```python\nprint(5)\n```\nOutput:\n```\n5\n```") == "print(5)\n"
    assert code_in("```\na\n```\n```\nb\n```") == "b\n"


def test_blank_blocks_do_not_count() -> None:
    """A stray fence at the end opens a block of nothing."""
    assert code_in("```python\na\n```\n```") == "a\n"
    assert code_in("```python\n  \n```") is None


def test_an_unclosed_last_fence_reaches_to_the_end() -> None:
    assert code_in("```python\ndef f():\n    return") == "def f():\n    return"


def test_thinking_holds_no_code() -> None:
    assert code_in("<think>```python\na\n```</think>\n```python\nb\n```") == "b\n"
    assert code_in("<think>\n```python\na\n```\n</think>\nno code") is None


def test_a_prompt_may_have_opened_the_thinking() -> None:
    assert code_in("hm\n```python\na\n```\n</think>```python\nb\n```") == "b\n"


def test_only_the_last_end_of_thinking_counts() -> None:
    assert code_in("</think>\n```python\na\n```\n</think>\n```python\nb\n```") == "b\n"


@pytest.mark.parametrize(
    "text",
    [
        "<think>```python\na\n```",
        "<think>\n```python\na\n```",
        "```python\na\n```\n<think> wait",
        "</think>\n<think>\n```python\na\n```",
    ],
    ids=["in its line", "in lines", "behind the code", "a second time"],
)
def test_thinking_that_never_ends_has_no_code(text: str) -> None:
    assert code_in(text) is None


def test_a_tag_within_the_code_is_not_thinking() -> None:
    assert code_in('```python\nTAG = "<think>"\n```') == 'TAG = "<think>"\n'


@pytest.mark.parametrize(
    "before", ["", "<think>easy</think>\n", "<think>\n```\nopen\n</think>\n", "hm</think>a</think>"]
)
def test_an_end_of_thinking_within_the_code_ends_nothing(before: str) -> None:
    code = 'END = "</think>"\nprint("<think>a</think>b")\n'
    assert code_in(f"{before}```python\n{code}```\nDone.") == code


@pytest.mark.parametrize("indent", ["    ", "        ", "\t"])
def test_a_fence_in_a_docstring_ends_nothing(indent: str) -> None:
    code = f'def f():\n{indent}"""\n{indent}```\n{indent}>>> f()\n{indent}```\n{indent}"""\n'
    assert code_in(f"```python\n{code}```") == code


def test_a_longer_fence_holds_shorter_ones() -> None:
    assert code_in("````python\ndoc = '''\n```\n'''\n````") == "doc = '''\n```\n'''\n"


def test_a_fence_is_closed_by_its_own_kind_only() -> None:
    assert code_in("~~~python\na\n```\nb\n~~~") == "a\n```\nb\n"
    assert code_in("````markdown\n~~~~\n```\n````\n```python\na\n```") == "a\n"


def test_a_block_within_a_block_of_markdown_is_not_ours() -> None:
    assert code_in("````markdown\n```python\na\n```\n````") is None


def test_windows_line_ends_become_plain() -> None:
    assert code_in("```python\r\na\r\nb\r\n```\r\n") == "a\nb\n"


def test_an_indented_fence_takes_its_indentation_along() -> None:
    assert code_in("1. So:\n   ```python\n   if x:\n       y\n\n   ```") == "if x:\n    y\n\n"
    assert code_in("\t```python\n\ta\nb\n\t```") == "a\nb\n"


def test_a_fence_after_words_counts_if_it_names_the_language() -> None:
    assert code_in("Answer: ```python\na\n```") == "a\n"
    assert code_in("Answer: ```\na") is None


BEHIND = [
    "</answer>",
    "<|im_end|>",
    "</s>",
    "<|endoftext|>",
    ".",
    "\u200b",
    " This prints one.",
    " Use ```x``` so.",
    "\r",
]


@pytest.mark.parametrize("after", ["", "\n", "\nIt prints:\n```\n1\n```\n"])
@pytest.mark.parametrize("behind", BEHIND)
def test_a_fence_closes_whatever_stands_behind_it(behind: str, after: str) -> None:
    assert code_in(f"```python\nprint(1)\n```{behind}{after}") == "print(1)\n"
    assert code_in(f"```python\nprint(1)```{behind}{after}") == "print(1)"
    assert code_in(f"```\nprint(1)\n```{behind}\n") == "print(1)\n"


@pytest.mark.parametrize("last", ["print(1)", "x = '`'", 'x = """a"""', "x = 1  # one", "#", "f'{x}'", "x = '\\''"])
def test_a_fence_closes_right_behind_the_code(last: str) -> None:
    assert code_in(f"```python\n{last}```\nDone.\n```\n1\n```") == last


@pytest.mark.parametrize(
    "code",
    [
        "print('```')\n",
        'FENCE = "```"  # three\n',
        "x = 1  # wrap it in ```x``` then\n",
        "x = 1  # a fence is ```\n",
        "import re\nre.findall(r'```(.*?)```', '')\n",
        '"""\n```\nf()\n```\n"""\n',
        '"""\n```python\nf()\n```\n"""\n',
        'def f():\n  """Do.\n\n  ```python\n  f()\n  ```\n  """\n',
        "x = r'''\n```\n```\n'''\ny = '''\n```\n```\n'''\n",
        "s = 'it\\'s'\nt = 'a\\\n```'\n",
        "'''\n  ```x```\n'''\n",
    ],
)
def test_a_fence_in_a_string_or_a_comment_ends_nothing(code: str) -> None:
    assert code_in(f"```python\n{code}```\nDone.") == code
    assert code_in(f"```\n{code}```\nDone.") == code


def test_a_string_that_never_ends_does_not_swallow_the_next_block() -> None:
    assert code_in("```python\nx = '''a\n```\nBetter:\n```python\nx = '''b'''\n```") == "x = '''b'''\n"
    assert code_in("```python\nx = '''a\n```\nDone.") == "x = '''a\n"
    assert code_in("```python\nx = '''a\n```python\nx = '''b'''\n```") == "x = '''b'''\n"


def test_a_fence_closes_at_any_depth_outside_of_strings() -> None:
    """As in the tests of rLLM: the closing fence is indented like the last line of the code."""
    assert code_in("```python\nif x:\n    main()\n    ```\n    ") == "if x:\n    main()\n"


def test_a_fence_of_the_language_opens_a_block_within_another_one() -> None:
    assert code_in("```python\na\n```python\nb\n```") == "b\n"
    assert code_in("```\nout\n```python\nb\n```") == "b\n"
    assert code_in("```python\na\n``` ```python\nb\n```") == "b\n"
    assert code_in("```python\na\n``````python\nb\n```") == "b\n"


@pytest.mark.parametrize("end", ["<|im_end|>", "\n<|im_end|>\n", "</s>", "</answer>", "\n</answer></s>", "<|eot_id|>"])
def test_an_end_token_ends_a_block_that_is_left_open(end: str) -> None:
    assert code_in(f"```python\nprint(1){end}") == "print(1)"
    assert code_in(f"<answer>```python\nprint(1){end}").strip() == "print(1)"  # type: ignore[union-attr]


@pytest.mark.parametrize("token", ["</s>", "<|im_end|>", "</answer>", "</think>", "<think>", "[/THINK]"])
def test_a_token_in_a_string_or_a_comment_is_text(token: str) -> None:
    code = f"x = '{token}'\ny = '''\n{token}\n'''  # {token}\nprint(x)\n"
    assert code_in(f"```python\n{code}```") == code


@pytest.mark.parametrize(
    ("first", "margin"),
    [
        ("1. ", "   "),
        ("10) ", "    "),
        ("- ", "  "),
        ("* ", "  "),
        ("  - ", "    "),
        ("> ", "> "),
        ("", "\t"),
    ],
)
def test_lists_and_quotes_are_taken_off(first: str, margin: str) -> None:
    lines = ["```python", "if x:", "    y()", "```"]
    text = "\n".join([first + lines[0], *(margin + line for line in lines[1:])])
    assert code_in(f"So:\n{text}\nDone.") == "if x:\n    y()\n"


@pytest.mark.parametrize("tag", ["think", "thinking", "Think", "reasoning", "thought", "scratchpad"])
def test_thinking_has_several_tags(tag: str) -> None:
    assert code_in(f"<{tag}>```python\na\n```</{tag}>none") is None
    assert code_in(f"<{tag}>```python\na\n```") is None
    assert code_in(f"```python\na\n```</{tag}>\n```\nb\n```") == "b\n"


def test_a_block_that_thinking_leaves_open_is_no_code() -> None:
    assert code_in("hm\n```python\na = 1\n</think>\nI give up.") is None
    assert code_in("hm\n```python\na = 1\n</think>```\nb\n```") == "b\n"


def test_what_stands_before_an_end_of_thinking_is_no_code() -> None:
    assert code_in("```python\na\n```\n</think>\nno code") is None
    assert code_in("```python\na\n```</think>") is None


def test_a_tag_that_is_only_spoken_of_means_nothing() -> None:
    assert code_in("No `<think>` here.\n```python\na\n```\nIt ends `</think>`.") == "a\n"


BLOCK = "```python\na\n```"


@pytest.mark.parametrize(
    "text",
    [
        f"The <think> tag is not needed here.\n{BLOCK}",
        f"<think>hm</think>The <think> tag was closed.\n{BLOCK}",
        f"I reason in <think>, then I answer.\n{BLOCK}",
        f"It looks for <think> tokens:\n{BLOCK}",
        f"Without **<think>** and (<think>) as asked.\n{BLOCK}",
        f"``<think>`` and `<think>...</think>` are left out.\n{BLOCK}\nSo is `a </think>`.",
        f"{BLOCK}\nI used no <think> and </think> tags.",
        f'{BLOCK}\nThe string "</think>" is split off, as "<think>x</think>" is.',
        f"{BLOCK}\nMy </think> tag came late.",
        f"~~~ as in `~~~` ~~~\n{BLOCK}".replace("~~~ as", "As ~~~"),
    ],
)
def test_a_tag_in_the_midst_of_a_sentence_means_nothing(text: str) -> None:
    assert code_in(text) == "a\n"


@pytest.mark.parametrize(
    "text",
    [
        f"Sure. <think> let me see\n{BLOCK}",
        f"Okay <think>\n{BLOCK}",
        f"So: <think>the <think> tag\n{BLOCK}",
        f"{BLOCK}\nso it is done</think>None.",
        f'{BLOCK}\nit prints "yes"</think>None.',
        f"The <think> tag\n{BLOCK}\n</think>\nNone.",
        f"<think>`</think>` ends it\n{BLOCK}\n</think>None.",
    ],
)
def test_a_tag_that_begins_or_ends_thinking_is_not_taken_for_a_word(text: str) -> None:
    """A draft within the thinking is no answer."""
    assert code_in(text) is None


@pytest.mark.parametrize(
    "code", ['print("<think>")', 'x = "<think>a</think>b"\nprint(x.split("</think>")[1])', "print('a <think> b')"]
)
def test_a_tag_in_a_string_of_a_program_without_a_fence_means_nothing(code: str) -> None:
    assert extract(code, unfenced="code").code == code


@pytest.mark.parametrize("inside", ["", "```python\n"])
@pytest.mark.parametrize(
    "text",
    [
        *(" " * 1_000_000, "`" * 1_000_000, "~ " * 500_000, "```\n" * 250_000, "a``" * 300_000, "<" * 1_000_000),
        *("<think></think>" * 60_000, "<answer>" * 120_000, "[/" * 500_000, "# ``" * 250_000, "- " * 500_000),
        *("#`\n" * 300_000, "\"'" * 500_000, "'\"\n" * 300_000, '"""' * 300_000, '\\"""\n' * 200_000, "\\\n" * 500_000),
        *("the <think> tag" * 60_000, "the <think> tag\n" + "</think>\n" * 100_000, "`a" * 500_000, "a ~~ " * 200_000),
        *("```python\n'''\n```\n" * 1300, '```python\n"""\n```\n\\' * 1300, "'''" + "x```\n" * 4000, "> " * 500_000),
    ],
)
def test_no_text_takes_long(text: str, inside: str) -> None:
    """A completion of a megabyte must not stop the event loop."""
    began = time.process_time()
    extract(inside + text)
    assert time.process_time() - began < 1


def test_a_text_of_too_many_fences_has_no_code() -> None:
    assert extract("```\n" * 250_000) == (None, "the completion has too many fences")
