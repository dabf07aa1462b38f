"""``./run evidence``: write a report for auditors, as HTML, JSON and CSV, with hashes.

Which session data is kept where and for how long, what a deletion erases, whether retention is applied, and who did
what are read from the stores of a platform that is started for it. Which test speaks for which control of SOC 2, ISO
27001 and ASVS, and against which threat of RFC 9700 and RFC 8725, is taken from the newest run. What
variables/evidence.yaml does not declare is reported, and the exit code is 1; so it is where a test of a control failed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from PlatformLibrary.embedded.client import start_host
from PlatformLibrary.embedded.errors import PlatformError

from launcher.console import LaunchError, say, verdict
from launcher.ended import Ended
from launcher.evidence import report
from launcher.evidence.controls import Spoken, spoken, summary
from launcher.evidence.life import ENVIRONMENT, Life
from launcher.parsing import Parser
from launcher.paths import RESULTS, ROOT

DECLARED = ROOT / "variables" / "evidence.yaml"


def conduct(argv: Sequence[str]) -> Ended:
    """Make the report; 1 where something is not declared, not erased, not recorded, or has failed."""
    results = Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS)
    parser = Parser(prog="./run evidence", description=__doc__)
    parser.add_argument("--run", type=Path, default=results / "latest", metavar="DIR",
                        help="the run whose verdicts are reported (results/latest)")  # fmt: skip
    parser.add_argument("--out", type=Path, default=results / "evidence", metavar="DIR",
                        help="where the report goes (results/evidence)")  # fmt: skip
    asked = parser.parse_args(argv)
    run, declared = summary(asked.run), yaml.safe_load(DECLARED.read_text("utf-8"))
    controls, threats = spoken(declared["controls"], run), spoken(declared["threats"], run)
    with _platform() as descriptor:
        facts = Life(descriptor, declared).play()
    try:
        digest = report.write(asked.out, declared, facts, run, controls, threats)
    except OSError as error:
        raise LaunchError(f"The report cannot be written to {asked.out}: {error.strerror}.") from error
    failed = [one for one in (*controls, *threats) if one.verdict == "FAIL"]
    wrong = [text for texts in facts.flaws.values() for text in texts]
    wrong += [f"{one.of} {one.id} {one.title}: {one.verdict}" for one in failed]
    for text in wrong:
        say(f"{verdict('FAIL')} {text}")
    say(f"{_counted('controls', controls)}; {_counted('threats', threats)}")
    say(f"{asked.out / 'evidence.html'} (SHA-256 of {report.HASHES}: {digest})")
    return Ended(1 if wrong else 0, f"{len(wrong)} findings", tuple(wrong), run["seed"])


def _counted(what: str, found: Sequence[Spoken]) -> str:
    verdicts = [one.verdict for one in found]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
    return f"{len(found)} {what}: {counts}"


@contextmanager
def _platform() -> Iterator[Mapping[str, Any]]:
    """A platform of the report's own; raises ``LaunchError`` where there can be none."""
    with tempfile.TemporaryDirectory(prefix="lockstep-evidence-") as folder:
        try:
            host = start_host(Path(folder) / "host.sock")
            try:
                yield host.lease(shared=False, backends=2, env=ENVIRONMENT)
            finally:
                host.close_and_wait()
        except PlatformError as error:
            raise LaunchError(f"No platform can be started: {error}") from error
