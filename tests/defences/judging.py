"""Judging, rewards and the server around them."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from tests.defences.defence import Defence, cheat

JUDGING = "tests/test_judging.py"
SCORING = "tests/test_scoring.py"
JUDGE = "reward_server/judging/judge.py"
PLAN = "reward_server/judging/plan.py"
COMPARING = "reward_server/judging/comparing.py"
REWARDS = "reward_server/rewards.py"
EVALUATING = "reward_server/evaluating.py"

ROWS = (
    Defence(
        "expected_output_stays_here",
        "What a program should print never enters the sandbox.",
        PLAN,
        'case.stdin.encode("utf-8", "surrogateescape") for case',
        '(case.stdin + case.stdout).encode("utf-8", "surrogateescape") for case',
        (
            f"{JUDGING}::test_expected_values_are_in_no_job",
            "tests/contract/test_walls.py::test_expected_output_never_enters_the_sandbox[embedded]",
        ),
    ),
    Defence(
        "expected_values_stay_here",
        "Nor what a call should return.",
        PLAN,
        "values.encode((list(case.args), case.kwargs))",
        "values.encode(([*case.args, case.expected], case.kwargs))",
        (f"{JUDGING}::test_expected_values_are_in_no_job",),
    ),
    Defence(
        "exit_code_counts",
        "The right output with a wrong exit code does not pass.",
        JUDGE,
        'if seen.ending != "exited" or seen.code != 0:',
        'if seen.ending != "exited":',
        (f"{JUDGING}::test_the_right_output_with_a_wrong_exit_code_does_not_pass[1]",),
    ),
    Defence(
        "ending_counts",
        "Nor does the right output of a program that passed a limit.",
        JUDGE,
        'if seen.ending != "exited" or seen.code != 0:',
        "if seen.code != 0:",
        (f"{JUDGING}::test_an_ending_decides_whatever_was_printed_or_returned[cpu-cpu_timeout]",),
    ),
    Defence(
        "exit_accepts_nothing",
        "A call that ended the process has returned nothing, whatever its exit code.",
        JUDGE,
        'if seen.ending != "returned":\n        return result(seen, BY_ENDING',
        'if seen.ending not in ("returned", "exited"):\n        return result(seen, BY_ENDING',
        (f"{JUDGING}::test_exit_code_0_alone_accepts_nothing",),
        covered_by="broken_answers_are_wrong",
    ),
    Defence(
        "broken_answers_are_wrong",
        "An answer that cannot be decoded is a wrong one, and no failure of ours.",
        JUDGE,
        "except (values.Unfit, RecursionError) as error:",
        "except ZeroDivisionError as error:",
        (f"{JUDGING}::test_a_broken_answer_is_a_wrong_answer[=x]",),
    ),
    Defence(
        "only_the_judges_word",
        "A check passes on the judge's word alone.",
        JUDGE,
        "if seen.passed:",
        'if seen.passed or seen.ending == "returned":',
        (f"{JUDGING}::test_only_the_judges_word_passes_a_check",),
    ),
    Defence(
        "lost_is_lost",
        "One test that met a failure of ours leaves no verdict.",
        JUDGE,
        'if seen.ending == "lost":',
        "if False:",
        (f"{JUDGING}::test_one_lost_test_makes_all_our_failure",),
    ),
    Defence(
        "checker_says_true_or_false",
        "A checker that returns anything else is the problem's failure.",
        JUDGE,
        "if not isinstance(value, bool):",
        "if False:",
        (f"{JUDGING}::test_a_checker_says_true_or_false_and_nothing_else[1]",),
    ),
    Defence(
        "told_is_text",
        "What a submission says of its exception is words, of bounded length.",
        JUDGE,
        "return told_of(told) if isinstance(told, dict) else {}",
        "return told_of(told)",
        (f"{JUDGING}::test_a_broken_exception_fails_its_case_only[![]]",),
    ),
    Defence(
        "messages_are_bounded",
        "No message is longer than 500 characters.",
        JUDGE,
        "        printable(message[:MAX_MESSAGE]),",
        "        printable(message),",
        (f"{JUDGING}::test_messages_are_bounded",),
    ),
    Defence(
        "messages_are_text",
        "A message holds nothing that would spoil the answer to a whole batch.",
        JUDGE,
        'return text if text.isascii() else text.encode("utf-8", "replace").decode()',
        "return text",
        (f"{JUDGING}::test_a_message_is_text_that_every_client_can_read",),
    ),
    Defence(
        "replies_have_one_form",
        "A sandbox that replies with rows of another form is lost, and stops no batch.",
        "reward_server/backends/sandboxed.py",
        "if any([tuple(map(type, row)) not in ROWS or row[0] not in ENDINGS for row in rows]):",
        "if False:",
        ("tests/test_sandboxed.py::test_a_sandbox_that_breaks_its_protocol_is_lost[odd_ending]",),
    ),
    Defence(
        "rest_goes_back",
        "Of jobs that came together none runs in a sandbox that is not proven clean after the one before it.",
        "reward_server/runner/server.py",
        "if enough or not fit or not self.jobs:",
        "if enough or not self.jobs:",
        ("tests/test_runner_server.py::test_where_no_other_job_may_run_the_rest_goes_back",),
    ),
    Defence(
        "none_after_dirt",
        "What a sandbox says of a job that it ran where it was not clean is not believed.",
        "reward_server/backends/sandboxed.py",
        "if left and worn is not None:",
        "if False:",
        ("tests/test_sandboxed.py::test_of_several_jobs_each_gets_its_own_answer_or_none[goes_on_dirty]",),
    ),
    Defence(
        "no_job_is_charged_for_another",
        "A submission that ends its sandbox costs those that came in the same message none of their tries.",
        "reward_server/dispatch.py",
        "                ticket.alone = True",
        "                self._retry_or_end(ticket, lost)\n                continue",
        ("tests/test_together.py::test_a_lost_message_costs_no_ticket_but_the_one_that_loses_its_sandbox_alone",),
    ),
    Defence(
        "sources_can_be_walked",
        "Test code that nests too deep to be looked at is refused, and stops no batch.",
        "tasks/schema.py",
        "    if level:\n        line",
        "    if False:\n        line",
        ("tests/test_schema.py::test_a_source_that_could_not_be_judged_is_refused[deep]",),
    ),
    Defence(
        "whole_output",
        "A prefix of the right output is not the right output.",
        COMPARING,
        "return expected.split() == actual.split()",
        "return all(a == b for a, b in zip(expected.split(), actual.split()))",
        (cheat("no_output", "stdio"),),
    ),
    Defence(
        "not_a_number",
        "NaN is close to no number.",
        COMPARING,
        "    if math.isnan(expected) or math.isnan(actual):\n        return math.isnan(expected) and math.isnan(actual)\n",
        "    if not abs(expected - actual) > tolerance:\n        return True\n",
        ("tests/test_comparing.py::test_tokens_within_a_tolerance[1-nan-1e-06-False]",),
    ),
    Defence(
        "one_type",
        "A value of another type is not equal because its type says so.",
        COMPARING,
        "return type(expected) is type(actual) and bool(expected == actual)",
        "return str(expected) == str(actual)",
        (
            "tests/contract/test_call.py::test_a_wrong_value_is_a_wrong_answer_with_its_reason[embedded-def solve(): return '1'-1-returned '1' where 1 was expected]",
        ),
    ),
    Defence(
        "no_reward_without_verdict",
        "A failure of ours is no reward, and never a 0.",
        REWARDS,
        '    if "sandbox_error" in verdicts:\n',
        "    if False:\n",
        ("tests/test_rewards.py::test_one_failure_of_ours_leaves_no_reward[pass_rate]",),
    ),
    Defence(
        "one_means_all",
        "A reward of 1 means that every test passed, however small its weight.",
        REWARDS,
        "return min(share, math.nextafter(1.0, 0.0))",
        "return share",
        ("tests/test_rewards.py::test_a_weight_too_small_to_matter_still_keeps_the_reward_below_one",),
    ),
    # the server
    Defence(
        "key_holds_the_tests",
        "The same code for other tests is another submission.",
        "reward_server/identity.py",
        '"files", "tests"}',
        '"files"}',
        ("tests/test_problems.py::test_values_that_json_confuses_have_different_digests",),
    ),
    Defence(
        "key_holds_the_limits",
        "So it is under other limits.",
        "reward_server/identity.py",
        '"limits", ',
        "",
        ("tests/test_problems.py::test_what_does_not_decide_a_verdict_does_not_change_the_digest",),
    ),
    Defence(
        "key_holds_the_stop",
        "And where it stops at the first failure.",
        "reward_server/identity.py",
        "bytes([stop])",
        "bytes([0])",
        (f"{SCORING}::test_a_finished_judgement_is_kept",),
    ),
    Defence(
        "our_failure_is_not_kept",
        "A test that met our failure is judged again when it comes again.",
        EVALUATING,
        'if result.verdict == "sandbox_error":',
        "if False:",
        (f"{SCORING}::test_a_test_that_fails_us_twice_is_reported_and_not_kept",),
    ),
    Defence(
        "checker_runs_in_a_clean_slot",
        "A submission that soils its slot is not saved from its checker.",
        EVALUATING,
        "if second is not None and slot.spent:",
        "if False:",
        (f"{SCORING}::test_a_checker_runs_even_after_a_submission_that_soils_its_slot[True]",),
    ),
    Defence(
        "thinking_is_no_code",
        "A block of code within the thinking is not what is judged.",
        "reward_server/extraction.py",
        "completion[completion.rfind(THINK_CLOSE) + len(THINK_CLOSE) :] if THINK_CLOSE in completion else completion",
        "completion",
        ("tests/test_extraction.py::test_thinking_holds_no_code",),
    ),
)
