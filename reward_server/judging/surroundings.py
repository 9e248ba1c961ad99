"""What test code changes or watches around the submission, as far as its text shows it.

Only what is named here is carried between the two processes, so that a test that names none of it pays nothing.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from functools import lru_cache
from typing import Any, Final

from tasks.checks import callee

FILES: Final = frozenset(
    (
        *("tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory", "tempfile", "open", "Path", "pathlib", "chdir"),
        *("shutil", "makedirs", "mkdir", "listdir", "getcwd", "glob", "isfile", "isdir"),
    )
)
SEEDS: Final = frozenset({"seed", "setstate", "set_state"})
PATCHES: Final = frozenset({"patch", "monkeypatch", "mocker", "environ", "putenv", "unsetenv", "argv", "stdin"})
WARNINGS: Final = frozenset(
    {"warnings", "warns", "deprecated_call", "assertWarns", "assertWarnsRegex", "recwarn", "filterwarnings"}
)
LOGS: Final = frozenset({"logging", "caplog", "assertLogs", "assertNoLogs"})
KINDS: Final = {"files": FILES, "seeds": SEEDS, "patches": PATCHES, "warnings": WARNINGS, "logs": LOGS}
RUN_FILES: Final = frozenset(
    (
        *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "read_pickle", "allow_pickle"),
        *("read_hdf", "HDFStore", "torch", "runpy", "importlib", "imp", "zipimport", "subprocess", "system", "popen"),
        *(
            "Popen",
            "multiprocessing",
            "ctypes",
            "dlopen",
            "cffi",
            "load_extension",
            "execv",
            "execve",
            "execvp",
            "execl",
        ),
        *("spawnv", "spawnl", "posix_spawn", "pty", "create_subprocess_exec", "syspath_prepend", "addsitedir"),
        *("extractall", "unpack_archive", "tarfile", "pytester", "testdir", "testfile", "fileConfig", "dictConfig"),
        *("jinja2", "mako"),
    )
)
"""Names by which test code could run what a file says, or write where it says: then it gets no file of a submission."""
RUN_TEXT: Final = frozenset({"exec", "eval", "compile", "__import__"})
"""Builtins of the same kind: methods of these names are something else."""
RUN_ATTRIBUTES: Final = frozenset(
    {("sys", "path"), *(("yaml", name) for name in ("load", "load_all", "unsafe_load", "unsafe_load_all", "full_load"))}
)
SOURCE: Final = frozenset({"getsource", "getsourcelines", "testmod", "DocTestSuite", "run_docstring_examples", "find"})
"""What looks into an object's own text, which the judge does not have of the submission. `find`: of a DocTestFinder."""
SAYING: Final = frozenset(
    (
        *("AssertionError", "Exception", "RuntimeError", "fail", "skip", "skipTest", "subTest", "xfail", "print"),
        *("warn", "debug", "info", "warning", "error", "exception", "critical"),
    )
)
"""What is called with a message."""
SAID: Final = frozenset({"msg", "reason", "id", "ids"})
"""Arguments that are messages or labels."""
OF_ONE_VALUE: Final = frozenset({"assertTrue", "assertFalse", "assertIsNone", "assertIsNotNone"})
"""Assertions whose second argument is the message; of the others the third is."""
PACKAGES: Final = frozenset({"requests", "httpx", "numpy"})
"""What a test may patch besides the standard library."""
MOST_TARGETS: Final = 400


@lru_cache(maxsize=1024)
def surroundings(*sources: str, module: str = "solution", has_data: bool = False) -> dict[str, Any]:
    """What is to be carried between the processes. Empty for most test code.

    `module`: the submission's name. `has_data`: the test code comes with files beside its sources.
    """
    seen = Named()
    for source in sources:
        seen.visit(ast.parse(source))
    kinds = [kind for kind, names in KINDS.items() if names & seen.names or (kind == "files" and has_data)]
    if seen.targets and "patches" not in kinds:
        kinds.append("patches")
    reads_source = seen.reads_source_of(module)
    needs_source = reads_source or seen.uses_file_of(module)
    if not (kinds or needs_source):
        return {}
    found: dict[str, Any] = {"kinds": kinds, "needs_source": needs_source, "reads_source": reads_source}
    if "files" in kinds:
        found["takes_files"] = not (seen.runs_files or RUN_FILES & seen.names)
    if "seeds" in kinds:
        found["numpy"] = bool({"np", "numpy"} & seen.names)
    if "patches" in kinds:
        found["targets"] = seen.patch_targets()
    return found


class Named(ast.NodeVisitor):
    """The names of test code, and what it may replace: dotted texts, and attributes of modules that it imports."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.texts: set[str] = set()
        self.modules: dict[str, str] = {}
        """Modules by the name that stands for them."""
        self.classes: set[str] = set()
        """Dotted names of what may be a class, imported from a module."""
        self.targets: set[tuple[str, str]] = set()
        """Modules and attributes that the code assigns."""
        self.own: set[str] = {"__name__"}
        """Functions and classes that the code defines, and what it imports."""
        self.imported: set[tuple[str, str]] = set()
        """Modules, and the names that come from them."""
        self.looking = {*SOURCE}
        """Names of functions in `SOURCE`, with those that an import gives them."""
        self.looked_at: list[tuple[str, ast.expr | None]] = []
        """Each use of a function in `SOURCE`, and what it is called with; None where the code does not say."""
        self.runs_files = False
        self.asked_for_file: set[str] = set()
        """Modules whose `__file__` the code reads."""
        self.strings: set[str] = set()
        """All of them but docstrings."""

    def uses_file_of(self, module: str) -> bool:
        """Whether the test code reads a module's file, or runs it anew."""
        if not (self.runs_files or (FILES | RUN_FILES) & self.names):
            return False
        if module in self.asked_for_file or (
            module in self.strings and ("-m" in self.strings or "runpy" in self.names)
        ):
            return True
        name, file = re.escape(module), re.escape(module.replace(".", "/"))
        named = re.compile(rf"(?<![\w.-]){file}\.py\b|(?:\bimport|\bfrom|-m) +{name}\b")
        return any(map(named.search, self.strings))

    def reads_source_of(self, module: str) -> bool:
        """Whether the test code looks into the source or the docstrings of the submission."""
        return any(
            looks_at is None or self.is_theirs(looks_at, module)
            for name, looks_at in self.looked_at
            if name != "find" or "DocTestFinder" in self.names
        )

    def is_theirs(self, value: ast.expr, module: str) -> bool:
        """Whether a value is of the submission: it comes from its module, or nobody else defines it."""
        imported = {name for home, name in self.imported if home == module or home.startswith(f"{module}.")}
        names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} - vars(builtins).keys()
        return bool(names - (self.own - imported))

    def patch_targets(self) -> list[list[str]]:
        dotted = {(module, name) for text in self.texts for module, _, name in [text.rpartition(".")] if module}
        plain = [text for text in self.texts if "." not in text]
        found = self.targets | dotted | {(module, name) for module in self.modules.values() for name in plain}
        of_classes = {(kind, name) for kind in self.classes for name in plain} - found
        return [list(pair) for pair in (*sorted(found), *sorted(of_classes)) if is_library(pair[0])][:MOST_TARGETS]

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            self.names |= {first, alias.asname or first, alias.name.rpartition(".")[2]}
            self.modules[alias.asname or first] = alias.name if alias.asname else first
            self.modules[alias.name] = alias.name
            self.own.add(alias.asname or first)
            self.imported.add((alias.name, alias.asname or first))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.looking |= {alias.asname for alias in node.names if alias.asname and alias.name in SOURCE}
        self.names |= {(node.module or "").partition(".")[0], *(alias.name for alias in node.names)}
        self.own |= {alias.asname or alias.name for alias in node.names}
        self.imported |= {(node.module or "", alias.asname or alias.name) for alias in node.names}
        self.classes |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name[:1].isupper()}
        self.runs_files |= any((node.module, alias.name) in RUN_ATTRIBUTES for alias in node.names)

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)
        self.runs_files |= node.id in RUN_TEXT
        self.look_at(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.own.add(node.name)
        self.generic_visit(node)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef  # noqa: N815

    def visit_arg(self, node: ast.arg) -> None:
        self.names.add(node.arg)
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        self.visit(node.test)
        self.visit_messages([node.msg] if node.msg is not None else [])

    def visit_Raise(self, node: ast.Raise) -> None:
        if isinstance(node.exc, ast.Call):
            self.visit(node.exc.func)
            self.visit_messages([*node.exc.args, *node.exc.keywords])
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = callee(node)
        before = len(self.looked_at)
        self.visit(node.func)
        if (name, None) in self.looked_at[before:]:
            self.looked_at.remove((name, None))
            self.looked_at.append((name, node.args[0] if node.args else None))
        values = 0 if name in SAYING else len(node.args)
        if isinstance(node.func, ast.Attribute) and name and name.startswith("assert"):
            values = 1 if name in OF_ONE_VALUE else 2
        for value in (*node.args[:values], *node.keywords):
            self.visit(value)
        self.visit_messages(node.args[values:])

    def look_at(self, name: str) -> None:
        """Note that the code names a function; `visit_Call` adds what it is called with."""
        if name in self.looking:
            self.looked_at.append((name, None))

    def visit_messages(self, nodes: list[Any]) -> None:
        """What is only said names no file."""
        strings = self.strings.copy()
        for node in nodes:
            self.visit(node)
        self.strings = strings

    def visit_keyword(self, node: ast.keyword) -> None:
        self.names.add(node.arg or "")
        if node.arg in SAID:
            self.visit_messages([node.value])
        else:
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.names.add(node.attr)
        self.look_at(node.attr)
        if node.attr == "__file__":
            name = ast.unparse(node.value)
            self.asked_for_file.add(self.modules.get(name, name))
        if isinstance(node.value, ast.Name):
            self.runs_files |= (node.value.id, node.attr) in RUN_ATTRIBUTES or (
                node.value.id == "builtins" and node.attr in RUN_TEXT
            )
            if node.attr[:1].isupper() and node.value.id in self.modules:
                self.classes.add(f"{self.modules[node.value.id]}.{node.attr}")
            if isinstance(node.ctx, ast.Store | ast.Del) and node.value.id in self.modules:
                self.targets.add((self.modules[node.value.id], node.attr))
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        text = node.value
        if type(text) is str:
            self.strings.add(text)
        if type(text) is str and len(text) < 100 and all(part.isidentifier() for part in text.split(".")):
            self.texts.add(text)
            self.names.add(text.rpartition(".")[2])
            self.look_at(text.rpartition(".")[2])
            self.runs_files |= text.rpartition(".")[2] in RUN_TEXT


def is_library(module: str) -> bool:
    first = module.partition(".")[0]
    return first in sys.stdlib_module_names or first in PACKAGES
