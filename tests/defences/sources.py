"""What the text of test code decides: whose its names are, what it rests on, whether it is pure, whether it checks."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from tests.defences.defence import Defence

LIBRARY, NAMES, OBJECTS, PURITY, PAYLOADS, COUNTING, REACH, INDEPENDENT, PLACES = (
    f"reward_server/judging/{name}.py"
    for name in ("library", "names", "objects", "purity", "payloads", "checks", "reach", "independent", "places")
)
CHECKS, SCHEMA = "tasks/checks.py", "tasks/schema.py"


def named(row: str) -> str:
    return f"tests/test_asserts.py::test_names_that_it_does_not_define_come_from_the_submission[{row}]"


def starred(row: str) -> str:
    return f"tests/test_names.py::test_a_star_import_replaces_nothing_of_the_tests[{row}]"


def impure(source: str) -> str:
    return f"tests/test_asserts.py::test_code_that_could_leave_something_behind_is_not_pure[{source}]"


def steered(row: str) -> str:
    return f"tests/test_reach.py::test_what_a_submission_can_steer_around_counts[{row}]"


def uncalled(call: str) -> str:
    return (
        f"tests/test_reach.py::test_an_assert_counts_in_a_helper_that_a_submission_can_keep_from_being_called[{call}]"
    )


def refused(source: str) -> str:
    return f"tests/test_checks.py::test_a_source_that_checks_nothing_is_refused[{source}]"


ROWS = (
    Defence(
        "aliases_are_the_librarys",
        "`np` is numpy where the test forgot to import it.",
        LIBRARY,
        '    if name in ALIASES:\n        return ALIASES[name], ""\n',
        "",
        (named("assert np.all(f()) and Counter(f()) and isclose(f(), pi)-names1-modules1"),),
    ),
    Defence(
        "modules_are_the_judges",
        "`math` in test code is Python's, also where the test forgot to import it.",
        LIBRARY,
        "if looked_into and name in sys.stdlib_module_names:",
        "if False:",
        (named("assert math.sqrt(f()) == 2-names7-modules7"),),
    ),
    Defence(
        "classes_are_the_librarys",
        "`Counter` is that of the library, where the test forgot to import it.",
        LIBRARY,
        "return certain_names().get(name)",
        "return None",
        (named("assert np.all(f()) and Counter(f()) and isclose(f(), pi)-names1-modules1"),),
    ),
    Defence(
        "constants_are_the_librarys",
        "So are `pi` and `inf`.",
        LIBRARY,
        '    certain |= {name: ("math", name) for name in (CONSTANTS & names) - called - {entry}}\n',
        "",
        (named("assert np.all(f()) and Counter(f()) and isclose(f(), pi)-names1-modules1"),),
    ),
    Defence(
        "often_used_are_the_librarys",
        "So is `sqrt`, where the problem names what the submission defines.",
        LIBRARY,
        "    if entry_point:\n        return {**certain, **often}",
        "    if entry_point:\n        return certain",
        (named("assert sqrt(f()) == gcd(f(), 2)-names2-modules2"),),
    ),
    Defence(
        "star_takes_no_builtin",
        "`from solution import *` replaces no builtin of the test file.",
        NAMES,
        "wanted |= free.loaded - own.bound - BUILTINS",
        "wanted |= free.loaded - own.bound",
        (starred("from solution import *\\ndef test(): assert abs(f()) and len(f()) and sorted(f())-names1-modules1"),),
    ),
    Defence(
        "star_takes_nothing_bound",
        "Nor what the test file has made or imported itself.",
        NAMES,
        "wanted |= free.loaded - own.bound - BUILTINS",
        "wanted |= free.loaded - BUILTINS",
        (starred("import math\\nfrom solution import *\\ndef test(): assert math.sqrt(f())-names2-modules2"),),
    ),
    Defence(
        "star_takes_no_module",
        "Nor a module of the library that it looks into.",
        PAYLOADS,
        "library = homes(names - prepared, looked_into, called, None, checks)",
        "library: dict[str, tuple[str, str]] = {}",
        (starred("from solution import *\\ndef test(): assert math.sqrt(f())-names3-modules3"),),
    ),
    Defence(
        "text_decides_assurance",
        "A test whose text needs no objects of the submission lets none through.",
        OBJECTS,
        "        return (\n            self.found\n",
        "        return (\n            True\n",
        (
            "tests/test_assurance.py::test_each_kind_of_problem_has_its_assurance[problem8-values]",
            "tests/test_assurance.py::test_each_kind_of_problem_has_its_assurance[problem15-values]",
        ),
    ),
    Defence(
        "plain_attributes_need_no_object",
        "An attribute that plain values have asks for no object.",
        OBJECTS,
        "        elif not PLAIN.issuperset(names):",
        "        else:",
        ("tests/test_assurance.py::test_each_kind_of_problem_has_its_assurance[problem9-values]",),
    ),
    Defence(
        "constants_in_capitals_are_no_classes",
        "A constant in capitals is no class.",
        OBJECTS,
        "return bare[:1].isupper() and (len(bare) == 1 or not bare.isupper())",
        "return bare[:1].isupper()",
        ("tests/test_assurance.py::test_each_kind_of_problem_has_its_assurance[problem10-values]",),
    ),
    Defence(
        "pure_imports_by_name",
        "Test code is not pure if it imports a name that is not listed.",
        PURITY,
        'self.pure = node.module == "__future__" or {alias.name for alias in node.names} <= known',
        "self.pure = True",
        (
            impure("from sys import modules\\nassert f()"),
            impure("from operator import methodcaller\\nassert methodcaller('register', str)(f)"),
        ),
    ),
    Defence(
        "pure_modules_by_list",
        "Nor if it imports a module that is not listed.",
        PURITY,
        "self.pure = all(alias.name in NAMES for alias in node.names)",
        "self.pure = True",
        (impure("import this\\nassert f()"),),
    ),
    Defence(
        "pure_names",
        "Nor if it uses a builtin that reaches further, or holds a module.",
        PURITY,
        "self.pure = node.id not in OTHER_BUILTINS and node.id not in self.modules",
        "self.pure = True",
        (impure("assert eval('f()')"), impure("import typing as t\\nx = t\\nassert f(x)")),
    ),
    Defence(
        "pure_attributes_of_modules",
        "Nor if it sets an attribute of a module, or looks at one that is not listed.",
        PURITY,
        "self.pure = isinstance(node.ctx, ast.Load) and node.attr in NAMES[module]",
        "self.pure = True",
        (
            impure("import math\\nmath.pi = 3\\nassert f()"),
            impure("import typing\\ntyping.sys.setrecursionlimit(60)\\nassert f()"),
        ),
    ),
    Defence(
        "pure_no_stores",
        "Nor if it sets any attribute.",
        PURITY,
        "self.pure = isinstance(node.ctx, ast.Load) and node.attr not in ATTRIBUTES",
        "self.pure = node.attr not in ATTRIBUTES",
        (
            impure("from collections import Counter\\nCounter.total = f\\nassert f()"),
            impure("from collections import Counter as self\\nself.most_common = f\\nassert f()"),
        ),
    ),
    Defence(
        "pure_without_frames",
        "The way from a value to a frame and its globals is closed.",
        PURITY,
        " and not node.attr.startswith(LEADING)",
        "",
        (impure("g = (x for x in ())\\nassert g.gi_frame.f_builtins and f()"),),
    ),
    Defence(
        "pure_without_classes",
        "Nor if it defines a class, or has a special name.",
        PURITY,
        "if isinstance(node, UNFIT) or (dunder and not isinstance(node, ast.Constant | ast.ImportFrom)):",
        "if False:",
        (impure("class T: pass\\nassert f(T())"), impure("__builtins__\\nassert f()")),
    ),
    Defence(
        "pure_generators_end",
        "Nor if a generator stays in a block whose end would run during another's test.",
        PURITY,
        "self.pure = not self.guarded",
        "self.pure = True",
        (impure("def g():\\n    try: yield 1\\n    finally: f()\\nassert f(g)"),),
    ),
    Defence(
        "true_constants_check_nothing",
        "`assert True` is no check.",
        CHECKS,
        "return not (isinstance(node.test, ast.Constant) and bool(node.test.value))",
        "return True",
        (refused("assert True"),),
    ),
    Defence(
        "functions_run_when_called",
        "A function that nobody calls checks nothing.",
        CHECKS,
        "inside: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.decorator_list]",
        "inside: list[ast.AST] = [*ast.iter_child_nodes(node)]",
        (refused("def helper(): assert f(1) == 2"),),
    ),
    Defence(
        "uncalled_tests_are_run",
        "Tests that the code does not call are run by pytest.",
        PAYLOADS,
        "    if run_by_pytest(source):",
        "    if False and run_by_pytest(source):",
        ("tests/test_asserts.py::test_tests_that_nobody_calls_are_for_pytest",),
    ),
    Defence(
        "a_steered_assert_counts",
        "An assert that a submission can steer around counts although it is not reached.",
        REACH,
        "        if not all(each in place.decisions and self.has_alternative(each, place.statement) for each in steered):\n            return False\n",
        "",
        (steered("r = f(3)\\nif r:\\n    assert r == 3-0"),),
    ),
    Defence(
        "a_changed_table_steers",
        "So does one that depends on what the submission was given and may have changed.",
        INDEPENDENT,
        "        self.spread()\n",
        "",
        (steered("xs=[1]\\nys=xs\\nf(ys)\\nif xs:\\n    assert f(1)==2-0"),),
    ),
    Defence(
        "what_awaits_is_impure",
        "Test code that awaits at its top has a judge of its own: a coroutine may be left half run.",
        PURITY,
        "ast.Await, ast.AsyncFor, ast.AsyncWith, ",
        "",
        (impure("assert await f(1)"), impure("async for x in f(1):\\n    assert x")),
    ),
    Defence(
        "a_called_argument_changes_a_table",
        "So does one that depends on what a function of the library hands on to the submission.",
        INDEPENDENT,
        "known and not calls_it and not",
        "known and not",
        (steered("g = lambda v: f(v)\\nxs=[1]\\nlist(map(g, [xs]))\\nif xs:\\n    assert f(1)-0"),),
    ),
    Defence(
        "a_lambda_hands_on_what_it_gets",
        "Also by a lambda, whatever function of the library is given it.",
        INDEPENDENT,
        "isinstance(argument, ast.Lambda) or ",
        "",
        (
            steered(
                "import numpy\\nxs=[1]\\nnumpy.select([xs], lambda v: f(v))\\nif xs:\\n    assert f(1)-0",
            ),
        ),
    ),
    Defence(
        "an_operator_steers",
        "So does one in a helper that is called behind `and`, `or` or a chained comparison.",
        PLACES,
        "place.behind(Decision(tuple(nodes[:at]))) if at >= always else place",
        "place",
        (uncalled("f(1) and h(f(1))"), uncalled("0 < len(f(1)) < h(f(1))")),
    ),
    Defence(
        "a_comprehension_steers",
        "Or for each item of a list comprehension.",
        PLACES,
        "Decision((each.iter,), is_loop=True))",
        "Decision(()))",
        (uncalled("[h(x) for x in f(1)]"),),
    ),
    Defence(
        "a_generator_or_lambda_steers",
        "Or in a generator expression or a lambda, which may never be run.",
        PLACES,
        "ANYTHING: Final = Decision((ast.Yield(),))",
        "ANYTHING: Final = Decision(())",
        (uncalled("any(h(x) for x in (1, 2))"), uncalled("f(lambda x: h(x))")),
    ),
    Defence(
        "a_conditional_expression_steers",
        "Or in one arm of a conditional expression.",
        PLACES,
        "yield from evaluated_in(arm, place.behind(Decision((test,))))",
        "yield from evaluated_in(arm, place)",
        (uncalled("h(f(1)) if f(1) else True"),),
    ),
    Defence(
        "an_alternative_compares_the_same",
        "Another branch excuses an assert only if it compares the same values.",
        REACH,
        "            return names <= other_names\n",
        "            return True\n",
        (steered("e=2\\nr = f(1)\\nif r is None:\\n    assert e == 2\\nelse:\\n    assert r == e-1"),),
    ),
    Defence(
        "asserts_need_a_check",
        "A problem of kind `asserts` that can check nothing is refused.",
        SCHEMA,
        "if isinstance(tests, AssertsTests) and not asserts_check(",
        "if False and not asserts_check(",
        (
            refused("f(1) == 2"),
            refused("try:\\n    f(1)\\nexcept ValueError:\\n    pass"),
        ),
    ),
    Defence(
        "pytest_needs_a_check",
        "So are pytest files without a check.",
        SCHEMA,
        "return any(checks_here(node)",
        "return any(True",
        ("tests/test_checks.py::test_pytest_files_need_a_check_somewhere",),
    ),
    Defence(
        "counted_asserts",
        "Each assert of a pytest file is counted when it was come through.",
        COUNTING,
        "elif isinstance(node, ast.Assert) or (isinstance(node, STATEMENTS) and is_check(node.value)):",
        "elif isinstance(node, STATEMENTS) and is_check(node.value):",
        ("tests/test_checks.py::test_each_check_is_counted_where_it_stands[assert x-assert x; __check__()]",),
    ),
    Defence(
        "unchecked_by_names",
        "A test that uses what checks must reach a check.",
        COUNTING,
        "return [test for test, name in tests.items() if name not in able]",
        "return [*tests]",
        ("tests/test_checks.py::test_tests_without_a_check_are_known",),
    ),
)
