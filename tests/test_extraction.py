from __future__ import annotations

import pytest

from reward_server.extraction import MOST_PARSED, Needs, Unfenced, extract
from reward_server.judging import needs_of
from tasks.schema import Problem

F = "def f(x):\n    return g(x) + 1\n"
G = "def g(x):\n    return x\n"


def blocks(*codes: str, tag: str = "python") -> str:
    return "So:\n" + "\nThen:\n".join(f"```{tag}\n{code}```" for code in codes)


def taken(text: str, *names: str, given: str = "") -> str | None:
    return extract(text, needs=lambda: Needs(names, frozenset(given.split()))).code


@pytest.mark.parametrize("tag", ["python", ""])
@pytest.mark.parametrize(
    "last",
    [
        "print(f(3))\n",
        "assert f(1) == 2\n",
        "from solution import f\nassert f(1) == 2\n",
        "import unittest\nclass TestF(unittest.TestCase):\n    def test_f(self):\n        assert f(1)\n",
        "result = f(3)\nprint(result)\n",
        ">>> f(1)\n2\n",
        "pip install f\n",
    ],
)
def test_a_last_block_that_only_uses_the_function_is_not_the_program(last: str, tag: str) -> None:
    assert taken(blocks("def f(x):\n    return x\n", last, tag=tag), "f") == "def f(x):\n    return x\n"


def test_the_last_block_that_defines_the_name_counts() -> None:
    drafts = blocks("def f(x): return 0\n", "f = lambda x: 1\n", "print(f(2))\n")
    assert taken(drafts, "f") == "f = lambda x: 1\n"


def test_a_definition_that_breaks_off_is_still_the_last_one() -> None:
    """An earlier version is not what the model answered in the end."""
    assert taken(blocks("def f(x): return 1\n", "def f(x:\n    retu"), "f") == "def f(x:\n    retu"


@pytest.mark.parametrize("names", ["f", "Solution", "Solution f"])
def test_a_class_with_that_method_may_be_what_is_meant(names: str) -> None:
    solution = "class Solution:\n    def f(self, x):\n        return x\n"
    assert taken(blocks(solution, "print(Solution().f(1))\n"), *names.split()) == solution


def test_blocks_that_build_on_each_other_are_joined_in_their_order() -> None:
    assert taken(blocks(G, F, "print(f(3))\n"), "f") == f"{G}\n{F}"
    assert taken(blocks(F, G, "print(f(3))\n"), "f") == f"{F}\n{G}"
    assert taken(blocks(G, "print(g(2))\n")) == f"{G}\nprint(g(2))\n"
    assert taken(blocks("def g(x): return 0\n", G, F), "f") == f"{G}\n{F}"


def test_tests_may_use_what_several_blocks_define() -> None:
    assert taken(blocks(G, "def f(x): return x\n", "assert f(1) == g(1)\n"), "f", "g") == f"{G}\ndef f(x): return x\n"


def test_a_block_that_stands_alone_is_not_joined() -> None:
    """A draft would print a second time."""
    program = "import sys\nn = int(sys.stdin.readline())\nprint(n)\n"
    assert taken(blocks("n = int(input())\nprint(n + 1)\n", program)) == program
    assert taken(blocks("input = None\nprint(2)\n", "print(input())\n")) == "print(input())\n"
    assert taken(blocks("def f(x): return 1\nprint(f(1))\n", "class A:\n    def f(self): return f\n"), "A") != ""


def test_of_a_block_that_only_imports_a_name_the_imports_are_taken() -> None:
    draft, last = "import sys, os\nfrom math import sqrt\nprint(sqrt(4))\n", "print(sqrt(int(sys.stdin.read())))\n"
    assert taken(blocks(draft, last)) == f"import sys, os\nfrom math import sqrt\n{last}"
    assert taken(blocks(draft, last), given="sys sqrt") == last
    assert taken(blocks("import sys\n", "print(sys.argv)\n")) == "import sys\nprint(sys.argv)\n"


def test_a_method_is_no_function_that_another_block_calls() -> None:
    assert taken(blocks("class A:\n    def g(self): return 1\nprint(1)\n", F), "f") == F


def test_a_block_without_a_language_helps_where_the_others_do_not_define_the_name() -> None:
    text = "```\ndef f(x): return x\n```\nFor example:\n```python\nprint(f(3))\n```\nIt prints:\n```\n3\n```"
    assert taken(text, "f") == "def f(x): return x\n"


@pytest.mark.parametrize("tag", ["python", ""])
@pytest.mark.parametrize("output", ["1", "Hello, World!", "[1, 2]\n3.5", "Sum: 5"])
def test_a_block_that_does_nothing_is_not_the_program(output: str, tag: str) -> None:
    assert taken(blocks("print(1)\n", output, tag=tag)) == "print(1)\n"
    assert taken(blocks(output, tag=tag)) == output


def test_where_no_block_defines_the_name_the_last_one_is_judged() -> None:
    assert taken(blocks("def g(x): return 1\n", "x = 1\n"), "f") == "x = 1\n"


def test_a_note_says_what_was_taken_where_there_was_a_choice() -> None:
    text = blocks(G, F, "print(f(3))\n")
    assert extract(text, needs=lambda: Needs({"f"})).note == "of 3 code blocks, numbers 1 and 2 were judged"
    assert extract(blocks("a\n", "b\n")).note == "of 2 code blocks, number 2 was judged"
    assert extract("```python\na\n```\nIt prints:\n```\n1\n```") == ("a\n", "")


def test_long_blocks_are_chosen_without_being_parsed() -> None:
    long = "def f(x): return x\n" + "# long\n" * (MOST_PARSED // 7)
    assert taken(blocks(G, long, "print(f(1))\n"), "f") == long


MAIN = "def best(xs):\n    return max(xs)\n\ndef main():\n    input()\n    print(best(input().split()))\n\nmain()\n"
SCRIPT = "a, b = map(int, input().split())\nprint(a + b)\n"


@pytest.mark.parametrize("tag", ["python", ""])
@pytest.mark.parametrize("program", [MAIN, SCRIPT])
@pytest.mark.parametrize(
    "last",
    [
        "```python\nprint(a + b)\n```",
        "```python\n    print(sum([a, b]))\n```",
        "```python\nfor x in xs:\n    top = max(top, x)\n```",
        "```python\nreturn max(xs)\n```",
        "```python\nelse:\n    print(1)\n```",
        "```python\ndef main():\n    ...\n    print(best(xs))\n```",
        "```python\n# ... as above\nn = int(input())\nprint(n)\n```",
        "```python\n$ python solution.py\n1 2\n```",
        "```python\n>>> best([1, 2])\n2\n```",
        "```bash\necho '1 2' | python solution.py\n```",
        "```console\n$ python solution.py\n3\n```",
        "```\n$ echo '(1)' | python solution.py\nx = 3\n```",
        "```\nOutput: (3)\n```",
        "```\na = 3\n```",
    ],
)
def test_for_whole_programs_a_part_or_a_run_of_one_is_not_the_program(program: str, tag: str, last: str) -> None:
    assert taken(f"{blocks(program, tag=tag)}\nThen:\n{last}") == program


@pytest.mark.parametrize(
    "last",
    [
        "n = int(input())\nprint(n * 2)\n",
        "n = int(input())\nprint(m)\n",
        "n = int(input(\nprint(n)\n",
        "print('YES')\n",
        "import os\nos.write(1, b'3')\n",
        "from math import *\nprint(gcd(4, 6))\n",
        "def main():\n    global n\n    n = 3\n    f()\ndef f():\n    print(n)\nmain()\n",
    ],
)
def test_a_last_program_is_the_answer_even_if_it_is_wrong(last: str) -> None:
    """An earlier draft is no answer once the model has given another program."""
    assert taken(blocks(SCRIPT, last)) == last


@pytest.mark.parametrize("last", ["n = int(input())\nfor i in ran", "x ="])
def test_a_last_block_that_breaks_off_is_the_answer(last: str) -> None:
    assert taken(f"{blocks(SCRIPT)}\nBetter:\n```python\n{last}") == last


def test_definitions_of_one_block_are_joined_with_the_call_in_another() -> None:
    program = "import sys\nsys.setrecursionlimit(10**6)\ndef main():\n    print(input())\n"
    assert taken(blocks(program, "main()\n")) == f"{program}\nmain()\n"


def test_a_definition_that_leaves_lines_out_is_not_the_last_one() -> None:
    program = "def f(x):\n    y = x + 1\n    return y\n"
    assert taken(blocks(program, "def f(x):\n    ...\n    return y\n"), "f") == program


@pytest.mark.parametrize("bomb", ["(" * 60_000, "-" * 60_000, "x = " + "f(" * 30_000, "a = '\\d'\n", "\x00", "\ud800"])
def test_no_code_stops_the_choice(bomb: str) -> None:
    assert taken(blocks("def f(x): return x\n", f"{bomb}\n"), "f") == "def f(x): return x\n"


@pytest.mark.parametrize(
    ("thoughts", "answer"),
    [
        ("<think>" + blocks("def f(x): return 1\n") + "</think>", "print(f(1))\n"),
        (blocks("def f(x): return 1\n") + "</think>", "print(f(1))\n"),
        ("hm\n```python\ndef f(x): return 1\n</think>\n", "print(f(1))\n"),
        ("<answer>" + blocks("def f(x): return 1\n") + "</answer></think>", "print(f(1))\n"),
    ],
)
def test_nothing_is_taken_from_the_thinking(thoughts: str, answer: str) -> None:
    """Not by name, not for a join, not as an answer."""
    assert taken(thoughts + blocks(answer), "f") == answer
    assert taken(thoughts + "None.", "f") is None
    assert extract(thoughts + "None.", unfenced="code").code is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def f(x):\n    return x\n```", "def f(x):\n    return x\n"),
        ("def f(x):\n    return x\n```\nIt returns x.", "def f(x):\n    return x\n"),
        ("print(1)\n```\nIt prints:\n```\n1\n```\nDone.", "print(1)\n"),
        ("<think>a</think>print(1)\n```", "print(1)\n"),
        ("print(1)```", None),
        ("Here is it:\n```\nprint(1)\n```", "print(1)\n"),
        ("Here is it:\n```\nprint(1)", "print(1)"),
        ("Answer\n```\nprint(1)", "print(1)"),
        ("x = 1 is it:\n```\nprint(1)", "print(1)"),
    ],
)
def test_the_prompt_may_have_opened_the_block(text: str, code: str | None) -> None:
    assert taken(text) == code


def test_a_block_that_the_prompt_opened_is_chosen_by_name_too() -> None:
    assert taken("def f(x): return x\n```\nTest:\n```python\nassert f(1) == 1\n```", "f") == "def f(x): return x\n"


def test_a_block_in_an_answer_comes_before_any_other() -> None:
    assert taken(f"<answer>\n{blocks('a')}\n</answer>\nOr:\n{blocks('b')}") == "a"
    assert taken(f"{blocks('a')}\n<answer>\n{blocks('b')}\n</answer>\nUse: {blocks('c')}") == "b"
    assert taken(f"<answer>42</answer>\n{blocks('b')}") == "b"


@pytest.mark.parametrize(
    ("text", "unfenced", "code"),
    [
        ("print(1)\n", "no_code", None),
        ("print(1)\n", "code", "print(1)"),
        ("  x = 1\n  print(x)<|im_end|>", "code", "x = 1\nprint(x)"),
        ("<think>a = 1</think>\nprint(1)", "code", "print(1)"),
        ("<think>a = 1", "code", None),
        ("Sure, print(1).", "code", None),
        ("Done", "code", None),
        ("", "code", None),
        ("```bash\nls\n```\n", "code", None),
        ("<answer>\nprint(1)\n</answer>", "no_code", "print(1)"),
        ("<answer>print(1)", "no_code", "print(1)"),
        ("<answer>I think: it is 42.</answer>", "no_code", None),
    ],
)
def test_without_a_fence_the_request_decides(text: str, unfenced: Unfenced, code: str | None) -> None:
    assert extract(text, unfenced=unfenced).code == code


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"tests": {"kind": "stdio", "cases": [{"stdout": ""}]}, "entry_point": "f"}, set()),
        ({"tests": {"kind": "call", "cases": [{"expected": 1}]}, "entry_point": "Solution.f"}, {"Solution", "f"}),
        ({"tests": {"kind": "asserts", "source": "import math\nassert f(math.pi) == g(1)"}}, {"f", "g"}),
        (
            {"tests": {"kind": "asserts", "source": "def check(c):\n    assert c(1)"}, "entry_point": "f"},
            {"f"},
        ),
        (
            {
                "tests": {
                    "kind": "pytest",
                    "files": {
                        "test_a.py": "import solution as s\nfrom solution import f\n"
                        "def test(tmp_path):\n    assert f(s.g) == s.h(tmp_path)"
                    },
                }
            },
            {"f", "g", "h"},
        ),
        (
            {
                "tests": {
                    "kind": "pytest",
                    "files": {"test_a.py": "from sol import *\ndef test(): assert f(1)"},
                    "module": "sol",
                }
            },
            {"f", "*"},
        ),
    ],
)
def test_a_problem_says_which_names_its_tests_need(fields: dict[str, object], names: set[str]) -> None:
    needs = needs_of(Problem.model_validate({"setup": "import os\nclass Node: pass", **fields}))
    assert set(needs.names) == names
    assert needs.given == {"os", "Node"}


STUBS = [
    "def f(x: int) -> int: ...",
    "def f(x): pass",
    'def f(x):\n    """Square."""',
    "def f(x):\n    raise NotImplementedError",
    "def f(x): raise NotImplementedError('later')",
    "from typing import Any\n\ndef f(x: Any) -> Any:\n    'Square.'\n    ...",
    "async def f(x): ...",
]


@pytest.mark.parametrize("stub", STUBS)
def test_a_stub_is_not_what_the_tests_call(stub: str) -> None:
    """Red where only a whole line of three dots shows it."""
    assert taken(blocks(F, stub), "f") == F
    assert taken(blocks(stub, F), "f") == F
    assert taken(blocks("x = f(1)", stub), "f") == stub  # there is no other


def test_a_class_of_stubs_is_not_what_the_tests_call() -> None:
    whole = "class A:\n    def f(self): return 1\n"
    assert taken(blocks(whole, "class A:\n    def f(self) -> int: ..."), "A") == whole
    assert taken(blocks("class E(Exception): 'x' + y\n", "class E(Exception): pass"), "E") == "class E(Exception): pass"


def test_a_function_that_is_whole_counts_though_it_fails() -> None:
    """A last word that is wrong stays wrong: a correct draft before it does not count."""
    last = "def f(x):\n    return NotImplementedError"
    assert taken(blocks(F, last), "f") == last
    assert taken(blocks(F, "def f(x): ...\ndef f(x): return 0"), "f") == "def f(x): ...\ndef f(x): return 0"


SOLVE = "def solve():\n    n = int(input())\n    print(n * n)\n"


@pytest.mark.parametrize(
    "uncalled",
    [
        SOLVE,
        f"import sys\nsys.setrecursionlimit(10**6)\nN = 5\n{SOLVE}",
        "class Solution:\n    def run(self):\n        print(input())\n",
        f"input = __import__('sys').stdin.readline\n{SOLVE}",
    ],
)
def test_a_program_that_is_never_called_is_not_the_last_whole_one(uncalled: str) -> None:
    """Red where it counts as whole because it reads and prints."""
    program = f"{SOLVE}\nsolve()\n"
    assert taken(blocks(program, uncalled)) == program
    assert taken(blocks(uncalled)) == uncalled


@pytest.mark.parametrize(
    "run",
    [
        "solve()",
        "if __name__ == '__main__':\n    solve()",
        "import threading\nthreading.Thread(target=solve).start()",
        "for _ in range(int(input())): solve()",
        "main = solve\nmain()",
        "exec('sol' + 've()')",
        "@lambda f: f()\ndef main():\n    solve()",
    ],
)
def test_the_last_program_counts_however_it_is_run(run: str) -> None:
    last = f"{SOLVE.replace('n * n', 'n')}\n{run}\n"
    assert taken(blocks(f"{SOLVE}\nsolve()\n", last)) == last
