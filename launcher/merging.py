"""The workers' outputs made one: the merged result, and its reports."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lockstep.causes import reason
from lockstep.masking import mask
from pabot.result_merger import merge as pabot_merge
from pabot.writer import get_writer
from robot.conf import RobotSettings
from robot.reporting import ResultWriter
from robot.result import Result, TestSuite

from launcher import tests_by_id
from launcher.judging import RobotTest, Rules
from launcher.outcome import JudgedTest

_OF_SUITE = re.compile(rb"(<status [^>]*>)[^<]*(?:</status>)?\s*</suite>")


def readable_outputs(run: Path) -> list[Path]:
    """Outputs of workers that ended in order.

    Left out: one cut off by a kill, which is no XML, and one ended before its suite began, which lacks the times that
    pabot merges.
    """
    found = sorted(run.glob("pabot_results/*/output.xml"), key=lambda path: int(path.parent.name))
    return [path for path in found if _is_whole(path.read_bytes())]


def _is_whole(output: bytes) -> bool:
    suites = _OF_SUITE.findall(output)
    timed = all(b" start=" in status and b" elapsed=" in status for status in suites)
    return bool(suites) and timed and output.rstrip().endswith(b"</robot>")


def merge(outputs: Sequence[Path], run: Path, name: str) -> Result:
    """One result from the workers' outputs; an empty one called ``name`` where there is none."""
    if not outputs:
        return Result(suite=TestSuite(name))
    writer = get_writer(log_dir=str(run), console_type="none")  # pabot would make one that talks, in the current folder
    try:
        merged: Result = pabot_merge([str(path) for path in outputs], {"output": "output.xml"}, None, [], None)
    finally:
        writer.stop()  # its thread would keep this process alive
    return merged


def judged(result: Result, rules: Rules, *, stopped: bool = False) -> tuple[JudgedTest, ...]:
    """Every test of the result with its verdict; the result's own statuses, messages and tags become what is shown.

    With ``stopped``, without those that Robot only marks as failed.
    """
    return tuple(_judge(test, rules) for test in result.suite.all_tests if not (stopped and "robot:exit" in test.tags))


def _judge(test: Any, rules: Rules) -> JudgedTest:
    seconds = test.elapsed_time.total_seconds()
    shown, judged = rules.judge(
        RobotTest(test.longname, test.status, mask(test.message), tuple(test.tags), seconds, test.name)
    )
    test.status, test.message, test.tags = shown.status, shown.message, shown.tags
    return judged


def durations(result: Result) -> dict[str, float]:
    """Seconds of each suite file, for the order of the next run."""
    found: dict[str, float] = {}

    def visit(suite: Any) -> None:
        if suite.tests:
            found[suite.longname] = round(suite.elapsed_time.total_seconds(), 2)
        for child in suite.suites:
            visit(child)

    visit(result.suite)
    return found


def errors(result: Result) -> list[str]:
    """Errors that Robot met outside any test (a library that cannot be imported, a syntax error)."""
    return [f"Robot error: {reason(mask(error.message))}" for error in result.errors if error.level == "ERROR"]


def write_reports(result: Result, settings: RobotSettings, run: Path, facts: Mapping[str, str] | None = None) -> None:
    """``output.xml``, ``log.html``, ``report.html`` and ``xunit.xml``, honouring the user's report options.

    ``facts`` are metadata of the whole suite, but for those that the user has set by ``--metadata``.

    Ids of tests and of sentences are left out of the statistics by tag, where each would be a line.
    """
    for fact, known in (facts or {}).items():
        if fact not in result.suite.metadata:
            result.suite.metadata[fact] = known
    rebot = settings.get_rebot_settings()
    rebot["TagStatExclude"] = [*rebot["TagStatExclude"], f"{tests_by_id.PREFIX}*", "proto:*"]
    result.configure(stat_config=rebot.statistics_config)
    result.save(run / "output.xml")
    for option, value in {"OutputDir": run, "Log": "log.html", "Report": "report.html", "XUnit": "xunit.xml"}.items():
        rebot[option] = value
    ResultWriter(result).write_results(rebot)
    for name in ("log.html", "report.html", "xunit.xml"):
        if not (run / name).exists():  # Robot only logs that it failed
            raise OSError(errno.EIO, f"{name} could not be written")
