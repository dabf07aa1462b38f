"""Keywords proved from outside: an inner Robot suite runs in its own process; its verdicts and messages are read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from robot.api import ExecutionResult

ROOT = Path(__file__).resolve().parents[2]
INNER = ROOT / "tests" / "atest"
_BUSY = re.compile(
    r"UNKNOWN: (?P<failure>.*?)[.;\n]*\s*the machine was busy: [^\n]* waiting for a processor", re.DOTALL
)


@dataclass(frozen=True)
class InnerRun:
    """What an inner run left behind: ``verdicts`` is test name → (status, message)."""

    verdicts: Mapping[str, tuple[str, str]]
    directory: Path
    console: str
    returncode: int

    @property
    def output(self) -> str:
        return (self.directory / "output.xml").read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        return (self.directory / "log.html").read_text(encoding="utf-8")

    def message(self, test: str) -> str:
        return self.verdicts[test][1]

    def all_as_declared(self) -> None:
        """Each test's documentation says its verdict: ``PASS``, or ``FAIL`` and the message, ``*`` for anything.

        A failure that a busy machine made UNKNOWN is the declared one, too: its words, and what the machine did.
        """
        import fnmatch

        wrong = []
        for test in ExecutionResult(self.directory / "output.xml").suite.all_tests:
            status, _, message = test.doc.partition(" ")
            wanted = message.strip() if status == "FAIL" else ""
            escaped = "".join(f"[{sign}]" if sign in "[?" else sign for sign in wanted)
            matches = [
                fnmatch.fnmatchcase(said, escaped) for said in (test.message, _as_on_a_quiet_machine(test.message))
            ]
            if test.status != (status or "PASS") or not any(matches):
                wrong.append(f"{test.name}\n  wanted {status} {wanted}\n  got    {test.status} {test.message}")
        assert not wrong, "\n".join(wrong)


def _as_on_a_quiet_machine(message: str) -> str:
    busy = _BUSY.fullmatch(message)
    return busy["failure"] if busy else message


def run_inner(
    suite: Path, directory: Path, *arguments: str, variables: Mapping[str, str] | None = None, **env: str
) -> InnerRun:
    """Runs ``suite`` with robot, output in ``directory``; the libraries are found as in a foreign project."""
    chosen = [part for name, value in (variables or {}).items() for part in ("--variable", f"{name}:{value}")]
    command = [sys.executable, "-m", "robot", "--pythonpath", str(ROOT / "libraries"), "--outputdir", str(directory)]
    done = subprocess.run(
        [*command, *chosen, *arguments, str(suite)],
        capture_output=True,
        text=True,
        check=False,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("LOCKSTEP_")}, **env},
        cwd=directory,
    )
    assert (directory / "output.xml").exists(), done.stdout + done.stderr
    tests = ExecutionResult(directory / "output.xml").suite.all_tests
    verdicts = {test.name: (test.status, test.message) for test in tests}
    return InnerRun(verdicts, directory, done.stdout + done.stderr, done.returncode)
