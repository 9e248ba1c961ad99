"""What is carried between test and submission besides values."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from tests.defences.defence import Defence

RUNNER = "reward_server/runner"
SCRATCH, MIRRORED, NAMING, GUARDING = (f"{RUNNER}/{name}.py" for name in ("scratch", "mirrored", "naming", "guarding"))


def helps_nobody(row: str) -> str:
    return f"tests/exploits/test_surroundings.py::test_what_is_carried_helps_nobody[embedded-{row}]"


def has_a_verdict(row: str) -> str:
    return f"tests/exploits/test_surroundings.py::test_no_submission_chooses_to_have_no_verdict[embedded-{row}]"


def leads_elsewhere(path: str) -> str:
    return f"tests/test_scratch.py::test_a_path_that_leads_elsewhere_is_refused[{path!r}]"


ROWS = (
    Defence(
        "an_echoed_text_names_no_data_file",
        "A submission cannot have the test name a data file by a text that it gives and gets back.",
        NAMING,
        " or self.is_own_in(path, said)",
        "",
        (
            "tests/test_naming.py::test_a_data_file_is_not_known_by_a_text_of_the_submission_that_holds_its_name[<data.csv>]",
        ),
    ),
    Defence(
        "what_reads_the_source_passes_nothing",
        "A test that looks into the source of the submission, which the judge does not have, gives no reward.",
        "reward_server/runner/judge.py",
        " or self.reads_source",
        "",
        ("tests/reported/test_reported.py::test_each_input_has_its_right_reward[embedded-looking_into_the_source]",),
    ),
    Defence(
        "plain_parts_of_paths",
        "The name of a submission's file is made of plain parts.",
        SCRATCH,
        'any(part in ("", ".", "..") or "\\0" in part for part in parts)',
        "False",
        (leads_elsewhere("."),),
    ),
    Defence(
        "no_link_of_the_test_is_followed",
        "A submission's file is not written through a folder that is a link.",
        SCRATCH,
        "if realpath(folder) != folder:",
        "if not folder:",
        (leads_elsewhere("link/x"),),
    ),
    Defence(
        "unshown_files_stay",
        "A submission replaces no file of the test that it was not shown.",
        SCRATCH,
        "if kind is not None and (path not in self.known or kind != stat.S_IFREG):",
        "if False:",
        ("tests/test_scratch.py::test_what_was_not_shown_can_be_neither_replaced_nor_removed",),
    ),
    Defence(
        "unshown_files_are_not_removed",
        "Nor does it remove one.",
        SCRATCH,
        "        if path not in self.known:\n            return\n",
        "        self.known.setdefault(path, 0)\n",
        ("tests/test_scratch.py::test_what_was_not_shown_can_be_neither_replaced_nor_removed",),
    ),
    Defence(
        "only_named_files_are_shown",
        "A submission reads a file of the test only once the test has named it.",
        MIRRORED,
        '        here = getcwd()\n        return whole.startswith(f"{here}/") and',
        '        here = getcwd()\n        return True or whole.startswith(f"{here}/") and',
        (helps_nobody("files_expected_file_copied"),),
    ),
    Defence(
        "data_files_are_named_first",
        "A data file of the problem, which may hold what is expected, is shown only once the test has named it.",
        MIRRORED,
        "if self.names.is_told(whole) or whole in self.names.own:",
        "if self.names.is_told(whole):",
        (helps_nobody("files_data_file_not_named"),),
    ),
    Defence(
        "names_of_the_submission_do_not_count",
        "The test does not name a file by saying what the submission said.",
        NAMING,
        "        self.told |= {path for path in found if not self.is_closed(path)}\n",
        "        self.told |= found\n",
        (
            helps_nobody("hidden_files_echoed_with_a_slash"),
            helps_nobody("hidden_files_echoed_folder_of_golden"),
            helps_nobody("hidden_files_name_joined_by_the_test"),
        ),
    ),
    Defence(
        "folders_of_all_files_are_not_shown_whole",
        "To name the folder of temporary files shows none of them.",
        NAMING,
        "        while folder not in WHOLE:\n",
        "        while folder != scratch.ROOT:\n",
        (helps_nobody("hidden_files_temporary_folder_named_by_the_environment"),),
    ),
    Defence(
        "hidden_files_are_not_opened_for_it",
        "A callback of the test neither reads nor writes what the submission names and was not shown.",
        MIRRORED,
        "        if self.names.is_kept(path):\n",
        "        if False:\n",
        (
            helps_nobody("callbacks_and_files_callback_given_the_name_of_expected"),
            helps_nobody("callbacks_that_open_files_callback_walk"),
            helps_nobody("callbacks_that_open_files_callback_glob_write"),
        ),
    ),
    Defence(
        "no_file_is_compared_with_itself",
        "A path of a hidden file, given as that of an output, fails the test.",
        MIRRORED,
        "        if path in self.names.given:\n",
        "        if False:\n",
        (helps_nobody("hidden_files_golden_compared_with_itself"), helps_nobody("hidden_files_filecmp")),
    ),
    Defence(
        "coroutines_open_nothing_either",
        "What the submission awaits of the test is done on its behalf.",
        f"{RUNNER}/exports.py",
        "            value = await self.awaited(operation, self.wall.exported[number])\n",
        "            self.wall.serving -= 1\n            value = await self.awaited(operation, self.wall.exported[number])\n            self.wall.serving += 1\n",
        (helps_nobody("callbacks_that_open_files_coroutine_reads_the_test"),),
        "root",
    ),
    Defence(
        "channels_are_closed_to_the_test",
        "No function of the library writes to the judge's channels for the test or the submission.",
        GUARDING,
        "        setattr(os, name, closed(getattr(os, name), slice(count), is_channel))\n",
        "        pass\n",
        (
            helps_nobody("channels_of_the_judge_descriptors_written_by_the_test"),
            has_a_verdict("channels_of_the_judge_descriptor_returned"),
        ),
    ),
    Defence(
        "no_process_is_started_for_it",
        "A callback of the test runs no command for the submission.",
        GUARDING,
        "        elif event in STARTING and wall.serving:\n",
        "        elif event is None:\n",
        (helps_nobody("callbacks_that_open_files_callback_system"),),
    ),
    Defence(
        "unread_files_blame_no_test",
        "A file of the submission that a test does not take is the test's fault only if the test looks for it.",
        MIRRORED,
        "            if len(self.withheld) > scratch.MOST_FILES:\n",
        "            self.misses()\n            if len(self.withheld) > scratch.MOST_FILES:\n",
        (has_a_verdict("filled_folders_pickle_of_the_test_overwritten"),),
    ),
    Defence(
        "what_the_reference_does_not_need_is_no_fault",
        "Where the reference needed no file carried to the test, to write one is the submission's failure.",
        f"{RUNNER}/evidence.py",
        "        if not self.calibrated:\n",
        "        if True:\n",
        (has_a_verdict("filled_folders_pickle_read_again_overwritten"),),
    ),
    Defence(
        "files_of_the_submission_are_its_own",
        "A submission that fills the test's folder has failed, and not the test.",
        SCRATCH,
        "                count += path not in self.received\n",
        "                count += 1\n",
        (has_a_verdict("filled_folders_many_files_494"),),
    ),
    Defence(
        "no_links_are_carried",
        "A link of the submission is no file of the test.",
        SCRATCH,
        "elif entry.is_file(follow_symlinks=False):\n                    yield path, entry.stat(follow_symlinks=False)",
        "elif entry.is_file():\n                    yield path, entry.stat()",
        ("tests/test_scratch.py::test_links_and_fifos_are_not_carried",),
    ),
    Defence(
        "nothing_runs_what_a_file_says",
        "A test that may run what a file says gets no file of the submission.",
        MIRRORED,
        "        if self.takes:\n",
        "        if True:\n",
        ("tests/exploits/test_surroundings.py::test_a_pickle_of_the_submission_is_not_read[embedded]",),
    ),
    Defence(
        "own_files_are_not_opened_for_them",
        "What the test has put in the place of `open` does not read the test's own files for the submission.",
        GUARDING,
        "for place in places if wall.serving else ():",
        "for place in ():",
        (helps_nobody("patches_open_of_the_test_reads_no_test_file"),),
        "root",
    ),
    Defence(
        "submodules_are_the_judges",
        "A module that the submission defines under a library's name checks nothing.",
        f"{RUNNER}/submodules.py",
        "        held = getattr(own, name)\n        if not isinstance(held, types.ModuleType):\n            return held\n",
        '        held = getattr(own, name)\n        if not isinstance(held, types.ModuleType):\n            return wall.decode(wall.ask("get", number, name))\n',
        (helps_nobody("modules_math_of_the_submission_is_not_asked"),),
    ),
    Defence(
        "no_object_comes_with_a_warning",
        "No object of the submission arrives as an argument of a warning.",
        f"{RUNNER}/replayed.py",
        "        values.decode(arguments)\n",
        "        pass\n",
        ("tests/exploits/test_surroundings.py::test_no_object_arrives_with_a_warning",),
    ),
)
