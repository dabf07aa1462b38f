"""What an interrupted run still knows."""

from pathlib import Path

import pytest

from mutation.journal import Journal
from mutation.mutants import Mutant
from mutation.trial import Outcome, Verdict

MUTANT = Mutant("services/auth/opaque.py", "f", 3, 5, "a", "b", (5, 5))
KILLED = Verdict(Outcome.KILLED, "s", "t", "m", ("s",), (), ("n",), 2.5)
SURVIVED = Verdict(Outcome.SURVIVED, ran=("s", "r"))


@pytest.mark.parametrize(
    ("verdict", "services", "suites", "known"),
    [
        (KILLED, "v1", "s1", True),
        (KILLED, "v1", "s2", True),
        (KILLED, "v2", "s1", False),
        (SURVIVED, "v1", "s1", True),
        (SURVIVED, "v1", "s2", False),
    ],
)
def test_a_kill_counts_for_the_same_services_and_a_survivor_for_the_same_suites(
    tmp_path: Path, verdict: Verdict, services: str, suites: str, known: bool
) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, "v1", "s1").put(MUTANT, verdict)
    assert Journal(path, services, suites).get(MUTANT) == (verdict if known else None)


def test_half_a_line_is_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, "v", "s").put(MUTANT, KILLED)
    path.write_text(path.read_text() + path.read_text()[:40])
    assert Journal(path, "v", "s").get(MUTANT) == KILLED
