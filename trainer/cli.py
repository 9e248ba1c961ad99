"""The console script `passrate`: what users type, and which module answers.

Promises: a wrong option, a wrong value or a missing file is one line on stderr and exit code 2; other failures that we
foresee are one line and exit code 1. A command's module is imported only when that command runs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.parser import (
    OneLineParser,
    UsageError,
    fail,
    meant,
    seconds,
    server_url,
    share,
    temperature,
    whole_number,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "serve": ("trainer.serve", "start the reward server"),
    "keys": ("trainer.keys", "make, list and remove the keys that open a server"),
    "score": ("trainer.score", "judge completions made elsewhere"),
    "validate": ("trainer.validate", "check that references pass and wrong solutions do not"),
    "explain": ("trainer.explain", "judge one submission and show everything: why is this 0?"),
    "audit": ("trainer.audit", "find weak tests: those that accept programs written to be wrong"),
    "run": ("trainer.run", "run one program in the sandbox"),
    "eval": ("trainer.evaluate", "pass@k of a model, or of completions, on a problem set"),
    "train": ("trainer.train", "train a model by GRPO; takes TRL's options and --config FILE.yaml"),
    "demo": ("trainer.demo", "train a tiny model on this machine, with nothing from a hub"),
    "images": ("trainer.images", "build the images of the Docker backend: passrate images build"),
    "doctor": ("trainer.doctor", "what this machine can do, and how to fix what it cannot"),
}
SOURCES = "bundled, humaneval:PATH, mbpp:PATH, leetcode:PATH, or a .jsonl or .jsonl.gz file of problems"
OWN_PARSER = {"train"}
"""Commands that read their options themselves."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns: its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    command = words[0] if words else ""
    if command and not command.startswith("-") and command not in COMMANDS:
        fail("passrate", f"{command}: no such command; {meant(command, COMMANDS)}")
    try:
        if command in OWN_PARSER:
            code: int = importlib.import_module(COMMANDS[command][0]).main(words[1:])
        else:
            arguments = build_parser().parse_args(words)
            code = importlib.import_module(COMMANDS[arguments.command][0]).main(arguments)
    except UsageError as error:
        fail(f"passrate {command}", error)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("reward_server", "tasks", "trainer"):
            raise
        fail(f"passrate {command}", f"{error.name} is not installed: pip install 'passrate[train]'", 1)
    except KeyboardInterrupt:
        fail(f"passrate {command}", "stopped", 130)
    except Exception as error:
        if not isinstance(error, foreseen()):
            raise
        fail(f"passrate {command}", error, 1)
    return code


def foreseen() -> tuple[type[Exception], ...]:
    """Return the errors whose message is all that users need. They are imported only once something failed."""
    return (
        importlib.import_module("trainer.client").RewardClientError,
        importlib.import_module("trainer.local_server").LocalServerFailed,
        importlib.import_module("reward_server.errors").RewardServerError,
    )


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="passrate", description="The judge for training coding models.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    made = {name: commands.add_parser(name, help=what, allow_abbrev=False) for name, (_, what) in COMMANDS.items()}
    _serve_options(made["serve"])
    _keys_options(made["keys"])
    _score_options(made["score"])
    _validate_options(made["validate"])
    _explain_options(made["explain"])
    _audit_options(made["audit"])
    _run_options(made["run"])
    _eval_options(made["eval"])
    _demo_options(made["demo"])
    _images_options(made["images"])
    _doctor_options(made["doctor"])
    return parser


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Start the reward server. Every setting is also an environment variable PASSRATE_<SETTING>."
    parser.add_argument("--host", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen on (8000)")
    _add_backend(parser, default=None)
    parser.add_argument("--slots", type=whole_number, metavar="N", help="programs that run at once (one per core)")
    parser.add_argument("--problems", metavar="SRC", help=f"problem sets to hold, by comma: {SOURCES} (bundled)")
    parser.add_argument(
        "--api-keys-file",
        type=Path,
        metavar="FILE",
        help="ask for a key: one of those that `passrate keys` wrote there",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)


def _keys_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    told = {"add": "make a key and print it, once", "list": "show names and limits", "remove": "shut a key out"}
    for name, what in told.items():
        action = actions.add_parser(name, help=what, allow_abbrev=False)
        if name != "list":
            action.add_argument("name", metavar="NAME", help="whose key it is")
        action.add_argument("--file", type=Path, metavar="FILE", help="the keys (PASSRATE_API_KEYS_FILE)")
        if name == "add":
            action.add_argument("--max-queued", type=whole_number, metavar="N", help="submissions that may wait")
            action.add_argument("--max-requests", type=whole_number, metavar="N", help="requests in flight")


def _score_options(parser: argparse.ArgumentParser) -> None:
    _add_problems(parser)
    parser.add_argument(
        "--completions",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSONL with a row for each completion: problem, and completion or code",
    )
    parser.add_argument("--reward", choices=("pass_rate", "all_passed", "weighted"), default="pass_rate")
    parser.add_argument("--detail", choices=("none", "tests", "output"), default="none", help="what the JSON holds")
    parser.add_argument(
        "--pass-rates",
        type=Path,
        metavar="FILE",
        help="write each problem's rates as JSONL: `passrate train` filters by it",
    )
    _add_judging(parser)
    _add_server(parser)
    _add_json(parser)


def _validate_options(parser: argparse.ArgumentParser) -> None:
    _add_problems(parser)
    parser.add_argument(
        "--fix",
        action="store_true",
        help="write into the JSONL file what the references show to be needed (isolation: shared, wider limits)",
    )
    parser.add_argument(
        "--runs", type=whole_number, default=5, metavar="N", help="of each reference, to find flaky tests (5)"
    )
    _add_server(parser)
    _add_json(parser)


def _explain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a completion, or a program where it ends in .py; - for stdin"
    )
    _add_problems(parser)
    parser.add_argument("--problem", metavar="ID", help="which of the problems (the only one)")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--code", dest="kind", action="store_const", const="code", help="FILE is a program")
    kinds.add_argument(
        "--completion", dest="kind", action="store_const", const="completion", help="FILE is what a model wrote"
    )
    _add_judging(parser)
    _add_server(parser)
    _add_json(parser)


def _audit_options(parser: argparse.ArgumentParser) -> None:
    _add_problems(parser)
    parser.add_argument(
        "--min-strength", type=share, metavar="X", help="exit with 1 where a strength is below X, or unknown"
    )
    _add_server(parser)
    _add_json(parser)


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a Python program")
    parser.add_argument("--stdin", type=Path, metavar="FILE", help="what it reads from stdin; - for this one's")
    parser.add_argument("--cpu-s", type=seconds, metavar="S", help="its limit of CPU seconds")
    parser.add_argument("--wall-s", type=seconds, metavar="S", help="its limit of seconds")
    parser.add_argument("--memory-mb", type=whole_number, metavar="N", help="its limit of memory")
    _add_server(parser)


def _eval_options(parser: argparse.ArgumentParser) -> None:
    _add_problems(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--model", metavar="PATH", help="a folder with a causal language model, or a hub's name for one"
    )
    source.add_argument("--completions", type=Path, metavar="FILE", help="JSONL as for `passrate score`")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="PATH",
        help="what to compare with: another model's folder, another JSONL, or what --json wrote before",
    )
    parser.add_argument(
        "--k", type=whole_numbers, metavar="K,..", help="the k of pass@k, by comma (those of 1,5,10 that samples allow)"
    )
    parser.add_argument("--limit", type=whole_number, metavar="N", help="take only the first N problems")
    parser.add_argument("--engine", choices=("auto", "transformers", "vllm"), default="auto", help="what draws (auto)")
    parser.add_argument("--samples", type=whole_number, metavar="N", help="per problem (10; at temperature 0: 1)")
    parser.add_argument("--temperature", type=temperature, default=0.8, metavar="T", help="0 is greedy (0.8)")
    parser.add_argument("--top-p", type=share, default=0.95, metavar="P", help="(0.95)")
    parser.add_argument("--max-new-tokens", type=whole_number, default=512, metavar="N", help="(512)")
    parser.add_argument("--batch-size", type=whole_number, default=16, metavar="N", help="(16)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(0)")
    parser.add_argument("--save-completions", type=Path, metavar="FILE", help="write what --model draws, as JSONL")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw all of it")
    _add_judging(parser)
    _add_server(parser)
    _add_json(parser)


def _demo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(0)")
    parser.add_argument("--steps", type=whole_number, metavar="N", help="steps of training")
    parser.add_argument("--control", action="store_true", help="train on random rewards: then nothing may be learnt")
    parser.add_argument(
        "--out", type=Path, default=Path("demo-out"), metavar="DIR", help="for plot and report (demo-out)"
    )
    parser.add_argument(
        "--url", type=server_url, help="a server to use; without it one is started here and ended again"
    )


def _images_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="build what is missing or out of date", allow_abbrev=False)
    build.add_argument("images", nargs="*", metavar="IMAGE", help="passrate-python:latest, passrate-python:slim (both)")
    build.add_argument(
        "--base",
        default="debian:trixie-slim",
        metavar="TAG|FILE",
        help="the image to build on, by name, by name@digest, or from a tar archive (debian:trixie-slim)",
    )
    build.add_argument("--ca", type=Path, metavar="FILE", help="certificates in PEM that the build is to trust")
    build.add_argument("--network", metavar="MODE", help="Docker's network for the build, such as host")
    build.add_argument("--verbose", action="store_true", help="show all that the build prints")


def _doctor_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--attack", action="store_true", help="run hostile programs here, and see whether the sandbox holds (a minute)"
    )
    _add_backend(parser, default=None)


def _add_problems(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--problems", required=True, metavar="SRC", help=SOURCES)


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        type=server_url,
        default=os.environ.get("PASSRATE_URL") or None,
        help="a server to use (PASSRATE_URL); without it one is started here and ended again",
    )
    parser.add_argument("--deadline", type=seconds, default=3600.0, metavar="S", help="seconds in all (3600)")
    _add_backend(parser, default="auto")
    parser.set_defaults(api_key=os.environ.get("PASSRATE_API_KEY") or None)


def _add_backend(parser: argparse.ArgumentParser, *, default: str | None) -> None:
    parser.add_argument(
        "--backend", choices=("auto", "embedded", "docker"), default=default, help="what isolates programs (auto)"
    )


def _add_judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unfenced",
        choices=("no_code", "code"),
        default="no_code",
        help="what a completion without a fenced block is: no code, or code if all of it is Python (no_code)",
    )
    parser.add_argument(
        "--min-assurance",
        choices=("values", "objects", "shared"),
        default="shared",
        help="no reward from problems whose results rest on less (shared: all have one)",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the outcome as JSON; - for stdout")


if __name__ == "__main__":
    sys.exit(main())
