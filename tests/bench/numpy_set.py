"""Twelve little problems whose references import numpy, which a new interpreter imports anew each time.

They take and return lists: arrays are made and used up inside.
"""

from __future__ import annotations

from tasks.schema import AssertsTests, Limits, Problem

LIMITS = Limits(memory_mb=1024)

REFERENCES: dict[str, tuple[str, str]] = {
    "standardize": (
        """
def standardize(rows):
    a = np.array(rows, dtype=float)
    return ((a - a.mean(axis=0)) / a.std(axis=0)).tolist()
""",
        """
assert standardize([[1, 5], [3, 9]]) == [[-1.0, -1.0], [1.0, 1.0]]
assert standardize([[0], [0], [3], [3]]) == [[-1.0], [-1.0], [1.0], [1.0]]
""",
    ),
    "moving_mean": (
        """
def moving_mean(values, k):
    return np.convolve(values, np.ones(k) / k, "valid").round(6).tolist()
""",
        """
assert moving_mean([0, 1, 2, 3, 4, 5], 3) == [1, 2, 3, 4]
assert moving_mean([2, 4], 2) == [3]
""",
    ),
    "one_hot": (
        """
def one_hot(labels, k):
    return np.eye(k, dtype=int)[labels].tolist()
""",
        """
assert one_hot([0, 2], 3) == [[1, 0, 0], [0, 0, 1]]
assert one_hot([1], 2) == [[0, 1]]
""",
    ),
    "softmax": (
        """
def softmax(values):
    e = np.exp(np.array(values) - np.max(values))
    return (e / e.sum()).tolist()
""",
        """
assert softmax([0, 0]) == [0.5, 0.5]
assert abs(sum(softmax([1, 2, 1000])) - 1) < 1e-9
""",
    ),
    "distances": (
        """
def distances(points):
    a = np.array(points, dtype=float)
    return np.sqrt(((a[:, None] - a[None]) ** 2).sum(axis=-1)).tolist()
""",
        """
assert distances([[0, 0], [3, 4]]) == [[0, 5], [5, 0]]
assert distances([[1, 1]]) == [[0]]
""",
    ),
    "top_k": (
        """
def top_k(values, k):
    return np.sort(values)[::-1][:k].tolist()
""",
        """
assert top_k([3, 1, 5, 2], 2) == [5, 3]
assert top_k([1], 0) == []
""",
    ),
    "fit_line": (
        """
def fit_line(x, y):
    x = np.array(x, dtype=float)
    return np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y, rcond=None)[0].round(6).tolist()
""",
        """
assert fit_line([0, 1, 2], [2, 5, 8]) == [3, 2]
assert fit_line([0, 2], [1, 1])[1] == 1
""",
    ),
    "clip_outliers": (
        """
def clip_outliers(values, low, high):
    return np.clip(values, *np.percentile(values, [low, high])).tolist()
""",
        """
assert clip_outliers([0, 1, 2, 3, 4, 5], 20, 80) == [1, 1, 2, 3, 4, 4]
assert clip_outliers([7], 0, 100) == [7]
""",
    ),
    "rotate": (
        """
def rotate(points, quarters):
    c, s = np.cos(np.pi / 2 * quarters), np.sin(np.pi / 2 * quarters)
    return (np.array(points) @ np.array([[c, s], [-s, c]])).round().astype(int).tolist()
""",
        """
assert rotate([[1, 0], [0, 2]], 1) == [[0, 1], [-2, 0]]
assert rotate([[3, 4]], 2) == [[-3, -4]]
""",
    ),
    "histogram": (
        """
def histogram(values, k):
    return np.histogram(values, bins=k)[0].tolist()
""",
        """
assert histogram([0, 1, 2, 3, 4, 5], 3) == [2, 2, 2]
assert histogram([0, 0, 9], 2) == [2, 1]
""",
    ),
    "checkerboard": (
        """
def checkerboard(n):
    return (np.indices((n, n)).sum(axis=0) % 2).tolist()
""",
        """
assert checkerboard(2) == [[0, 1], [1, 0]]
assert sum(map(sum, checkerboard(5))) == 12
""",
    ),
    "power": (
        """
def power(rows, n):
    return np.linalg.matrix_power(np.array(rows), n).tolist()
""",
        """
assert power([[1, 1], [1, 0]], 10) == [[89, 55], [55, 34]]
assert power([[2]], 3) == [[8]]
""",
    ),
}
"""By entry point: the solution and its tests."""


def numpy_problems() -> list[Problem]:
    return [
        Problem(
            id=f"numpy-{name}",
            entry_point=name,
            limits=LIMITS,
            tests=AssertsTests(kind="asserts", source=tests),
            reference=f"import numpy as np\n{code}",
        )
        for name, (code, tests) in REFERENCES.items()
    ]
