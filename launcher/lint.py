"""``./run lint``: find mistakes of form: ruff, mypy, robocop and the project's own rules.

Tests' ids and all names are judged by the rules of ``lint/``, which robocop runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from launcher import interrupts
from launcher.console import LaunchError, did_you_mean, say, verdict
from launcher.ended import Ended
from launcher.parsing import Parser
from launcher.paths import ROOT
from launcher.workers import environment

_PYTHON = ("launcher", "libraries", "services", "defects", "mutation", "bench", "tests", "lint")
_TOOLS: dict[str, tuple[str, ...]] = {
    "ruff": ("ruff", "check", "--quiet", *_PYTHON),
    "format": ("ruff", "format", "--check", "--quiet", *_PYTHON),
    "mypy": ("mypy", "--no-error-summary", *_PYTHON),
    "robocop": ("robocop", "check", "suites", "resources", "--no-cache", "--custom-rules", "lint/rules.py"),
    "names": ("lint",),
    "deploy": ("lint.deploy",),
    "docs": ("launcher", "docs", "--check"),
}


def conduct(argv: Sequence[str]) -> Ended:
    """Run the named tools (all where none is named), or lower ``lint/sentences.yaml``; 1 where one found something."""
    parser = Parser(prog="./run lint", description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"{', '.join(_TOOLS)}; all where none is named")
    parser.add_argument("--shrink", action="store_true", help="take out of lint/sentences.yaml what is proved by now")
    asked = parser.parse_args(argv)
    if asked.shrink:
        code = interrupts.wait(interrupts.start([sys.executable, "-m", "lint", "--shrink"], cwd=ROOT))
        return Ended(code, f"exit code {code}")
    found = failed(asked.tools)
    judged = len(asked.tools) or len(_TOOLS)
    return Ended(1 if found else 0, f"{judged} linters, {len(found)} found something", tuple(found))


def failed(names: Sequence[str]) -> list[str]:
    """Run the tools (all where none is named), show what they found, and return those that found something."""
    if wrong := [name for name in names if name not in _TOOLS]:
        raise LaunchError(
            f"There is no linter {wrong[0]!r}.{did_you_mean(wrong[0], _TOOLS)} There are {', '.join(_TOOLS)}."
        )
    return [name for name in names or _TOOLS if not _clean(name)]


def _clean(name: str) -> bool:
    tool = interrupts.output([sys.executable, "-m", *_TOOLS[name]], cwd=ROOT, env=environment({}))
    output = tool.stdout
    say(f"{verdict('FAIL' if tool.returncode else 'PASS', 5)} {name}")
    if tool.returncode:
        say(output.rstrip() or f"it ended with {tool.returncode}")
    elif name == "deploy" and output:
        say(output.rstrip())
    return tool.returncode == 0
