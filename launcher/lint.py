"""``./run lint``: ruff, mypy and robocop over everything that is ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from launcher.console import LaunchError, say, verdict
from launcher.paths import ROOT
from launcher.workers import die_with_parent, environment

_OWN = ("launcher", "libraries", "services", "defects", "bench")
_TESTS = sorted({str(path.parent.relative_to(ROOT)) for path in (ROOT / "tests").glob("*/*.py")})
_TOOLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ruff": (("ruff", "check", "--quiet", *_OWN, "tests"),),
    "format": (("ruff", "format", "--check", "--quiet", *_OWN, "tests"),),
    # A folder of tests is its own import root, as it is for pytest.
    "mypy": tuple(("mypy", "--no-error-summary", *folders) for folders in (_OWN, *((folder,) for folder in _TESTS))),
    "robocop": (("robocop", "check", "suites", "resources"),),
    "docs": (("launcher", "docs", "--check"),),
}


def main(argv: Sequence[str]) -> int:
    """Run the named tools (all where none is named); 1 where one found something."""
    return 1 if failed(argv) else 0


def failed(names: Sequence[str]) -> list[str]:
    """Run the tools (all where none is named), show what they found, and return those that found something."""
    if wrong := [name for name in names if name not in _TOOLS]:
        raise LaunchError(f"There is no linter {wrong[0]!r}; there are {', '.join(_TOOLS)}.")
    return [name for name in names or _TOOLS if not _clean(name)]


def _clean(name: str) -> bool:
    outputs = [output for command in _TOOLS[name] if (output := _complaint(command)) is not None]
    say(f"{verdict('FAIL' if outputs else 'PASS', 5)} {name}")
    for output in outputs:
        say(output)
    return not outputs


def _complaint(command: Sequence[str]) -> str | None:
    """What the tool said where it was not content."""
    tool = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment({"MYPYPATH": command[-1]}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=die_with_parent(),
    )
    output, _ = tool.communicate()
    return (output.rstrip() or f"{command[0]} ended with {tool.returncode}") if tool.returncode else None
