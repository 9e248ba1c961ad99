"""Which skips the text of the tests alone decides. One that a submission could bring about would hide its failure."""

from __future__ import annotations

import pytest

from reward_server.judging.skips import skips_of

HEAD = "import os, pytest, unittest\nimport sys\nfrom solution import f\n"
AT = HEAD.count("\n") + 1


def lines(source: str, **others: str) -> tuple[list[int], list[int]]:
    files = {"test_a.py": HEAD + source, **{f"{name}.py": text for name, text in others.items()}}
    skips = skips_of(tuple(files.items()), "solution")
    assert {name for name, _ in [*skips.files, *skips.tests]} <= {"test_a.py"}
    return [line for _, line in skips.files], [line for _, line in skips.tests]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def test_a():\n    pytest.skip('later')", 1),
        ("def test_a():\n    assert f(1) == 2\n    pytest.skip('the rest later')", 2),
        ("@pytest.fixture\ndef x(): pytest.skip('no')", 1),
        ("class T(unittest.TestCase):\n    def setUp(self): self.skipTest('no')", 1),
        ("class T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): raise unittest.SkipTest", 2),
        ("def test_a():\n    if sys.platform == 'win32': pytest.skip('no')", 1),
        ("NEW = sys.version_info > (3, 20)\ndef test_a():\n    if not NEW: pytest.skip('no')", 2),
        ("def test_a():\n    x = pytest.importorskip('x')", 1),
        ("@pytest.fixture\ndef x(): return pytest.importorskip('x')", 1),
        ("try:\n    import x\nexcept ImportError:\n    x = None\ndef test_a():\n    if x is None: pytest.skip('x')", 5),
        ("def test_a():\n    pytest.xfail('known')", 1),
    ],
)
def test_skips_of_tests(source: str, line: int) -> None:
    assert lines(source) == ([], [AT + line])


@pytest.mark.parametrize(
    "source",
    [
        "pytest.importorskip('x')",
        "x = pytest.importorskip('x')",
        "if sys.version_info < (3, 9): pytest.skip('old', allow_module_level=True)",
        "raise unittest.SkipTest('no')",
    ],
)
def test_skips_of_files(source: str) -> None:
    assert lines(source) == ([AT], [])


@pytest.mark.parametrize(
    "source",
    [
        "def test_a():\n    if f(2) != 4: pytest.skip('no')",
        "def test_a():\n    f(0) or pytest.skip('no')",
        "def test_a():\n    try: f(2)\n    except Exception: pytest.skip('no')",
        "def test_a():\n    for _ in f(2): pytest.skip('no')",
        "def test_a():\n    while f(2): pytest.skip('no')",
        "def test_a():\n    with f(2): pytest.skip('no')",
        "def test_a():\n    if f(2): return\n    pytest.skip('no')",
        "@pytest.fixture\ndef x():\n    yield\n    pytest.skip('no')",
        "@f\ndef test_a(): pytest.skip('no')",
        "OK = f(2)\ndef test_a():\n    if OK: pytest.skip('no')",
        "OK = True\ndef test_b():\n    global OK\n    OK = f(2)\ndef test_a():\n    if not OK: pytest.skip('no')",
        "SEEN = []\ndef test_a():\n    if SEEN: pytest.skip('no')",
        "SEEN = sys.argv or []\ndef test_a():\n    if SEEN: pytest.skip('no')",
        "class Seen: bad = False\ndef test_a():\n    if Seen.bad: pytest.skip('no')",
        "def test_b(): sys.bad = f(2)\ndef test_a():\n    if sys.bad: pytest.skip('no')",
        "def has(): return f(2)\ndef test_a():\n    if has(): pytest.skip('no')",
        "def test_a():\n    if os.path.exists('x'): pytest.skip('no')",
        "def test_a():\n    if open('x').read(): pytest.skip('no')",
        "def test_a():\n    if sys.modules['solution'].f(2): pytest.skip('no')",
        "def test_a():\n    if globals()['f'](2): pytest.skip('no')",
        "def test_a():\n    pytest.importorskip('solution', minversion='2')",
        "def test_a():\n    pytest.skip(f(2))",
        "class T(unittest.TestCase):\n    def test_a(self):\n        if self.x: self.skipTest('no')",
        "from helper import BAD\ndef test_a():\n    if BAD: pytest.skip('no')",
        "from . import BAD\ndef test_a():\n    if BAD: pytest.skip('no')",
        "try:\n    from solution import g\nexcept ImportError:\n    pytest.skip('no', allow_module_level=True)",
        "if not f(2): pytest.skip('no', allow_module_level=True)",
    ],
)
def test_skips_that_a_submission_could_bring_about(source: str) -> None:
    assert lines(source, helper="import solution\nBAD = not hasattr(solution, 'g')") == ([], [])
