"""ExplorationLibrary on a toy: a server that loses what was sent twice, unless it is told to be good."""

from __future__ import annotations

from ExplorationLibrary import ExplorationLibrary, Schedule, Verdict


class Toy(ExplorationLibrary):
    def __init__(self, good: bool = False) -> None:
        super().__init__(lambda schedule: Verdict() if good else play(schedule))


def play(schedule: Schedule) -> Verdict:
    again = any(step.do == "send again" for step in schedule)
    return Verdict("lost: phone-1 is gone\n  1  the witness", ("<svg>the time line</svg>",)) if again else Verdict()
