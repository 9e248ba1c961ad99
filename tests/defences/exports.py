"""What the test hands over."""

from __future__ import annotations

from tests.defences.defence import Defence
from tests.defences.wall import OF_THE_TEST, handed

RUNNER = "reward_server/runner"
EXPORTS, DECORATING, LINK = (f"{RUNNER}/{name}.py" for name in ("exports", "decorating", "link"))
REACHING = "tests/exploits/test_reaching_into_the_test.py"


def replaced(name: str) -> str:
    return f"{OF_THE_TEST}::test_what_checks_cannot_be_replaced_on_the_tests_object[embedded-{name}]"


def reaching(name: str) -> str:
    return f"{REACHING}::test_what_the_test_hands_over_earns_nothing[embedded-{name}]"


def on_the_case(name: str) -> str:
    return f"{REACHING}::test_the_tests_object_stays_as_it_is[embedded-{name}]"


def asked_for(what: str) -> str:
    return f"{OF_THE_TEST}::test_what_a_submission_asks_for_is_no_fault_of_the_test[embedded-{what}]"


ROWS = (
    Defence(
        "what_is_asked_for_is_no_fault",
        "A submission cannot have its test blamed for an object that it asked for itself.",
        EXPORTS,
        "        if not self.wall.answering:\n            self.passed.add(number)",
        "        self.passed.add(number)",
        (asked_for("s.owner"), asked_for("vars(s)['owners'][0]")),
    ),
    Defence(
        "nor_is_what_goes_with_the_answer",
        "Nor for what goes along with the answer to its request.",
        f"{RUNNER}/wall.py",
        "        with self.chosen_there():\n            super().answer(message)",
        "        super().answer(message)",
        (asked_for("s.owners[0]"), asked_for("caught(s.fail).args[0][0]")),
    ),
    Defence(
        "nor_is_what_is_awaited",
        "Nor for what it awaits in turns with the event loop of the test.",
        f"{RUNNER}/coroutines.py",
        '            with self.wall.chosen_there():\n                told = self.wall.ask("turn", outcomes)',
        '            told = self.wall.ask("turn", outcomes)',
        (f"{OF_THE_TEST}::test_nor_is_what_it_asks_for_in_the_turn_of_an_event_loop[embedded]",),
    ),
    Defence(
        "what_cannot_be_used_answers_nothing",
        "An object of the judge's process that is neither the test's nor of a known type answers no request.",
        EXPORTS,
        "if operands and type(operands[0]) is int and operands[0] in self.unusable:",
        "if False:",
        (
            f"{OF_THE_TEST}::test_such_an_object_answers_no_request[embedded]",
            f"{OF_THE_TEST}::test_an_object_that_cannot_be_used_here_is_the_fault_of_the_test_that_passes_it[embedded-t.name]",
        ),
    ),
    Defence(
        "private_names_cannot_be_read",
        "Of an object that the test hands over, private attributes cannot be read.",
        EXPORTS,
        'case "get", [int(number), str(name)] if not name.startswith(HIDDEN):',
        'case "get", [int(number), str(name)]:',
        (
            handed("answer_in_a_private_attribute"),
            f"{REACHING}::test_no_private_name_can_be_read[embedded-__dict__]",
            f"{REACHING}::test_no_more_of_a_function_can_be_read_than_its_description[embedded-__globals__]",
        ),
    ),
    Defence(
        "private_state_is_not_told",
        "Nor are they among the attributes that the object is said to hold.",
        EXPORTS,
        "for name, value in held.items() if not name.startswith(HIDDEN)",
        "for name, value in held.items()",
        (on_the_case("private_attribute_in_its_state"),),
    ),
    Defence(
        "private_names_cannot_be_set",
        "Nor set.",
        EXPORTS,
        'case "set", [int(number), str(name), value] if not name.startswith(HIDDEN):',
        'case "set", [int(number), str(name), value]:',
        (handed("private_attribute_set"),),
    ),
    Defence(
        "private_names_cannot_be_held",
        "Nor put into the object's dictionary.",
        EXPORTS,
        'case "hold", [int(number), str(name), value] if not name.startswith(HIDDEN):',
        'case "hold", [int(number), str(name), value]:',
        (on_the_case("private_attribute_held"),),
    ),
    Defence(
        "special_methods_of_the_test_by_list",
        "Special methods can be called by a list of names, and `__init__` is none of them.",
        EXPORTS,
        "name in USABLE or any((base, name)",
        "True or any((base, name)",
        (on_the_case("initialised_anew"), f"{REACHING}::test_no_other_special_method_can_be_called[embedded-_answer]"),
    ),
    Defence(
        "what_the_test_calls_stays",
        "What the test calls to check, a method or a function that its object holds, cannot be replaced.",
        EXPORTS,
        "refused = (callable(known) or isinstance(known, classmethod)) and not isinstance(known, theirs)",
        "refused = False",
        (replaced("method"), replaced("function_held"), reaching("function_of_a_function"), reaching("class_method")),
    ),
    Defence(
        "functions_in_slots_stay",
        "Nor a function that a slot holds.",
        EXPORTS,
        "if known is MISSING or isinstance(known, COMPUTED):",
        "if known is MISSING:",
        (reaching("function_in_a_slot"),),
    ),
    Defence(
        "descriptors_alone_are_passed",
        "An object's dictionary is written past a descriptor of the submission's own only.",
        EXPORTS,
        "if isinstance(static(type(held), name), Remote):",
        "if True:",
        (on_the_case("method_held_by_the_object"), reaching("frozen_dataclass")),
    ),
    Defence(
        "mocks_are_the_tests",
        "Nor can what a mock is set up and checked by be set.",
        EXPORTS,
        "refused = hasattr(type(held), name)\n",
        "refused = False\n",
        (replaced("mock_count"), replaced("mock_result")),
    ),
    Defence(
        "children_of_mocks_are_mocks",
        "Nor a child of a mock.",
        EXPORTS,
        "if is_mock(held) and (isinstance(value, Remote | RemoteFunction | RemoteClass) or callable(value)):",
        "if False:",
        (replaced("child_of_a_mock"),),
    ),
    Defence(
        "mocks_are_not_set_up",
        "Nor through its own methods.",
        EXPORTS,
        "elif is_mock(held) and callable(getattr(type(held), name, None)):",
        "elif False:",
        (replaced("mock_configured"),),
    ),
    Defence(
        "state_of_the_tests_classes_only",
        "What an object holds is told of objects of the test's classes only.",
        EXPORTS,
        "if isinstance(value, type) or not self.descriptions.is_of_the_test(type(value)):",
        "if False:",
        (reaching("state_of_an_event"),),
    ),
    Defence(
        "classes_of_the_library_are_not_called",
        "Handing over an object of the library, or naming a class in an annotation, gives nobody the judge's class.",
        EXPORTS,
        "return not isinstance(held, type) or number in self.handed or",
        "return True or",
        (reaching("class_of_the_library_called"), reaching("class_of_a_mock_called")),
    ),
    Defence(
        "names_of_the_class_only",
        "Of a class only what it holds can be read, not what every class has.",
        EXPORTS,
        "or not any(name in vars(base) for base in held.__mro__):",
        "or False:",
        (on_the_case("bases_of_the_class"),),
    ),
    Defence(
        "managers_have_no_attributes",
        "What a context manager was made from cannot be read.",
        EXPORTS,
        "or type(held).__module__ in WITHOUT_ATTRIBUTES:",
        "or False:",
        (reaching("arguments_of_a_context_manager"),),
    ),
    Defence(
        "classes_of_the_test_are_closed",
        "Nothing can be set on a class of the test, but by its decorators.",
        DECORATING,
        "and self.is_being_decorated(kind)):",
        "and True):",
        (
            on_the_case("method_set_on_the_class"),
            reaching("class_that_is_not_being_decorated"),
            reaching("class_that_was_decorated_before"),
        ),
    ),
    Defence(
        "the_decorated_class_only",
        "A decorator sets nothing on another class than its own.",
        DECORATING,
        "self.decorators.get(place) == kind.__name__",
        "self.decorators.get(place) is not None",
        (reaching("class_that_was_decorated_before"),),
    ),
    Defence(
        "decorators_set_special_methods_by_list",
        "Nor a special method that decides over all attributes.",
        DECORATING,
        "return name in MAY_BE_SET",
        "return True",
        (reaching("special_method_that_no_decorator_may_set"),),
    ),
    Defence(
        "decorators_leave_private_names",
        "Nor replaces a private method.",
        DECORATING,
        "not hasattr(kind, name))",
        "True)",
        (reaching("private_method_of_a_decorated_class"),),
    ),
    Defence(
        "failures_in_coroutines_are_seen",
        "A failure of the test's own in a coroutine that the submission awaits is not the submission's to swallow.",
        EXPORTS,
        "            evidence.callback_ended([operation, number], error, answers)\n",
        "",
        (reaching("swallowed_in_a_coroutine"),),
    ),
    Defence(
        "arguments_are_no_answers",
        "What says to be an argument of the test is one that never changes and has no parts of its own.",
        LINK,
        "return type(value) in values.ATOMS or type(value) in (bytes, complex, range)",
        "return True",
        (reaching("argument_in_the_place_of_an_answer"),),
    ),
)
