"""The wall between judge and submission."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from tests.defences.defence import ASSERTS, Defence, cheat

RUNNER = "reward_server/runner"
STAND_INS, WALL, LINK, VALUES = (f"{RUNNER}/{name}.py" for name in ("stand_ins", "wall", "link", "values"))
KEEPER, JUDGE_PYTEST = f"{RUNNER}/keeper.py", f"{RUNNER}/judge_pytest.py"
CONTAINERS = f"{RUNNER}/containers.py"
REWRITING, NAMES = "reward_server/judging/asserts.py", "reward_server/judging/names.py"
PYTEST_FILES = "tests/contract/test_pytest_files.py::test_pytest_files_are_judged_as_pytest_does"
OF_THE_TEST = "tests/exploits/test_objects_of_the_test.py"


def number(claim: str) -> str:
    return f"{ASSERTS}::test_an_object_of_a_class_under_test_does_not_stand_for_a_number[embedded-{claim}]"


def handed(name: str) -> str:
    return f"{OF_THE_TEST}::test_what_the_test_hands_over_helps_nobody[embedded-{name}]"


def runner_exception(kind: str) -> str:
    return f"{OF_THE_TEST}::test_no_exception_of_the_test_runner_can_be_raised_in_the_judge[embedded-{kind}]"


def swallowed(name: str) -> str:
    return f"tests/exploits/test_exploits.py::test_a_failed_assert_cannot_be_kept_from_pytest[embedded-{name}]"


def unfit(encoded: str) -> str:
    return f"tests/test_values.py::test_what_was_never_encoded_is_unfit[{encoded}]"


def shape(message: str) -> str:
    return f"tests/test_link.py::test_a_message_of_another_shape_is_the_end_of_the_submission[{message}]"


def replaced(name: str) -> str:
    return f"{OF_THE_TEST}::test_what_checks_cannot_be_replaced_on_the_tests_object[embedded-{name}]"


def account(row: int) -> str:
    return f"tests/test_containers.py::test_a_forged_account_is_refused[account{row}]"


def said(source: str, attempt: str) -> str:
    """The test that this program, whose words are its own, fails the tests of this source."""
    test = "test_what_ends_the_judge_or_breaks_its_report_is_a_failure_of_the_submission"
    return f"tests/contract/test_channels.py::{test}[embedded-{source.encode('unicode_escape').decode()}-{attempt}]"


ROWS = (
    # arrays
    Defence(
        "booleans_are_two",
        "A boolean of an array is True or False, whatever byte arrives.",
        "reward_server/runner/arrays.py",
        'if kind.kind == "b":',
        "if False:",
        ("tests/contract/test_arrays.py::test_a_boolean_that_arrives_is_one_of_two",),
    ),
    Defence(
        "no_arrays_of_objects",
        "What arrives makes no array of objects.",
        "reward_server/runner/arrays.py",
        "if NAME.fullmatch(name) is None:",
        "if not name:",
        ("tests/contract/test_arrays.py::test_what_is_no_array_is_refused[['ns', '|V8', 'AAAAAAAAAAA=']]",),
    ),
    # operators
    Defence(
        "operators_not_believed",
        "An object of the submission equals no plain value, whatever its class says.",
        STAND_INS,
        "if plain and not trusted and (",
        "if False and (",
        (cheat("always_equal", "asserts"), cheat("always_equal", "pytest")),
    ),
    Defence(
        "only_classes_are_trusted",
        "What comes of calling a name that the test takes for a function may not answer for itself.",
        STAND_INS,
        "if cls._class_number in cls._class_link.believed:",
        "if True:",
        (cheat("plain_class_for_a_function", "asserts"), swallowed("class_with_a_capital")),
    ),
    Defence(
        "only_named_classes_are_believed",
        "A class is believed only where the test uses its name as that of a class.",
        WALL,
        "and name in self.class_names:",
        "and True:",
        (cheat("plain_class_for_a_function", "asserts"),),
    ),
    Defence(
        "class_names_by_use",
        "A capital and a call make no class: the test must use it as only classes are used.",
        NAMES,
        "if node.attr not in PLAIN:",
        "if True:",
        (
            "tests/test_names.py::test_classes_are_known_by_their_use[x = Extract([1])\\nx.add(2)\\nassert x == {1, 2}-classes16]",
        ),
    ),
    Defence(
        "class_names_by_capital",
        "A name without a capital is never taken for a class.",
        NAMES,
        'if name.lstrip("_")[:1].isupper()',
        "if name",
        ("tests/test_names.py::test_classes_are_known_by_their_use[assert add.cache_info()-classes22]",),
    ),
    Defence(
        "handed_back",
        "An object that the test has made no longer answers for itself once the submission has handed it back.",
        WALL,
        "self.made.discard(number)",
        "pass",
        (handed("handed_back"),),
    ),
    Defence(
        "mixed_is_remembered",
        "What comes of an untrusted object and a plain value, which may be what is expected, is known as such.",
        STAND_INS,
        "wall.mixed.add(result._number)",
        "pass",
        (number("abs(f(4) - 2) < 1e-9"), number("int(f(4) - 2) == 0")),
    ),
    Defence(
        "mixed_has_no_number",
        "Such a mixture has no length, number or truth.",
        STAND_INS,
        "if self._number in self._link.mixed:",
        "if False:",
        (number("int(f(4) - 2) == 0"), number("not (f(4) - 2)")),
    ),
    Defence(
        "special_methods_by_list",
        "A class of the submission brings no special method along but those that are forwarded.",
        WALL,
        'for special in told["special"] if special in FORWARDED}',
        'for special in told["special"]}',
        ("tests/test_link.py::test_a_class_brings_no_special_method_but_those_that_are_forwarded",),
    ),
    # exceptions
    Defence(
        "with_block_swallows_no_failure",
        "A with block of the submission does not swallow a failed assert.",
        STAND_INS,
        "= self._link.failed_in_callback or error\n    return False",
        "= None\n    return True",
        (swallowed("exit_that_swallows"),),
    ),
    Defence(
        "failed_in_callback",
        "A failed assert in a function of the test that the submission calls is not kept from pytest.",
        JUDGE_PYTEST,
        "if not self.failed and hidden is not None:",
        "if False:",
        (swallowed("callback_that_is_swallowed"),),
    ),
    Defence(
        "private_exception_names",
        "The submission raises none of a test runner's private exceptions in the judge.",
        LINK,
        'or name.startswith("_"):',
        "or False:",
        (cheat("forged_stop_of_unittest", "pytest"),),
    ),
    Defence(
        "skip_test_is_not_known",
        "Nor SkipTest.",
        LINK,
        'if name == "SkipTest" or',
        "if",
        (runner_exception("('unittest.case', 'SkipTest')"),),
        covered_by="skip_by_mark_only",
    ),
    Defence(
        "exceptions_of_the_language_only",
        "Nor one of pytest's: an expected failure would be no failure.",
        LINK,
        'if module.partition(".")[0] in sys.stdlib_module_names',
        "if True",
        (runner_exception("('_pytest.outcomes', 'XFailed')"),),
    ),
    Defence(
        "skip_by_mark_only",
        "A test is left out by a mark in the test file, never by an exception.",
        JUDGE_PYTEST,
        'if (report.when == "setup" and marked_to_skip(item)) or skipped_by_decorator(item):',
        "if True:",
        (f"{OF_THE_TEST}::test_a_test_that_skips_itself_does_not_count_as_passed[embedded]",),
    ),
    Defence(
        "end_is_no_exception",
        "The end of a submission is no exception that a test could expect.",
        LINK,
        "class Gone(BaseException):",
        "class Gone(Exception):",
        (handed("exit_for_an_exception"),),
    ),
    # names
    Defence(
        "reserved_names",
        "The submission cannot stand in for the judge's own sites.",
        REWRITING,
        "- BUILTINS - RESERVED",
        "- BUILTINS",
        (handed("own_never"),),
    ),
    Defence(
        "builtins_are_the_judges",
        "`abs` in test code is Python's.",
        REWRITING,
        "- BUILTINS - RESERVED",
        "- RESERVED",
        (handed("own_abs"), cheat("shadowed_builtins", "asserts")),
    ),
    Defence(
        "modules_are_the_judges",
        "`math` in test code is Python's, also where the test forgot to import it.",
        REWRITING,
        "modules = {name for name in free & names.looked_into if name in sys.stdlib_module_names}",
        "modules: set[str] = set()",
        (handed("own_math"),),
    ),
    Defence(
        "star_takes_no_builtin",
        "`from solution import *` replaces no builtin of the test file.",
        NAMES,
        "wanted = free.loaded - own.bound - BUILTINS",
        "wanted = free.loaded - own.bound",
        (swallowed("star_abs"),),
    ),
    Defence(
        "star_takes_no_module",
        "Nor a standard module that it looks into.",
        NAMES,
        "names |= wanted - looked_into",
        "names |= wanted\n        looked_into.clear()",
        (
            "tests/test_names.py::test_a_star_import_replaces_nothing_of_the_tests[from solution import *\\ndef test(): assert math.sqrt(f())-names3-modules3]",
        ),
    ),
    Defence(
        "star_takes_nothing_bound",
        "Nor what the test file has made or imported itself.",
        NAMES,
        "wanted = free.loaded - own.bound - BUILTINS",
        "wanted = free.loaded - BUILTINS",
        (swallowed("star_helper"),),
    ),
    # the test's own objects
    Defence(
        "private_names_cannot_be_read",
        "Of an object that the test hands over, private attributes cannot be read.",
        WALL,
        'case "get", [int(number), str(name)] if not name.startswith(HIDDEN):',
        'case "get", [int(number), str(name)]:',
        (handed("answer_in_a_private_attribute"),),
    ),
    Defence(
        "private_names_cannot_be_set",
        "Nor set.",
        WALL,
        'case "set", [int(number), str(name), value] if not name.startswith(HIDDEN):',
        'case "set", [int(number), str(name), value]:',
        (handed("private_attribute_set"),),
    ),
    Defence(
        "what_the_test_calls_stays",
        "What the test calls to check, a method or a function that its object holds, cannot be replaced.",
        WALL,
        "refused = callable(known) and not isinstance(known, theirs)",
        "refused = False",
        (replaced("method"), replaced("function_held")),
    ),
    Defence(
        "mocks_are_the_tests",
        "Nor what a mock is set up and checked by.",
        WALL,
        "refused = hasattr(type(held), name) or isinstance(value, theirs) or callable(value)",
        "refused = False",
        (replaced("mock_count"), replaced("child_of_a_mock"), replaced("mock_result")),
    ),
    Defence(
        "mocks_are_not_set_up",
        "Nor through its own methods.",
        WALL,
        "if is_mock(held) and callable(getattr(type(held), name, None)):",
        "if False:",
        (replaced("mock_configured"),),
    ),
    Defence(
        "classes_of_the_test_are_closed",
        "Of classes and functions that the test hands over, nothing can be read or set.",
        WALL,
        "if isinstance(value, type) or type(value).__module__ not in (*self.test_modules, MOCKS):",
        "if False:",
        (handed("method_of_the_tests_class"),),
        covered_by="what_the_test_calls_stays",
    ),
    # what arrives
    Defence(
        "frames_are_bounded",
        "The judge waits for no message that it could not hold.",
        LINK,
        "if size > MAX_FRAME:",
        "if False:",
        ("tests/test_link.py::test_the_judge_waits_for_no_message_that_it_could_not_hold",),
    ),
    Defence(
        "shape_of_messages",
        "A message of another shape is the end of the submission, and no exception in the judge.",
        LINK,
        "if type(message) is not list or not 2 <= len(message) <= 8 or type(message[0]) is not str:",
        "if False:",
        (shape("5"), shape("[]"), shape("[5, 0, 1]")),
    ),
    Defence(
        "shape_of_answers",
        "So is an answer without its account.",
        LINK,
        'if message[0] in ("=", "!", "~") and len(message) != 3:',
        "if False:",
        (shape("['=', 0]"), shape("['=', 0, 1, 2]")),
    ),
    Defence(
        "accounts_keep_types",
        "A list that the test holds stays a list, whatever the submission says has become of it.",
        CONTAINERS,
        "if not isinstance(held.value, type(empty)):",
        "if False:",
        (account(4),),
    ),
    Defence(
        "accounts_number_their_own",
        "The submission numbers its own containers, and gives no number that is the test's to give.",
        CONTAINERS,
        "elif type(number) is not int or number * self.step >= 0:",
        "elif False:",
        (account(2), account(3)),
    ),
    Defence(
        "forgetting_is_the_tests",
        "What the test still holds is not forgotten because the submission says so.",
        CONTAINERS,
        "if forgotten and self.forgets:",
        "if False:",
        (account(0),),
    ),
    Defence(
        "page_keeps_its_size",
        "A submission that shares its process with the tests cannot end the control process by shortening their page.",
        f"{RUNNER}/supervision.py",
        "fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL",
        "fcntl.F_SEAL_SEAL",
        ("tests/contract/test_shared.py::test_how_it_ends_is_a_verdict[embedded-shorten the page]",),
    ),
    Defence(
        "intervals_come_to_an_end",
        "Nor go on for ever by beginning one test after the other.",
        f"{RUNNER}/run_shared.py",
        'if now - self.begun_at - meter.delay_s > self.job.limits["wall_s"] * (1 + max(1, self.job.tests)):',
        "if False:",
        ("tests/contract/test_shared.py::test_a_forged_page_does_not_stop_the_clock[embedded]",),
    ),
    Defence(
        "no_name_ends_the_judge",
        "What a submission answers when it is asked for its names cannot end the judge without a report.",
        f"{RUNNER}/judge.py",
        "except BaseException as error:  # whatever",
        "except Exception as error:  # whatever",
        (said("assert solve(0) == 0", "a_name_that_ends_the_process_that_asks"),),
    ),
    Defence(
        "a_failed_load_has_one_form",
        "What it says of its failed load can be read by the control process.",
        f"{RUNNER}/judge.py",
        '"told": told_of(message[1])',
        '"told": message[1]',
        (said("assert solve(0) == 0", "a_failed_load_that_nests_deep"),),
    ),
    Defence(
        "a_failure_is_told",
        "An exception of its own whose text cannot be had does not end the judge.",
        f"{RUNNER}/keeper.py",
        "    try:\n        if isinstance(error, AssertionError):\n            return str(error)[:MAX_MESSAGE]\n",
        "    if isinstance(error, AssertionError):\n        return str(error)[:MAX_MESSAGE]\n    try:\n",
        (said("value = solve(0)\nassert value == 0", "a_failure_that_cannot_be_told"),),
    ),
    Defence(
        "one_type_of_each_part",
        "A part of a value is of the type that was sent: a number as text could take hours to write out.",
        VALUES,
        "if type(value) is not kind:",
        "if False:",
        (unfit("['fr', True, 2]"), unfit("['D', 5]"), unfit("['C', 'aab']")),
    ),
    Defence(
        "no_set_of_one_hash",
        "Items that were chosen for having one hash are refused before a set is built of them.",
        VALUES,
        "if len(items) > MANY and",
        "if False and",
        ("tests/test_values.py::test_a_value_is_decoded_in_time[tuples]",),
    ),
    Defence(
        "atoms_are_atoms",
        "A list that is taken as it is holds atoms only.",
        VALUES,
        "if type(items) is not list or not set(map(type, items)) <= ATOMS:",
        "if False:",
        (unfit("['L', [[1]]]"),),
    ),
    Defence(
        "json_alone",
        "Nothing stands behind a message.",
        VALUES,
        "if end != len(held):",
        "if False:",
        ("tests/test_values.py::test_what_is_no_json_is_unfit[1 2]",),
    ),
    # what counts
    Defence(
        "true_counts_for_nothing",
        "`assert True` is no test.",
        REWRITING,
        "            if node.test.value:\n                return node\n",
        "",
        ("tests/test_asserts.py::test_a_true_constant_counts_for_nothing",),
    ),
    Defence(
        "early_end_never_scores_whole",
        "Test code that ends in an exception behind its last assert fails that one.",
        KEEPER,
        "if not rows and FAILED not in self.states:",
        "if False:",
        (f"{ASSERTS}::test_test_code_that_ends_early_never_scores_full[embedded-raise ValueError]",),
    ),
    Defence(
        "unreached_asserts_fail",
        "An assert that test code ended before is no pass.",
        KEEPER,
        "rows = [row for row, state in enumerate(self.states) if state == UNREACHED]",
        "rows = []\n        self.states = [state or PASSED for state in self.states]",
        (f"{ASSERTS}::test_an_assert_that_was_not_reached_is_no_pass[embedded]",),
    ),
    Defence(
        "once_failed_stays_failed",
        "An assert in a loop passes when all of its rounds do.",
        KEEPER,
        "elif not failed and self.states[row] == UNREACHED:",
        "elif not failed:",
        (f"{ASSERTS}::test_an_assert_in_a_loop_passes_when_all_its_rounds_do[embedded]",),
    ),
    Defence(
        "never_is_not_reached",
        "A submission that ends does not make an `assert False` pass that it would have reached.",
        KEEPER,
        "    except BaseException as error:\n        return error\n    for row",
        "    except BaseException as error:\n        if not isinstance(error, link.Gone):\n            return error\n    for row",
        ("tests/exploits/test_exploits.py::test_a_process_that_ends_reaches_no_assert_false[embedded]",),
    ),
)
