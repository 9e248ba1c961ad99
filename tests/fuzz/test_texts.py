"""What a model wrote may be any text: its code is found, its signs are counted, in time that grows with its length."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_server.extraction import extract
from reward_server.judging.packages import slow_package
from reward_server.suspicion import CLUES, suspicions
from tests.contract.support import REPOSITORY
from tests.fuzz.budget import VARIABLE, fuzzed, tried

pieces = st.text(max_size=10) | st.sampled_from(
    [
        *("```", "````", "~~~", "```python", "```py\n", "~~~python\n", "\n", "\r\n", " ", "\t", "<think>", "</think>"),
        *("`", "~", "{", ".", "import numpy\n", "print(1)", "Answer: ```python\n", "\ud800", "\x00", "\u2028", "\x0b"),
        *(clue for clues in CLUES.values() for clue in clues),
        *("def __eq__(self, other): return True", "os", "os.", "(", ")", "=", "==", "[", "]", ":", "lambda", "import "),
    ]
)
texts = st.lists(pieces, max_size=40).map("".join)


@fuzzed(0.05)
@given(texts)
def test_any_text_is_read(text: str) -> None:
    tried("texts")
    code = extract(text).code
    # Fences are taken off, and a carriage return before a line's end; nothing is added.
    assert code is None or len(code) <= len(text)
    assert set(suspicions(text, ())) <= CLUES.keys()
    slow_package(text)


@fuzzed(0.02)
@given(
    st.text(max_size=200), st.text(st.characters(exclude_characters="`~<")), st.sampled_from(["```", "````", "~~~~"])
)
def test_a_fenced_block_is_found_whatever_stands_around_it(prose: str, code: str, fence: str) -> None:
    tried("texts")
    plain = "".join(each for each in prose if each not in "`~<")
    code = f"{code}\nx".replace("\r\n", "\n")
    assert extract(f"{plain}\n{fence}python\n{code}\n{fence}\n{plain}").code == code + "\n"


PROGRAMS = [
    "print(1)\n",
    'def f():\n    """Do.\n\n    ```\n    f()\n    ```\n    """\n    return "```"  # not ```x```\n',
    'x = \'</think>\'\nif x:\n    y = """\n<|im_end|>\n"""\n\nprint(y, \'<answer>\')\n',
]
PROSE = st.text(st.characters(exclude_characters="`~<[◁"), max_size=30)
THINKING = st.sampled_from(["", "<think>a</think>", "<think>\n```python\n'''\n</think>\n", "hm ```x```</think>"])
CLOSING = [
    "\n```",
    "\n``` so",
    "\n```</answer>",
    "\n    ```",
    "\n```.",
    "<|im_end|>",
    "\n</s>",
    "\n```\u200b\n```\n1\n```",
]


@fuzzed(0.05)
@given(
    THINKING,
    PROSE,
    st.sampled_from(["```python\n", "```py3\n", "``` Python\n", "```\n", "<answer>```python\n"]),
    st.sampled_from(PROGRAMS),
    st.sampled_from(CLOSING),
)
def test_a_program_is_found_however_its_block_is_written(
    thinking: str, prose: str, fence: str, program: str, closing: str
) -> None:
    tried("texts")
    assert extract(f"{thinking}{prose}\n{fence}{program.strip()}{closing}").code.strip() == program.strip()  # type: ignore[union-attr]


@fuzzed(0.05)
@given(texts, texts)
def test_thinking_adds_nothing_to_an_answer(thinking: str, answer: str) -> None:
    """Whatever stands before the last end of thinking that is outside of a string: the answer reads as if alone."""
    tried("texts")
    plain = thinking.replace("</think>", "")
    assert (
        extract(f"<think>{plain}</think>\n{answer}", unfenced="code").code
        == extract(f"\n{answer}", unfenced="code").code
    )


LONG = 1_000_000 if VARIABLE in os.environ else 200_000
CPU_S = LONG // 10_000
TIMES = {
    "extract": "from reward_server.extraction import extract as read",
    "suspicions": "from reward_server.suspicion import suspicions\nread = lambda text: suspicions(text, ())",
    "slow_package": "from reward_server.judging.packages import slow_package as read",
}
REPEATED = [
    *("`", "~", "``` ", "```\n", "\n```", "```python\n", "~~~\n```\n", " ", "\t", "\n", " \n", "x", "x`", "x ```py\n"),
    *(
        "<think>",
        "</think>",
        "<think>\n```python\n",
        "def __eq__(",
        "def __eq__(x)",
        "__eq__ = lambda ",
        "os . ",
        "os\n",
    ),
    *(
        "import _exit os.",
        "import numpy ",
        "import \n",
        "import x, ",
        "from numpy",
        "math.a",
        "math[",
        "sys.modules[x]",
    ),
    *(
        "\nmath[",
        "\nimport\n",
        "\nimport \\",
        "\nmath",
        "\n math.x",
        "setattr(",
        "setattr( ",
        "setattr(math",
        "/proc/1",
        "mock.",
        "{.",
        "[",
        "\r\n",
        "\ud800",
    ),
]
RACE = f"""
READ
for unit in {REPEATED!r}:
    for head in ("", "_exit __eq__ builtins math kill /proc/ numpy\\n", "```python\\n"):
        read(head + unit * ({LONG} // len(unit)))
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TIMES)
def test_a_megabyte_of_anything_is_read_in_time(name: str) -> None:
    """All in some seconds of processor time. In quadratic time one text alone takes minutes here, or hours, and stops
    the server for all meanwhile. Seen red: a megabyte of line ends after the word `math`.
    """
    tried("texts")
    command = [sys.executable, "-c", RACE.replace("READ", TIMES[name], 1)]
    limits = (CPU_S, CPU_S)
    subprocess.run(
        command, cwd=REPOSITORY, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limits), check=True
    )
