"""What is carried between test and submission besides values."""

# ruff: noqa: E501 - names of tests

from __future__ import annotations

from tests.defences.defence import Defence

RUNNER = "reward_server/runner"
SCRATCH, MIRRORED, PARTS, GUARDING = (
    f"{RUNNER}/{name}.py" for name in ("scratch", "mirrored", "mirrored_parts", "guarding")
)


def helps_nobody(row: str) -> str:
    return f"tests/exploits/test_surroundings.py::test_what_is_carried_helps_nobody[embedded-{row}]"


def leads_elsewhere(path: str) -> str:
    return f"tests/test_scratch.py::test_a_path_that_leads_elsewhere_is_refused[{path!r}]"


ROWS = (
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
        "        if path in self.own:\n            return False\n",
        "",
        (helps_nobody("files_data_file_not_named"),),
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
        "if event in GUARDED and wall.serving:",
        "if event is None:",
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
