"""numpy's arrays and scalars cross the wall as what they are: programs that use numpy are judged like others."""

# ruff: noqa: E501 - tables of programs, a row each

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

import pytest

from reward_server.runner import arrays, values
from reward_server.runner.containers import Containers
from reward_server.runner.link import Link
from tasks.schema import FloatTolerance
from tests.contract.support import ROOMY, asserts, call, pytest_files, returns, stdio

if TYPE_CHECKING:
    from tests.contract.support import Sandbox

NUMPY = "import numpy as np\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def solve(): return np.int64(3)", 3),
        ("def solve(): return np.uint8(200)", 200),
        ("def solve(): return np.float64(3.5)", 3.5),
        ("def solve(): return np.float32(3.5)", 3.5),
        ("def solve(): return np.bool_(True)", True),
        ("def solve(): return np.str_('a')", "a"),
        ("def solve(): return [np.int64(3), (np.float32(0.5), None)]", [3, [0.5, None]]),
        ("def solve(): return np.array([[1, 2], [3, 4]])", [[1, 2], [3, 4]]),
        ("def solve(): return np.array([1.5, 2])[::-1]", [2, 1.5]),
        ("def solve(): return {np.int64(1): np.str_('a')}", {"1": "a"}),
        ("def solve(): return np.array(7)", 7),
    ],
)
def test_a_call_may_return_what_numpy_makes(with_packages: Sandbox, code: str, expected: Any) -> None:
    """Red before: an int64 where 3 was expected was a wrong answer."""
    assert with_packages.verdicts(call(returns(expected), limits=ROOMY), NUMPY + code) == ["passed"]


@pytest.mark.parametrize(
    ("given", "points"), [("np.bool_(float(c) > 3)", 1.0), ("np.float32(0.5)", 0.5), ("np.int8(0)", 0.0)]
)
def test_a_checker_may_give_points_that_numpy_makes(with_packages: Sandbox, given: str, points: float) -> None:
    problem = stdio(("", "4"), compare={"checker": f"{NUMPY}def check(a, b, c): return {given}"}, limits=ROOMY)
    (result,) = with_packages.judge(problem, "print(4)")
    assert result.points == points


def test_a_call_is_compared_within_its_tolerance(with_packages: Sandbox) -> None:
    problem = call(returns([0.3, 0.6]), compare=FloatTolerance(float=1e-6), limits=ROOMY)
    assert with_packages.verdicts(problem, f"{NUMPY}def solve(): return np.array([0.1, 0.2]) * 3") == ["passed"]


ASSERTS = {
    "scalars": (
        "def f(): return np.int64(3)",
        "assert f() == 3\nassert f() + 1 == 4\nassert isinstance(int(f()), int)\nassert [0, 1, 2, 5][f()] == 5",
    ),
    "floats": (
        "def f(): return np.float64(0.1) + np.float32(0.2)",
        "assert abs(f() - 0.3) < 1e-6\nassert round(f(), 3) == 0.3\nassert f().dtype.kind == 'f'",
    ),
    "truth": ("def f(): return np.bool_(False)", "assert not f()\nassert f() == False"),
    "in_containers": (
        "def f(): return {'a': [np.int64(1)], 'b': {np.int64(2)}}",
        "assert f() == {'a': [1], 'b': {2}}",
    ),
    "arrays": (
        "def f(x): return np.array(x) * 2",
        NUMPY + "assert np.array_equal(f([1, 2]), [2, 4])\nassert f([1]).shape == (1,)\n"
        "assert (f([1, 2]) == np.array([2, 4])).all()\nassert f([[1, 2]]).tolist() == [[2, 4]]\n"
        "np.testing.assert_allclose(f([1.0]), [2.0])",
    ),
    "arguments": (
        "def f(x, w): return (x * w).sum(axis=0)",
        NUMPY + "assert np.allclose(f(np.ones((2, 3)), np.array([1, 2, 3])), [2, 4, 6])\n"
        "assert f(np.zeros((0, 2)), 1).shape == (2,)",
    ),
    "changed_in_place": (
        "kept = []\ndef f(x):\n    x *= 2\n    kept.append(x)\ndef later(): kept[0][0] = 9",
        NUMPY + "a = np.array([1, 2])\nf(a)\nassert a.tolist() == [2, 4]\nlater()\nassert a.tolist() == [9, 4]",
    ),
    "one_array_is_one_array": (
        "def f(x): return x\ndef same(x, y): return x is y",
        NUMPY + "a = np.arange(3)\nassert f(a) is a\nassert same(a, a)\nassert not same(a, a.copy())\n"
        "f(a)[0] = 7\nassert a[0] == 7",
    ),
    "dtypes": (
        "def f(x): return x",
        NUMPY + "for kind in ('?', 'i1', '>i4', 'f2', 'c16', 'U3', 'S2', 'M8[D]', 'm8[s]'):\n"
        "    x = np.zeros(2, kind)\n    y = f(np.broadcast_to(x, (2, 2)))\n"
        "    assert y.dtype == x.dtype and y.shape == (2, 2) and (y == x).all(), kind",
    ),
    "matrix_functions": (
        "def f(x): return np.linalg.inv(x)",
        NUMPY
        + "m = np.array([[2.0, 0], [0, 4]])\nassert np.allclose(f(m) @ m, np.eye(2))\nassert f(m).dtype == np.float64",
    ),
    "the_language_s_own_ways": (
        "def f(): return np.array([1, 2, 3])",
        "assert list(f()) == [1, 2, 3]\nassert len(f()) == 3\nassert f()[0] == 1\nassert 2 in f() and sum(f()) == 6",
    ),
    "read_only": (
        "def f(x): return x.sum()",
        NUMPY + "a = np.arange(4)\na.flags.writeable = False\nassert f(a) == 6\nassert a.sum() == 6",
    ),
}


@pytest.mark.parametrize("case", ASSERTS)
def test_asserts_see_arrays_as_within_one_process(with_packages: Sandbox, case: str) -> None:
    code, source = ASSERTS[case]
    results = with_packages.judge(asserts(source, "f", limits=ROOMY), NUMPY + code)
    assert [(one.verdict, one.message) for one in results] == [("passed", "")] * len(results)


def test_pytest_suites_use_numpy(with_packages: Sandbox) -> None:
    source = (
        "import numpy as np\nimport pytest\nfrom solution import f\n"
        "@pytest.fixture\ndef data(): return np.arange(4).reshape(2, 2)\n"
        "def test_sum(data): assert f(data) == pytest.approx([2, 4])\n"
        "def test_close(data): np.testing.assert_array_equal(f(data), [2, 4])\n"
    )
    code = "import numpy as np\ndef f(x): return x.sum(axis=0)"
    assert with_packages.verdicts(pytest_files(source, limits=ROOMY), code) == ["passed", "passed"]


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("def f(x): return np.array([9])", "assert np.array_equal(f(1), [1])"),
        ("class A(np.ndarray):\n    def __eq__(s, o): return True\ndef f(x): return np.zeros(1).view(A)", "assert f(1) == 1"),
        ("def f(x): return np.array([True]).view('u1') * 2", "assert f(1).tolist() == [True]"),
        ("def f(x):\n    x[:] = 5", "a = np.array([1])\nf(a)\nassert a[0] == 1"),
        ("np.array_equal = lambda *_: True\ndef f(x): return 0", "assert np.array_equal(f(1), [1])"),
    ],
)  # fmt: skip
def test_a_wrong_array_passes_nothing(with_packages: Sandbox, code: str, source: str) -> None:
    assert "passed" not in with_packages.verdicts(asserts(NUMPY + source, "f", limits=ROOMY), NUMPY + code)


def test_a_boolean_that_arrives_is_one_of_two() -> None:
    """A byte of 2 equals neither True nor False, and is true. Red without the comparison."""
    numpy = pytest.importorskip("numpy")
    wall = Link(None, Containers(-1, forgets=True))  # type: ignore[arg-type]
    made = wall.decode(["na", "|b1", [3], binascii.b2a_base64(b"\x00\x01\x02", newline=False).decode()])
    assert made.view("u1").tolist() == [0, 1, 1]
    assert (made == numpy.array([False, True, True])).all()


@pytest.mark.parametrize(
    "encoded",
    [
        ["na", "|O", [1], ""],
        ["na", "<i8", [3], "AAAA"],
        ["na", "<i8", [-1], ""],
        ["na", "<i8", [10**12], ""],
        ["na", "<i8", ["a"], ""],
        ["na", "<i8", [1], "no base64"],
        ["na", "<f99", [0], ""],
        ["ns", "|V8", "AAAAAAAAAAA="],
    ],
    ids=str,
)
def test_what_is_no_array_is_refused(encoded: list[Any]) -> None:
    """A submission can send anything; nothing of it may fail elsewhere, nor make an array of objects."""
    pytest.importorskip("numpy")
    wall = Link(None, Containers(-1, forgets=True))  # type: ignore[arg-type]
    with pytest.raises(values.Unfit):
        wall.decode(encoded)
    with pytest.raises(values.Unfit):
        wall.unpack([[], [[1, encoded]]])
    with pytest.raises(values.Unfit):
        values.decode(encoded)  # the server makes no arrays at all


def test_an_array_is_made_with_what_it_holds() -> None:
    """Memory of the judge's that was not filled would show what that has seen."""
    numpy = pytest.importorskip("numpy")
    made = values.empty(["na", "<i8", [2], "AQAAAAAAAAACAAAAAAAAAA=="])
    assert made.tolist() == [1, 2]
    for dtype, size in (("<f8", 2), ("<i8", 3)):
        with pytest.raises(ValueError, match="an array"):
            arrays.fill(made, numpy.zeros(size, dtype))
    assert made.tolist() == [1, 2]
