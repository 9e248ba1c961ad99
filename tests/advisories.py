"""Looks the exact versions of `constraints.txt` up among the known vulnerabilities, by pip-audit.

`python -m tests.advisories`. Exit code 1 when one is known. Where the advisories cannot be had, as without a network,
it says so and ends with 0: no lint may fail for want of a network, and nobody may take that for a look.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

CONSTRAINTS: Final = Path(__file__).resolve().parent.parent / "constraints.txt"
OPTIONS: Final = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "5", "--format", "json")
TIMEOUT_S: Final = 60.0


def main(command: tuple[str, ...] = (sys.executable, "-m", "pip_audit"), timeout_s: float = TIMEOUT_S) -> int:
    """Look and say what was seen. Returns: the exit code."""
    asked = [*command, *OPTIONS, "--requirement", str(CONSTRAINTS)]
    try:
        ran = subprocess.run(asked, capture_output=True, text=True, timeout=timeout_s, check=False)
        packages = json.loads(ran.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return skipped(f"no answer within {timeout_s:g} s")
    except OSError as error:
        return skipped(str(error))
    except (ValueError, KeyError, TypeError):
        return skipped((ran.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])
    return judged(packages)


def judged(packages: list[dict[str, Any]]) -> int:
    known = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for package in packages
        for found in package.get("vulns", ())
    ]
    unseen = sum("skip_reason" in package for package in packages)
    if known:
        print(f"pip-audit: known vulnerabilities in constraints.txt ({len(known)}):", *known, sep="\n  ")  # noqa: T201
        return 1
    if unseen == len(packages):
        return skipped("no package was found among the advisories")
    print(f"pip-audit: no known vulnerability in {len(packages) - unseen} packages; {unseen} could not be looked up")  # noqa: T201
    return 0


def skipped(cause: str) -> int:
    print(f"pip-audit: NOT AUDITED: {cause}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
