"""A suite as pabot knows it, and what a worker of pabot does in its place: run the planned tests of the real one.

pabot chooses suites by names that are patterns to Robot, cuts values at line ends, and knows neither parsers nor
Robot's search path. So it is given a folder with a stand-in for each suite, and this module in place of a robot: run as
``python -S -m launcher.worker … -A FILE``, where FILE holds what pabot wants a robot to read. Imports as little as it
can, as ``launcher.robot`` does.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from launcher import robot

if TYPE_CHECKING:
    from pathlib import Path

STAND_INS = "planned"
PLAN = "plan.json"
_STAND_IN = "*** Test Cases ***\nIt Stands For A Suite\n    No Operation\n"
_NUMBER = re.compile(r"--suite \w+\.(\d+)")
_SEEING = ("--parseinclude=", "--parser=", "--prerunmodifier=")
_OURS = ["--listener=launcher.progress.Progress"]


def hand_over(
    folder: Path, suites: Iterable[tuple[str, Mapping[str, Any]]], args: Sequence[str], sources: Sequence[Path]
) -> None:
    """Write what pabot and its workers read: a stand-in for each suite, in this order, and the plan.

    ``suites`` are names, to be seen in pabot's log, and shares (``launcher.selection``); ``args`` are every robot's.
    Robots work in the current folder, where the user's relative paths begin.
    """
    (folder / STAND_INS).mkdir()
    shares = []
    for number, (name, share) in enumerate(suites):
        shown = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        (folder / STAND_INS / f"{number:05}_{shown[:60]}.robot").write_text(_STAND_IN, "utf-8")
        shares.append(share)
    plan = {"folder": os.getcwd(), "args": list(args), "sources": [str(source) for source in sources], "suites": shares}
    (folder / PLAN).write_text(json.dumps(plan, indent=1), "utf-8")


def arguments(asked: Sequence[str], plan: Mapping[str, Any]) -> list[str]:
    """What the robot is given: the user's options, pabot's without its choice of a suite, and the selection."""
    at = list(asked).index("-A")
    lines = _read(asked[at + 1]).splitlines()
    (number,) = [found[1] for line in lines if (found := _NUMBER.match(line))]
    options = [line for line in lines if line.startswith("--") and not line.startswith("--suite ")]
    of_pabot = [line.replace(" ", "=", 1) for line in options]
    selection = f"--prerunmodifier=launcher.selection.Selection:{int(number)}"
    return [*plan["args"], *asked[:at], *of_pabot, *_OURS, *_alone(plan, int(number)), selection, *plan["sources"]]


def _alone(plan: Mapping[str, Any], number: int) -> list[str]:
    """Has Robot parse no other file of the folder that is run: each robot would parse all of them.

    Not where the user's own code sees what was parsed, nor of several sources, none of which may be empty.
    """
    place, sources = plan["suites"][number]["place"], plan["sources"]
    if not place or len(sources) != 1 or any(arg.startswith(_SEEING) for arg in plan["args"]):
        return []
    file = re.sub(r"([*?[])", r"[\1]", place[-1][1] or "")
    return [f"--parseinclude={file}"] if file else []


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    handed_over = json.loads(_read(os.path.join(os.environ["LOCKSTEP_RUN_DIR"], PLAN)))
    robot.main(arguments(sys.argv[1:], handed_over), handed_over["folder"])
