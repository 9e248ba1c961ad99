"""Whether test code can leave nothing behind, so that the judge process that has run it may run other tests.

What is not known to be harmless is not pure: such code gets a judge process of its own. Pure code defines functions and
no classes, stores to no attribute, and uses only the builtins and the names of modules below. Each of these neither
changes an object that others share, nor returns such an object, nor caches by an equality that the code may choose.
"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES: Final[dict[str, frozenset[str]]] = {
    module: frozenset(names.split())
    for module, names in {
        "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
        "builtins": """Ellipsis NotImplemented abs all any ascii bin bool bytearray bytes callable chr complex dict
            divmod enumerate filter float format frozenset hasattr hash hex id int isinstance issubclass iter len list
            map max memoryview min next object oct ord pow print range repr reversed round set slice sorted str sum
            tuple zip""",
        "cmath": """acos acosh asin asinh atan atanh cos cosh e exp inf infj isclose isfinite isinf isnan log log10 nan
            nanj phase pi polar rect sin sinh sqrt tan tanh tau""",
        "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
        "collections.abc": """Callable Collection Container Generator Hashable Iterable Iterator Mapping MutableMapping
            MutableSequence MutableSet Reversible Sequence Set Sized""",
        "copy": "copy deepcopy",
        "datetime": "MAXYEAR MINYEAR UTC date datetime time timedelta timezone",
        "fractions": "Fraction",
        "functools": "cache cmp_to_key lru_cache partial reduce",
        "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
        "itertools": """accumulate batched chain combinations combinations_with_replacement compress count cycle
            dropwhile filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee
            zip_longest""",
        "json": "JSONDecodeError dumps loads",
        "math": """acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp
            exp2 expm1 fabs factorial floor fma fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan isqrt
            lcm ldexp lgamma log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder sin sinh sqrt
            sumprod tan tanh tau trunc ulp""",
        "numbers": "Complex Integral Number Rational Real",
        "operator": """abs add and_ concat contains countOf eq floordiv ge getitem gt index indexOf inv invert is_
            is_not itemgetter le length_hint lshift lt matmul mod mul ne neg not_ or_ pos pow rshift sub truediv truth
            xor""",
        "random": """Random betavariate choice choices expovariate gauss getrandbits normalvariate randbytes randint
            random randrange sample seed shuffle triangular uniform""",
        "re": """A ASCII I IGNORECASE M MULTILINE S DOTALL X VERBOSE Match Pattern compile error escape findall finditer
            fullmatch match search split sub subn""",
        "statistics": """StatisticsError correlation covariance fmean geometric_mean harmonic_mean linear_regression
            mean median median_grouped median_high median_low mode multimode pstdev pvariance quantiles stdev
            variance""",
        "string": """ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable
            punctuation whitespace""",
        "time": "monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns sleep time time_ns",
        "typing": """Any Callable DefaultDict Deque Dict FrozenSet Generator Iterable Iterator List Mapping Optional
            Sequence Set Tuple Union""",
    }.items()
}
"""What pure code may use of a module."""
BUILTINS: Final = NAMES["builtins"] | {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
}
OTHER_BUILTINS: Final = frozenset(dir(builtins)) - BUILTINS
LEADING: Final = ("_", "ag_", "co_", "cr_", "f_", "func_", "gi_", "tb_")
"""How names of attributes begin that lead from a value to the interpreter's own objects."""
ATTRIBUTES: Final = frozenset({"cache_clear", "format", "format_map", "mro", "obj", "register"})
"""Other attributes that change an object of the library, or read attributes that the text does not show."""
UNFIT: Final = (ast.ClassDef, ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.MatchClass)
"""Class bodies choose what operators do, a coroutine may be left half run, and class patterns read attributes."""


def is_pure(*trees: ast.AST) -> bool:
    """Whether all of this, run in one namespace, leaves nothing behind."""
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import)]
    seen = Reach(alias for node in imports for alias in node.names)
    for tree in trees:
        seen.visit(tree)
    return seen.pure


class Reach(ast.NodeVisitor):
    def __init__(self, imported: Iterable[ast.alias]) -> None:
        self.pure = True
        self.modules: dict[str, str] = {}
        """Modules by the names that stand for them, wherever they are imported: a function may run later."""
        self.guarded = 0
        """How many blocks around the node run code when a generator that stays in them is collected."""
        for alias in imported:
            first = alias.name.split(".")[0]
            module = alias.name if alias.asname else first
            self.pure = self.pure and self.modules.setdefault(alias.asname or first, module) == module

    def visit(self, node: ast.AST) -> None:
        if not self.pure:
            return
        dunder = any(type(value) is str and value.startswith("__") for value in vars(node).values())
        if isinstance(node, UNFIT) or (dunder and not isinstance(node, ast.Constant | ast.ImportFrom)):
            self.pure = False
        else:
            super().visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Nothing in there is a name."""

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.pure = not node.is_async
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.pure = all(alias.name in NAMES for alias in node.names)
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        known = NAMES.get(node.module or "", frozenset()) if node.level == 0 else frozenset()
        self.pure = node.module == "__future__" or {alias.name for alias in node.names} <= known
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.pure = node.id not in OTHER_BUILTINS and node.id not in self.modules

    def visit_Compare(self, node: ast.Compare) -> None:
        """`type(x) is int`: the only place of `type`. Its result elsewhere may be called, and makes classes."""
        for side in (node.left, *node.comparators):
            asks = isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "type"
            if asks and len(side.args) == 1 and not side.keywords:  # type: ignore[attr-defined]
                self.visit(side.args[0])  # type: ignore[attr-defined]
            else:
                self.visit(side)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        base = node.value
        module = self.module_of(base)
        if module:
            self.pure = isinstance(node.ctx, ast.Load) and node.attr in NAMES[module]
            return
        self.pure = isinstance(node.ctx, ast.Load) and node.attr not in ATTRIBUTES and not node.attr.startswith(LEADING)
        self.visit(base)

    def module_of(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            found = self.modules.get(node.id)
            return found if found in NAMES else None
        if isinstance(node, ast.Attribute) and node.attr == "abc" and self.module_of(node.value) == "collections":
            return "collections.abc"
        return None

    def visit_Try(self, node: ast.Try | ast.TryStar | ast.With) -> None:
        self.guarded += 1
        self.generic_visit(node)
        self.guarded -= 1

    visit_TryStar = visit_With = visit_Try  # noqa: N815

    def visit_Yield(self, node: ast.Yield | ast.YieldFrom) -> None:
        """A generator that is collected later goes on in such a block, during another's test."""
        self.pure = not self.guarded
        self.generic_visit(node)

    visit_YieldFrom = visit_Yield  # noqa: N815
