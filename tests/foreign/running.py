"""The small platforms of this folder by their names, and suites that run on them as anybody would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from robot.api import ExecutionResult

from tests.foreign.cookie_server import forum
from tests.foreign.frame_server import chat
from tests.foreign.graphql_server import graphql_chat
from tests.foreign.hub_server import hub
from tests.foreign.socketio_server import socketio_chat

ROOT = Path(__file__).resolve().parents[2]
SUITES = ROOT / "suites" / "portable"
FOREIGN = ROOT / "tests" / "foreign"
PASS, NA, WEAKER, UNBOUNDED, FAIL = "PASS", "NA", "WEAKER", "UNBOUNDED", "FAIL"
_ROOMS = {"socketio": socketio_chat, "graphql": graphql_chat}


@contextmanager
def served(name: str, *faults: str) -> Iterator[dict[str, str]]:
    """A platform of that name with these faults; the variables that its dialect names."""
    if name == "cookie":
        with forum(*faults) as found:
            yield {"FORUM_URL": found.url, "FORUM_KEEPER": found.keeper}
    elif name == "frames":
        with chat(*faults) as other:
            yield {"CHAT_URL": other.url}
    elif name == "hub":
        with hub(*faults) as home:
            yield {"HUB_URL": home.url, "HUB_LOGS": str(home.log.parent), "HUB_CHIEF": home.chief}
    else:
        with _ROOMS[name](*faults) as rooms:
            yield {"ROOMS_URL": rooms.url}


def run(
    folder: Path,
    name: str,
    variables: Mapping[str, str],
    *options: str,
    suites: Path = SUITES,
    dialect: Path | None = None,
) -> dict[str, tuple[str, str]]:
    """Verdict and message of each portable test on that platform, by id; plain robot, as anybody would."""
    paths = os.pathsep.join(str(ROOT / part) for part in ("libraries", "resources"))
    known = {key: value for key, value in os.environ.items() if not key.startswith("LOCKSTEP_")}
    done = subprocess.run(
        [sys.executable, "-m", "robot", "--outputdir", str(folder), "--variable",
         f"TARGET:{dialect or FOREIGN / name / 'target.yaml'}", *options, str(suites)],
        env={**known, "PYTHONPATH": paths, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (folder / "output.xml").exists(), done.stdout + done.stderr
    found = {}
    for test in ExecutionResult(folder / "output.xml").suite.all_tests:
        key = next(tag.removeprefix("id:") for tag in test.tags if tag.startswith("id:"))
        marks = [mark for mark in (UNBOUNDED, WEAKER) if mark.lower() in test.tags]
        verdict = {"FAIL": FAIL, "SKIP": NA, "PASS": marks[0] if marks else PASS}[test.status]
        found[key] = (verdict, test.message)
    return found


def included(ids: Sequence[str]) -> list[str]:
    return [part for key in ids for part in ("--include", f"id:{key}")]
