"""What crosses the wire, contract 2: requests are frozen and closed, answers say what stands in them.

Requests are validated with these models. Answers are built as plain JSON (see `scoring`), and the models of answers
here are their documentation; a test holds the two together.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag, model_validator

from reward_server.errors import BadRequest  # noqa: TC001 pydantic reads it
from reward_server.extraction import Unfenced  # noqa: TC001 pydantic reads it
from reward_server.rewards import Scheme  # noqa: TC001 pydantic reads it
from reward_server.suspicion import Suspicion  # noqa: TC001 pydantic reads it
from reward_server.verdicts import Verdict  # noqa: TC001 pydantic reads it
from tasks.assurance import Assurance  # noqa: TC001 pydantic reads it
from tasks.schema import FILE_NAME, MAX_SOURCE_CHARS, Closed, Difficulty, Limits, Problem

CONTRACT: Final = 2
"""Counts up when a field goes or means something else; new fields leave it as it is."""

Detail = Literal["none", "tests", "output"]
"""`none`: no tests. `tests`: what became of each. `output`: with what the program printed in each."""

PROBLEM_ID: Final = r"^[^\s\p{C}]([^\p{C}]*[^\s\p{C}])?$"
"""Of stored problems: no control characters, and no space around it."""
Deadline = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]

SMALLEST_PROBLEM: Final = b'{"tests":{"kind":"stdio","cases":[{"stdout":""}]}}'
SMALLEST_SUBMISSION: Final = b'{"problem":"","code":""}'

INLINE_EXAMPLE: dict[str, Any] = {
    "language": "python",
    "entry_point": "add",
    "limits": {"cpu_s": 5, "memory_mb": 512},
    "tests": {"kind": "call", "cases": [{"args": [1, 2], "expected": 3}, {"args": [-1, 1], "expected": 0}]},
}


class TextBlock(BaseModel, frozen=True, extra="ignore"):
    """One block of a message. Only those of type `text` are read."""

    type: str = "text"
    text: str = ""


class ChatMessage(BaseModel, frozen=True, extra="ignore"):
    """One message of a completion.

    Chat templates and APIs add keys of their own (tool calls, reasoning): they say nothing about the code.
    """

    role: str = Field(max_length=100)
    content: str | tuple[TextBlock, ...] | None = None


def _kind_of_completion(value: Any) -> str:
    return "messages" if isinstance(value, list | tuple) else "text"


Completion = Annotated[
    Annotated[str, Tag("text")] | Annotated[tuple[ChatMessage, ...], Field(min_length=1), Tag("messages")],
    Discriminator(_kind_of_completion),
]


class Submission(Closed):
    """One program to judge. Give either `completion` or `code`."""

    problem: str
    """The key of an inline problem, or the id of a stored one."""
    completion: Completion | None = None
    """What the model wrote, as text or as chat messages. A fenced block of its answer holds the code."""
    code: str | None = None
    """The program itself."""

    @model_validator(mode="after")
    def _one_program(self) -> Submission:
        if (self.completion is None) == (self.code is None):
            raise ValueError("give either `completion` or `code`")
        return self

    def completion_text(self) -> str:
        """Return the text of the completion: of chat messages, that of the last one of the assistant."""
        if self.completion is None or isinstance(self.completion, str):
            return self.completion or ""
        last = next((message for message in reversed(self.completion) if message.role == "assistant"), None)
        content = last.content if last else None
        if isinstance(content, tuple):
            return "".join(block.text for block in content if block.type == "text")
        return content or ""


class ScoreRequest(Closed):
    """A batch: each problem once, and any number of submissions that name them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "problems": {"p1": INLINE_EXAMPLE},
                    "submissions": [
                        {"problem": "p1", "completion": "```python\ndef add(a, b):\n    return a + b\n```"},
                        {"problem": "p1", "code": "def add(a, b): return a - b"},
                    ],
                    "reward": "pass_rate",
                    "detail": "tests",
                }
            ]
        }
    )

    PIECES: ClassVar = {"problems": (Problem, SMALLEST_PROBLEM), "submissions": (Submission, SMALLEST_SUBMISSION)}
    """Fields whose values are checked one by one in a large body, each with the smallest JSON that is right."""
    SPARED: ClassVar = "problems"
    """A field of which one wrong value does not refuse the others."""

    problems: dict[str, Problem] = Field(default={})
    """Inline problems by the name that submissions use for them."""
    submissions: tuple[Submission, ...] = Field(min_length=1)
    reward: Scheme = "pass_rate"
    stop_on_failure: bool = False
    """Skip the tests after the first that does not pass. They count as not passed."""
    unfenced: Unfenced = "no_code"
    """What a completion without a fenced block is: `no_code`, or `code`, the program, if all of it parses as Python."""
    detail: Detail = "tests"
    strict: bool = False
    """Refuse the whole request for a wrong problem. Without it, its submissions have no reward and `error` says why."""
    min_assurance: Assurance = "shared"
    """No reward for submissions to problems whose results rest on less; they are not run, once that is known. For a
    problem with a reference its run decides."""
    _refused: dict[str, tuple[str, str]] = PrivateAttr(default_factory=dict)

    @property
    def refused(self) -> dict[str, tuple[str, str]]:
        """Problems that are wrong, by name: which field, and what to do about it."""
        return self._refused

    def refuse(self, name: str, error: BadRequest) -> None:
        """Go on without a problem. Raises: its error, where the request is strict."""
        self._refused[name] = error.field, error.message
        if self.strict:
            raise error

    deadline_s: Deadline = None
    """Seconds after which what has no verdict is answered with `reward: null`; the server may give less."""


class TestReport(BaseModel):
    """One test of one submission."""

    __test__ = False  # not a test class of pytest

    verdict: Verdict
    weight: float
    name: str
    cpu_s: float
    wall_s: float
    memory_bytes: int
    message: str
    """Why it did not pass, in words."""
    stdout: str
    """Empty unless `detail` is `output`."""
    stderr: str
    checks: int
    """Comparisons that decided this test, the one that failed included; 0 where it came to none."""
    score: float
    """What it earns, from 0 to 1: 1 if it passed. A checker may give points to a test that did not pass."""


class CalibrationReport(BaseModel):
    """What the reference of a problem has shown. It is run once, before the first submission."""

    assurance: Assurance
    """What the tests need. With `shared` no submission is run: set `isolation: shared` in the tests."""
    unreached: list[str]
    """Asserts that the reference does not reach, by their lines. They do not count."""
    cpu_s: float
    """Processor seconds of the reference, its loading and all tests together."""
    fault: str
    """Why the reference cannot be used, or that it does not always pass; the problem is judged as if it had none."""


class ScoreResult(BaseModel):
    """What is said of one submission."""

    reward: float | None
    """Null where no verdict could be had: our failure, never the program's."""
    pass_rate: float | None
    passed: int
    total: int
    verdict: Verdict
    """That of the first test that did not pass."""
    message: str
    """Why that test did not pass, in words, and what was taken of a completion that can be read in several ways."""
    tests: list[TestReport]
    code: str | None
    """The program that was judged, as it was found in the completion. Null where there was none, and unless `detail` is
    `output`."""
    cpu_s: float
    """Processor seconds of all tests."""
    queue_s: float
    """Seconds spent waiting for a slot."""
    cached: bool
    """Judged earlier, for an identical submission."""
    assurance: Assurance
    """What the result rests on. `values`: only plain values crossed between test and submission. `objects`: objects of
    the submission's classes answered questions. `shared`: both ran in one process, as the problem asks."""
    suspicion: list[Suspicion]
    """Signs that it tried to cheat, from its text and its ending: to be counted. They never change the reward."""
    calibration: CalibrationReport | None
    """Null if the problem has no reference or has `isolation: shared`, before the reference has run, and with `detail`
    `none` unless it has a `fault`."""
    error: str | None
    """Why there is no reward."""


class ScoreResponse(BaseModel):
    """One result for each submission, in their order."""

    results: list[ScoreResult]


class IndexedResult(ScoreResult):
    """One line of a streamed answer."""

    index: int
    """The place of the submission in the request."""


class RunRequest(Closed):
    """One program to run, without judging."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "print(sum(map(int, input().split())))", "stdin": "1 2"}]}
    )

    code: str = Field(max_length=MAX_SOURCE_CHARS)
    language: Literal["python"] = "python"
    stdin: str = ""
    args: tuple[Annotated[str, Field(max_length=4096)], ...] = Field(default=(), max_length=100)
    """What the program finds in `sys.argv[1:]`."""
    files: dict[Annotated[str, Field(pattern=f"^{FILE_NAME.pattern}$")], str] = Field(default={}, max_length=100)
    """Text by file name, in the program's working folder."""
    limits: Limits = Limits()
    deadline_s: Deadline = None
    """Seconds after which the answer is a 503, queueing included; the server may give less."""


class RunResponse(BaseModel):
    """What was seen of one run."""

    ending: Literal["exited", "signaled", "raised", "cpu", "wall", "memory", "output"]
    """`raised`: it did not compile. `cpu`, `wall`, `memory`, `output`: ended at that limit."""
    exit_code: int | None
    signal: int | None
    stdout: str
    stderr: str
    message: str
    cpu_s: float
    wall_s: float
    memory_bytes: int
    queue_s: float


class PutProblems(Closed):
    """Problems to store, each under its id."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"problems": {"mine/add": INLINE_EXAMPLE}}]})

    PIECES: ClassVar = {"problems": (Problem, SMALLEST_PROBLEM)}

    problems: dict[Annotated[str, Field(max_length=200, pattern=PROBLEM_ID)], Problem] = Field(min_length=1)


class StoredProblems(BaseModel):
    """What was stored."""

    stored: int
    """New or replaced by this request."""
    total: int
    """Stored problems in all, those that came with the server not counted."""


class ProblemSummary(BaseModel):
    """A stored problem in brief."""

    id: str
    language: str
    kind: Literal["stdio", "call", "asserts", "pytest"]
    entry_point: str | None
    cases: int | None
    """Number of cases; null for `asserts` and `pytest`, whose tests are counted when they run."""
    tags: list[str]
    difficulty: Difficulty | None


class ProblemPage(BaseModel):
    """A page of the list of stored problems, by id."""

    problems: list[ProblemSummary]
    total: int
    """How many match in all."""
    next_offset: int | None
    """Where the next page begins; null on the last one."""


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    contract: int
    """The version of the wire contract that this server speaks."""


class ErrorBody(BaseModel):
    """What went wrong."""

    type: str
    """A fixed name: bad_request, not_json, unknown_problem, too_large, unauthorized, foreign_page, overloaded,
    sandbox_lost, backend_unavailable, stopping, not_found, method_not_allowed, internal_error."""
    field: str | None
    """The path of the field that is wrong, such as `submissions[3].problem`."""
    message: str
    """What is wrong and how to mend it."""
    request_id: str
    """As in the header `x-request-id`, and in the server's log."""


class ErrorResponse(BaseModel):
    """Every answer that is not a 2xx has this shape."""

    error: ErrorBody
