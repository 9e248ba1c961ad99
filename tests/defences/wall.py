"""The wall between judge and submission."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from tests.defences.defence import ASSERTS, Defence, calibrated, cheat, unearned

RUNNER = "reward_server/runner"
STAND_INS, WALL, LINK, VALUES = (f"{RUNNER}/{name}.py" for name in ("stand_ins", "wall", "link", "values"))
KEEPER, JUDGE_PYTEST, REMOTE_MODULE = (f"{RUNNER}/{name}.py" for name in ("keeper", "judge_pytest", "remote_module"))
CONTAINERS, ARRAYS = f"{RUNNER}/containers.py", f"{RUNNER}/arrays.py"
TRUST, PROXY_CLASSES, ITERATING = (f"{RUNNER}/{name}.py" for name in ("trust", "proxy_classes", "iterating"))
REWRITING, CLASSES = "reward_server/judging/asserts.py", "reward_server/judging/classes.py"
PYTEST_FILES = "tests/contract/test_pytest_files.py::test_pytest_files_are_judged_as_pytest_does"
BAGS = "tests/contract/test_calibration.py::test_problems_about_objects_need_them_and_call_sites_are_learned[embedded-bags = bags_of(3)\\nassert 3 in bags[0]\\nassert 4 not in bags[0]-reference1]"
OF_THE_TEST = "tests/exploits/test_objects_of_the_test.py"


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
    # objects and who may answer
    Defence(
        "no_object_in_values",
        "Where the test needs no objects, none of the submission arrives, whatever the submission's process sends.",
        WALL,
        'if kind == "object" and not self.objects:',
        "if False:",
        (
            "tests/test_link.py::test_no_object_arrives_where_the_test_needs_none[answer0]",
            "tests/test_link.py::test_no_object_arrives_where_the_test_needs_none[answer1]",
        ),
    ),
    Defence(
        "no_class_in_values",
        "Nor a class: what is one there can only be called here.",
        WALL,
        'if kind == "function" or (kind == "class" and not self.objects):',
        'if kind == "function":',
        ("tests/test_link.py::test_no_class_arrives_where_the_test_needs_no_object",),
    ),
    Defence(
        "no_methods_of_named_tuples_in_values",
        "Nor a tuple with names that has methods of the submission.",
        WALL,
        "if type(type_number) is int and self.objects else None",
        "if type(type_number) is int else None",
        ("tests/test_link.py::test_no_class_arrives_where_the_test_needs_no_object",),
    ),
    Defence(
        "no_exceptions_of_its_own_in_values",
        "Nor an exception whose attributes the submission answers.",
        WALL,
        "if self.objects and type(type_number) is int and type(number) is int",
        "if type(type_number) is int and type(number) is int",
        ("tests/test_link.py::test_no_class_arrives_where_the_test_needs_no_object",),
    ),
    Defence(
        "functions_have_no_attributes_in_values",
        "Nor attributes of a function.",
        WALL,
        'if not (self.objects or name.startswith("__")):',
        "if False:",
        (unearned("predicates-of_a_function_that_has_methods"),),
    ),
    Defence(
        "objects_where_the_reference_gave_one",
        "An object is wrong where the reference gave a plain value.",
        TRUST,
        "if known is False:",
        "if False:",
        (
            calibrated("method_of_an_object"),
            calibrated("method_of_an_object_in_a_list"),
        ),
    ),
    Defence(
        "objects_in_other_things",
        "An object itself is wrong where the reference gave one in something else only, and the other way round.",
        WALL,
        "OBJECT if encoded is self.top else HELD)\n        elif encoded[0]",
        "OBJECT | HELD)\n        elif encoded[0]",
        (
            calibrated("object_in_the_place_of_a_list"),
            calibrated("list_in_the_place_of_an_object"),
        ),
    ),
    Defence(
        "lists_are_no_objects",
        "A list that holds an object is none.",
        WALL,
        "[each._number for each in found], HELD)",
        "[each._number for each in found], OBJECT | HELD)",
        (calibrated("object_in_the_place_of_a_list"),),
    ),
    Defence(
        "items_are_not_the_answer",
        "What is in an answer is not the answer.",
        WALL,
        "self.top = encoded if outer is None else outer",
        "self.top = encoded",
        (calibrated("object_in_the_place_of_one_named_tuple"),),
    ),
    Defence(
        "lists_are_told_once",
        "A list that holds objects is not told anew at each call site.",
        CONTAINERS,
        "held.known = self.as_told_here(held.value, encoded, contents)",
        "held.known = encoded",
        (BAGS,),
    ),
    Defence(
        "no_trust_where_the_reference_never_came",
        "An object that arrives where the reference never came is not trusted.",
        TRUST,
        "(self.trusted.update if known else",
        "(self.trusted.update if known or self.sites is not None else",
        (calibrated("where_the_reference_never_came"),),
    ),
    Defence(
        "functions_at_learned_sites",
        "A function is wrong where the reference gave a plain value.",
        WALL,
        "elif objects or self.sites is not None:",
        "elif objects:",
        (calibrated("method_of_a_function"),),
    ),
    Defence(
        "known_lists_at_learned_sites",
        "A list that crossed before is wrong there once it holds an object.",
        WALL,
        "(found := self.objects_in(value))",
        "(found := list[Remote]())",
        (calibrated("list_known_from_elsewhere"),),
    ),
    Defence(
        "trust_for_the_new_only",
        "A call of a class under test gives no trust to an object that was seen before.",
        WALL,
        "and encoded[1] not in self.imported",
        "and True",
        (
            unearned("later_trust-class_hands_out_what_a_method_returned"),
            unearned("later_trust-list_named_before_its_member"),
        ),
    ),
    Defence(
        "trust_by_calls_of_classes_under_test",
        "Calling a class that the test takes for a function trusts nothing.",
        TRUST,
        "return next((maker for maker in (self.likely, self.under_test) if number in maker), None)",
        "return self.under_test",
        (unearned("later_trust-class_in_the_place_of_a_function"),),
        covered_by="classes_by_their_names_alone",
    ),
    Defence(
        "handed_back",
        "An object that the test has made no longer answers for itself once the submission has handed it back.",
        TRUST,
        "(self.trusted.update if known else self.distrust)(numbers)",
        "(self.trusted.update if known else list)(numbers)",
        (unearned("later_trust-argument_made_by_a_class_comes_back"),),
    ),
    Defence(
        "copies_of_the_trusted_only",
        "A copy is trusted only where its original is.",
        WALL,
        "return self.decode_born(encoded, self.trust.of_object(original._number))",
        "return self.decode_born(encoded, self.trust.under_test)",
        (unearned("later_trust-copy_of_a_result"),),
    ),
    Defence(
        "operators_of_the_trusted_only",
        "What an operator gives is trusted only where its object is.",
        WALL,
        "maker = self.trust.of_object(number) if name in OPERATORS else None",
        "maker = self.trust.under_test if name in OPERATORS else None",
        (unearned("later_trust-sum_of_two_results"),),
    ),
    Defence(
        "operators_alone_pass_trust_on",
        "What a trusted object gives in another way, by entering a block say, is not trusted.",
        WALL,
        "maker = self.trust.of_object(number) if name in OPERATORS else None",
        "maker = self.trust.of_object(number)",
        (
            unearned("later_trust-item_of_an_object"),
            unearned("later_trust-call_of_an_object"),
        ),
    ),
    Defence(
        "predicates_are_for_plain_values",
        "An object is not asked what plain values say of themselves, such as `startswith`.",
        TRUST,
        "if name in PREDICATES and number not in self.trusted and number not in self.under_test:",
        "if False:",
        (
            unearned("predicates-equals"),
            unearned("predicates-in_unittest"),
            unearned("predicates-of_a_class"),
        ),
    ),
    Defence(
        "tuples_answer_no_predicates",
        "A tuple with names has no method by which plain values say yes.",
        PROXY_CLASSES,
        'name[0] != "_" and name not in PREDICATES',
        'name[0] != "_"',
        (unearned("predicates-of_a_tuple_with_names"),),
    ),
    Defence(
        "operators_not_believed",
        "An object that is not trusted equals no plain value, whatever its class says.",
        STAND_INS,
        "if wall.trust.may_operate(self._number, name) or isinstance(other, Remote | RemoteClass):",
        "if True:",
        (
            unearned("later_trust-copy_hands_out_what_was_returned"),
            unearned("later_trust-argument_put_into_a_list"),
        ),
    ),
    Defence(
        "containers_are_not_asked",
        "Nor does it hold one.",
        STAND_INS,
        '        if name == "__contains__":\n            raise TypeError(',
        "        if False:\n            raise TypeError(",
        (unearned("predicates-contains"),),
    ),
    Defence(
        "exceptions_of_the_setup",
        "An exception that the setup defines arrives as the setup's, and not as a class of the submission.",
        WALL,
        "and type(number) is int and not self.is_model(rows):",
        "and type(number) is int:",
        (unearned("setup-method_of_an_exception_replaced"),),
    ),
    Defence(
        "refused_answers_are_noted",
        "A test that swallows the refusal of an answer does not pass by it.",
        WALL,
        "        self.evidence.doubt(str(error))\n        return error",
        "        return error",
        (
            unearned("nothing_checked-refused_value"),
            unearned("nothing_checked-deep_value"),
        ),
    ),
    Defence(
        "look_ups_of_data_count",
        "To look at data of the submission is to consult it.",
        WALL,
        "if len(found.keys() & self.named.keys()) < len(names):",
        "if False:",
        (unearned("nothing_checked-no_parameters"),),
    ),
    Defence(
        "answers_count",
        "So is any call.",
        WALL,
        "if operation not in LOOK_UPS:",
        "if False:",
        (unearned("nothing_checked-parameters_by_a_call"),),
    ),
    Defence(
        "failures_in_with_blocks_are_noted",
        "A check that fails in a with block of the submission fails the test, whatever becomes of its exception.",
        STAND_INS,
        "    if error is not None and is_finding(error):\n        self._link",
        "    if False:\n        self._link",
        (
            unearned("nothing_checked-exit_replaces_a_failure"),
            unearned("nothing_checked-async_exit_replaces_a_failure"),
        ),
    ),
    Defence(
        "with_block_swallows_no_failure",
        "Nor is it swallowed there.",
        STAND_INS,
        "isinstance(error, Exception) and not is_finding(error)",
        "isinstance(error, Exception)",
        (unearned("nothing_checked-exit_swallows_a_failure"),),
        covered_by="failures_in_with_blocks_are_noted",
    ),
    Defence(
        "with_block_swallows_exceptions_only",
        "Nor are the ends of a test or of the submission.",
        STAND_INS,
        "return isinstance(error, Exception) and not is_finding(error)",
        "return not is_finding(error)",
        (unearned("nothing_checked-exit_swallows_the_end"),),
    ),
    Defence(
        "with_block_swallows_none_of_its_own",
        "An exception of the submission that its with block swallows is no pass.",
        STAND_INS,
        "if any(error is each for each in self._link.evidence.theirs):",
        "if False:",
        (unearned("nothing_checked-exit_swallows_after_a_check"),),
    ),
    Defence(
        "few_kinds_of_exception",
        "An exception is of two known kinds at most.",
        LINK,
        "bases[:MOST_BASES], bases[:1]",
        "bases, bases[:1]",
        ("tests/test_link.py::test_an_exception_is_of_few_kinds",),
    ),
    Defence(
        "known_exits_only",
        "An exception that is no Exception is one that tests expect, such as SystemExit.",
        LINK,
        "may_be_known = kind is not None and (issubclass(kind, Exception) or kind.__name__ in EXPECTED_EXITS)",
        "may_be_known = True",
        ("tests/test_link.py::test_an_exception_that_no_test_expects_is_none_of_that_name[KeyboardInterrupt]",),
    ),
    Defence(
        "shape_of_answers",
        "An answer without its account is the end of the submission.",
        LINK,
        "        return len(message) == 3\n",
        "        return True\n",
        (
            shape("['=', 0]"),
            shape("['=', 0, 1, 2]"),
        ),
    ),
    Defence(
        "shape_of_requests",
        "So is a request without its operation.",
        LINK,
        "return message[0] not in QUESTIONS or len(message) >= 3",
        "return True",
        (shape("['?', 0]"),),
    ),
    Defence(
        "instances_hide_no_method",
        "An instance of a class of the setup hides none of its methods or properties.",
        CONTAINERS,
        "(hides or callable(held))",
        "callable(held)",
        (
            "tests/test_containers.py::test_a_forged_instance_is_refused[total]",
            "tests/test_containers.py::test_a_forged_instance_is_refused[size]",
        ),
    ),
    Defence(
        "instances_hold_no_callable",
        "Nor does it hold one of the submission's.",
        CONTAINERS,
        "(hides or callable(held))",
        "hides",
        (unearned("setup-attribute_that_is_called"),),
    ),
    Defence(
        "instances_have_no_special_attributes",
        "Nor does it say itself what its class is.",
        CONTAINERS,
        'if name.startswith("__") or (',
        "if (",
        ("tests/test_containers.py::test_a_forged_instance_is_refused[__dict__]",),
    ),
    Defence(
        "arrays_are_filled_when_made",
        "An array that arrives is made with what it holds, and shows no memory of the judge.",
        VALUES,
        "return arrays.decode(name, shape, data)  # no memory is handed out before it is filled",
        "import numpy\n            return numpy.empty(shape, name)",
        ("tests/contract/test_arrays.py::test_an_array_is_made_with_what_it_holds",),
    ),
    Defence(
        "arrays_keep_type",
        "An array that the test holds keeps its type.",
        ARRAYS,
        "if value.dtype != new.dtype or value.size != new.size:",
        "if value.size != new.size:",
        ("tests/contract/test_arrays.py::test_an_array_is_made_with_what_it_holds",),
    ),
    Defence(
        "star_takes_what_is_used",
        "`from solution import *` takes no name that the test file does not use of it, nor a builtin.",
        REMOTE_MODULE,
        '*[name for name in payload["star_names"] if name in public or name in owner.setup],',
        '*[name for name in payload["star_names"] if name in public or name in owner.setup], *public,',
        (swallowed("star_abs"),),
    ),
    Defence(
        "only_named_classes_are_believed",
        "A class is believed only where the test uses its name as that of a class.",
        TRUST,
        "if name in self.class_names:",
        "if True:",
        (unearned("later_trust-class_in_the_place_of_a_function"),),
    ),
    Defence(
        "class_names_by_use",
        "A capital and a call make no class: the test must use it as only classes are used.",
        CLASSES,
        "if node.attr not in PLAIN:",
        "if True:",
        (
            "tests/test_classes.py::test_classes_are_known_by_their_use[x = Extract([1])\\nx.add(2)\\nassert x == {1, 2}-classes16]",
        ),
    ),
    Defence(
        "class_names_by_capital",
        "A name without a capital is never taken for a class.",
        CLASSES,
        'if name.lstrip("_")[:1].isupper()',
        "if name",
        ("tests/test_classes.py::test_classes_are_known_by_their_use[assert add.cache_info()-classes22]",),
    ),
    Defence(
        "special_methods_by_list",
        "A class of the submission brings no special method along but those that are forwarded.",
        PROXY_CLASSES,
        'for special in told["special"] if special in FORWARDED | DESCRIPTORS}',
        'for special in told["special"]}',
        ("tests/test_link.py::test_a_class_brings_no_special_method_but_those_that_are_forwarded",),
    ),
    Defence(
        "classes_by_their_names_alone",
        "A class that the submission also binds to the name of a function is no class to the test.",
        TRUST,
        "        else:\n            self.handed_out.add(number)",
        "        else:\n            pass",
        (unearned("later_trust-class_under_the_name_of_a_function"),),
    ),
    Defence(
        "classes_that_are_handed_out",
        "Nor is one that the submission gives where the test may expect a function.",
        WALL,
        "if isinstance(value, RemoteClass) and encoded is not self.looked_up:",
        "if False:",
        (
            unearned("later_trust-class_for_a_method"),
            unearned("later_trust-class_returned_for_a_function"),
            unearned("later_trust-class_listed_for_a_function"),
        ),
    ),
    Defence(
        "operators_that_decide",
        "What may be a class answers no operator by which a plain value is found right.",
        TRUST,
        "(number in self.measured and name in UNDECIDING)",
        "(number in self.measured)",
        (unearned("later_trust-likely_class_subtracts"),),
    ),
    Defence(
        "functions_are_compared",
        "What a test compares with a plain value for equality is a function, whatever its name.",
        CLASSES,
        "seen.called - decided)",
        "seen.called)",
        (unearned("later_trust-likely_class_is_ordered"),),
    ),
    Defence(
        "sets_by_their_items",
        "The length that a set of the submission claims is not believed where it is compared.",
        PROXY_CLASSES,
        '    ("collections.abc", "Set"): frozenset,\n',
        '    ("collections.abc", "Set"): lambda held: set(range(1, len(held) + 1)),\n',
        (unearned("later_trust-set_claims_a_length"),),
    ),
    Defence(
        "named_tuples_end_no_blocks",
        "A tuple with names is no context manager that swallows.",
        PROXY_CLASSES,
        '("str", "repr",',
        '("enter", "exit", "str", "repr",',
        (unearned("later_trust-named_tuple_swallows"),),
    ),
    Defence(
        "named_tuples_and_plain_values",
        "Nor is one asked for an operator with a plain value.",
        PROXY_CLASSES,
        "if name in OPERATORS and not all(",
        "if False and not all(",
        (unearned("later_trust-named_tuple_subtracts"),),
    ),
    # exceptions
    Defence(
        "private_exception_names",
        "The submission raises none of a test runner's private exceptions in the judge.",
        LINK,
        'or name.startswith("_"):',
        "or False:",
        ("tests/test_link.py::test_exceptions_of_test_runners_are_not_known[unittest.case-_ShouldStop]",),
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
        ("tests/test_link.py::test_exceptions_of_test_runners_are_not_known[_pytest.outcomes-XFailed]",),
    ),
    Defence(
        "skip_by_mark_only",
        "A test is left out by a mark or a line that the test file alone leads to, never by another exception.",
        JUDGE_PYTEST,
        'elif (report.when == "setup" and marked_to_skip(item) and not places) or skipped_by_decorator(item):',
        "elif True:",
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
        "each_item_is_a_check",
        "A loop that fails its test for a wrong item passes no test without an item.",
        "reward_server/judging/checks.py",
        "any(is_check(each) or fails_in_a_loop(each) for each in inner)",
        "any(is_check(each) for each in inner)",
        (
            "tests/exploits/test_unearned.py::test_what_was_not_earned_is_not_paid[embedded-nothing_checked-loop_that_fails_gets_no_item]",
            "tests/test_checks.py::test_a_loop_that_fails_for_a_wrong_item_needs_an_item",
        ),
    ),
    Defence(
        "checks_are_bounded",
        "Nor lose its run by a number of checks that the server cannot read.",
        f"{RUNNER}/run_shared.py",
        "return told if 0 <= told <= MAX_CHECKS else 0",
        "return told",
        ("tests/contract/test_shared.py::test_a_forged_number_of_checks_is_no_failure_of_ours[embedded-huge]",),
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
        "if len(items) > MANY_EQUAL and",
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
        "    except BaseException as error:\n        return error\n    if keeper.over",
        "    except BaseException as error:\n        if not isinstance(error, link.Gone):\n            return error\n    if keeper.over",
        ("tests/exploits/test_exploits.py::test_a_process_that_ends_reaches_no_assert_false[embedded]",),
    ),
    Defence(
        "what_is_skipped_is_not_passed",
        "A submission that loops does not pass an `assert False` that stands behind the loop, also where the test swallows its end.",
        KEEPER,
        "    if keeper.over:\n        return None\n",
        "",
        ("tests/contract/test_timeouts.py::test_an_assert_false_after_a_time_limit_is_not_passed[embedded]",),
    ),
    Defence(
        "a_loop_is_not_started_again",
        "A submission that loops cannot have itself started again for each test.",
        "reward_server/runner/rows.py",
        "return self.timeouts <= 0 or (self.stop and not good)",
        "return self.stop and not good",
        (
            "tests/contract/test_timeouts.py::test_after_one_time_limit_the_other_tests_are_skipped[embedded-stdio-while True: pass]",
            "tests/contract/test_timeouts.py::test_after_one_time_limit_the_other_tests_are_skipped[embedded-call-while True: pass]",
        ),
    ),
    Defence(
        "a_loop_waits_behind_others",
        "What met a time limit holds no slot that others wait for.",
        "reward_server/dispatch.py",
        "return self._put_off if ticket.is_put_off() else self._queue",
        "return self._queue",
        ("tests/test_dispatch.py::test_what_met_a_time_limit_goes_on_behind_everything_that_has_not",),
    ),
)
