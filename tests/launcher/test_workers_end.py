"""What the end of the workers says of tests that none of them reported."""

from __future__ import annotations

import pytest

from launcher.workers_end import WorkersEnd

HOST = "the platform's host has ended (status 1): no room"


@pytest.mark.parametrize(
    ("end", "why", "problems"),
    [
        (WorkersEnd(interrupted=True, code=-9), "not run: the run was interrupted", ("pabot was ended by signal 9",)),
        (WorkersEnd(lost=f"{HOST}\nEnd of host.log:\n  no room"), HOST, (HOST,)),
        (WorkersEnd(code=-9), "pabot was ended by signal 9", ("pabot was ended by signal 9",)),
        (
            WorkersEnd(robots="signal 9", platform=("auth ended by itself",)),
            "the process that forks the robots has ended (signal 9)",
            ("auth ended by itself", "the process that forks the robots has ended (signal 9)"),
        ),
        (
            WorkersEnd(unfinished=("A", "B")),
            "planned, but no worker reported it; a worker ended in the middle of 'A', 'B'; "
            "see pabot.log and pabot_results/",
            (),
        ),
    ],
)
def test_a_missing_test_has_the_cause_that_ended_its_worker(
    end: WorkersEnd, why: str, problems: tuple[str, ...]
) -> None:
    assert end.why_missing == why
    assert end.problems == problems


def test_only_what_the_launcher_ended_itself_ended_early() -> None:
    assert WorkersEnd(interrupted=True).early
    assert WorkersEnd(lost=HOST).early
    assert not WorkersEnd(code=-9, robots="signal 9").early
