"""Robot Framework library for budgets of time and other quantities, and for measured latencies."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from assertionengine import AssertionOperator
from lockstep import asserting, latencies, machine, statistics, waiting
from lockstep.listeners import LISTENERS
from lockstep.machine import Mark, Waiting
from lockstep.statistics import Summary
from lockstep.unknown import Unknown
from robot.api import logger
from robot.api.deco import keyword, library
from robot.errors import ExecutionFailed
from robot.libraries.BuiltIn import BuiltIn
from robot.running.context import EXECUTION_CONTEXTS

from BudgetLibrary import limits, sheet
from BudgetLibrary.chart import histogram
from BudgetLibrary.limits import Limit, amount
from BudgetLibrary.sheet import Figure, Verdict

__version__ = "1.0.0"
VARIABLE = "LOCKSTEP_BUDGETS"
Amount = timedelta | float | str


@library(
    scope="GLOBAL",
    version=__version__,
    doc_format="ROBOT",
    auto_keywords=False,
    listener=LISTENERS,
)
class BudgetLibrary:
    """Budgets of time and other quantities, and latencies with their distribution.

    | `Start Budget`    login to first answer
    | # …
    | `Budget Should Hold`    login to first answer    5s
    | `Record Latency`    session sync    ${seconds}
    | `Latencies Should Hold`    session sync    p95    100 ms

    = Limits =

    A limit is a time (``2s``, ``250 ms``) or a number with another unit (``10 MB``). It is given at the keyword, or by
    the budget's name in a YAML file that maps names to limits:

    | login to first answer: 5s
    | session sync p95: 100 ms

    Others may keep the machine busy. The time for which this process and the platform's processes waited for a
    processor is taken off a time, and the limit is stretched at most twice; where more would be needed there is no
    verdict: the test fails with ``UNKNOWN: `` (`lockstep.machine`; Linux, elsewhere nothing is taken off). Nor is there
    one where other suites used the platform at the same time, or the machine was away for half of the time, and the
    limit was missed by less than its double.

    The file is the argument ``budgets``, else the environment variable ``LOCKSTEP_BUDGETS``, else the nearest
    ``variables/budgets.yaml`` above the running suite.

    = Result sheet =

    Each verdict is one line of JSON in ``$LOCKSTEP_RUN_DIR/budgets.jsonl``: name, limit, used, unit, verdict, suite,
    test, and for latencies their count, mean, percentiles and maximum. Times are seconds. Figures that have no limit
    (`Record Figure`) are lines of ``figures.jsonl`` beside it.
    """

    def __init__(self, budgets: Path | None = None) -> None:
        self._file = budgets
        self._loaded: dict[Path, dict[str, Limit]] = {}
        self._started: dict[str, Mark] = {}

    @keyword(tags=("budget",))
    def start_budget(self, name: str) -> None:
        """Starts (or starts again) the clock of the budget ``name``."""
        self._started[name] = Mark.now()

    @keyword(tags=("budget", "getter", "assertion"))
    def get_used_budget(
        self,
        name: str,
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
    ) -> Any:
        """The seconds since `Start Budget`."""
        used = self._since(name).elapsed
        expected = _seconds(assertion_expected)
        return asserting.checked(f"Budget '{name}'", lambda: used, assertion_operator, expected, message=message)

    @keyword(tags=("budget", "assertion"))
    def budget_should_hold(self, name: str, limit: Amount | None = None) -> float:
        """Passes when no more time than ``limit`` has gone since `Start Budget`; returns the seconds used.

        | `Budget Should Hold`    login to first answer    5s
        """
        waiting = self._since(name)
        self._judge(name, waiting.elapsed, self._limit(name, limit), waiting)
        return waiting.elapsed

    @keyword(tags=("budget", "assertion"))
    def value_should_be_within_budget(self, name: str, value: float, limit: Amount | None = None) -> None:
        """Passes when ``value`` is not more than ``limit``, in the unit of the limit (a time: seconds, of this test).

        | `Value Should Be Within Budget`    memory growth    ${grown}    10 MB
        """
        self._judge(name, value, self._limit(name, limit), machine.test_waiting())

    @keyword(tags=("waiting",))
    def wait_until_keyword_passes(self, within: timedelta, name: str, *arguments: Any) -> Any:
        """Runs the keyword ``name`` until it passes, and returns what it returned; for at most ``within``.

        As BuiltIn's `Wait Until Keyword Succeeds`, but it lasts longer by the time that the machine was away.

        | `Wait Until Keyword Passes`    5s    Row Should Be There    ${id}
        """
        deadline = machine.Deadline(within.total_seconds())
        pause = waiting.FIRST_PAUSE
        while True:
            try:
                return BuiltIn().run_keyword(name, *arguments)
            except ExecutionFailed as error:
                if error.dont_continue or error.skip:
                    raise
                said = f"'{name}' did not pass within {waiting.seconds(within)}; the last time: {error.message}"
            left = deadline.left(said)
            if not left:
                raise AssertionError(said)
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, waiting.LONGEST_PAUSE)

    @keyword(tags=("verdict",))
    def end_without_verdict(self, reason: str) -> None:
        """Fails as UNKNOWN: nothing can be judged, since a precondition was missed.

        | `End Without Verdict`    the token expired before it was used
        """
        raise Unknown(reason)

    @keyword(tags=("verdict",))
    def fail_for_missed_time_limit(self, what: str) -> None:
        """Fails with ``what``, which says that the platform missed a limit of time of its own.

        It is UNKNOWN where the machine was away for half of the test or more.

        | `Fail For Missed Time Limit`    auth had no connection to its database in time
        """
        machine.missed(what)

    @keyword(tags=("budget",))
    def record_figure(self, name: str, value: float, unit: str = "") -> None:
        """Puts a measured number that has no limit on record for the result sheet.

        | `Record Figure`    concurrent sessions    ${120}
        """
        suite, test = sheet.running()
        sheet.write(Figure(name, value, unit, suite, test))
        logger.info(f"{name}: {amount(value, unit)}")

    @keyword(tags=("latencies",))
    def record_latency(self, name: str, latency: timedelta) -> None:
        """Adds one latency to those of ``name``: seconds, or a time such as ``12 ms``."""
        latencies.record(name, latency.total_seconds())

    @keyword(tags=("latencies",))
    def record_latencies(self, name: str, values: list[float]) -> None:
        """Adds many latencies in seconds to those of ``name``."""
        for value in values:
            latencies.record(name, float(value))

    @keyword(tags=("latencies",))
    def measure_latency(self, name: str, keyword_name: str, *arguments: Any) -> Any:
        """Runs a keyword, adds its duration to the latencies of ``name``, and returns what the keyword returned.

        A failing keyword fails this one and is not counted.
        """
        began = time.perf_counter()
        result = BuiltIn().run_keyword(keyword_name, *arguments)
        latencies.record(name, time.perf_counter() - began)
        return result

    @keyword(tags=("latencies", "getter", "assertion"))
    def get_latency(
        self,
        name: str,
        statistic: str = "p95",
        assertion_operator: AssertionOperator | None = None,
        assertion_expected: Any = None,
        message: str | None = None,
    ) -> Any:
        """A statistic of the latencies of ``name``, in seconds: ``mean``, ``min``, ``max``, ``p50``, ``p99.9``; or
        ``count``.

        | `Get Latency`    session sync    p99    <    250 ms
        """
        value = statistics.statistic(self._values(name), statistic)
        expected = assertion_expected if statistic == "count" else _seconds(assertion_expected)
        return asserting.checked(
            f"Latency '{name}' {statistic}", lambda: value, assertion_operator, expected, message=message
        )

    @keyword(tags=("latencies",))
    def get_latency_summary(self, name: str) -> Summary:
        """``count``, ``mean``, ``p50``, ``p95``, ``p99`` and ``max`` of the latencies of ``name``, in seconds."""
        return statistics.summary(self._values(name))

    @keyword(tags=("latencies", "budget", "assertion"))
    def latencies_should_hold(self, name: str, statistic: str = "p95", limit: Amount | None = None) -> Summary:
        """Passes when the statistic of the latencies of ``name`` is not more than ``limit``; draws them into the log.

        The budget is called ``<name> <statistic>``, in the file as well as on the result sheet.
        """
        values = self._values(name)
        budget = f"{name} {statistic}"
        found = self._limit(budget, limit)
        self._draw(name, values, found.value)
        figures = statistics.summary(values)
        self._judge(budget, statistics.statistic(values, statistic), found, machine.test_waiting(), figures)
        return figures

    @keyword(tags=("latencies",))
    def log_latencies(self, name: str, limit: Amount | None = None) -> Summary:
        """Draws the latencies of ``name`` into the log as a histogram; returns their summary."""
        values = self._values(name)
        self._draw(name, values, limits.parse(limit).value if limit is not None else None)
        return statistics.summary(values)

    @keyword(tags=("latencies",))
    def clear_latencies(self, name: str | None = None) -> None:
        """Drops the latencies of ``name``, or all."""
        latencies.forget(name)

    def _since(self, name: str) -> Waiting:
        if name not in self._started:
            raise RuntimeError(f"budget '{name}' was not started: call Start Budget first")
        return self._started[name].waiting()

    @staticmethod
    def _values(name: str) -> list[float]:
        values = latencies.recorded(name)
        if not values:
            known = ", ".join(f"'{other}'" for other in latencies.names()) or "none"
            raise AssertionError(f"no latency of '{name}' was recorded; recorded are: {known}")
        return values

    @staticmethod
    def _draw(name: str, values: list[float], limit: float | None) -> None:
        logger.info(histogram(name, values, limit), html=True)

    def _judge(self, name: str, used: float, limit: Limit, waiting: Waiting, figures: Summary | None = None) -> None:
        """A time has waited for the machine as long as all the time within which it was measured."""
        if limit.unit != limits.SECONDS:
            # Other quantities do not grow while the machine is away.
            waiting = Waiting(waiting.elapsed, 0.0)
        verdict = waiting.judge(used, limit.value)
        suite, test = sheet.running()
        summary = asdict(figures) if figures else None
        sheet.write(Verdict(name, limit.value, used, limit.unit, verdict, suite, test, summary))
        shown = f"budget '{name}': {amount(used, limit.unit)} of {limit} used"
        if used > limit.value:
            shown = f"{shown}, {amount(used - limit.value, limit.unit)} too much"
        if used > limit.value and (waiting.waited or waiting.shared):
            shown = f"{shown}; {waiting}"
        if verdict == "UNKNOWN":
            raise Unknown(shown)
        if verdict == "FAIL":
            raise AssertionError(shown)
        logger.info(shown)

    def _limit(self, name: str, given: Amount | None) -> Limit:
        if given is not None:
            return limits.parse(given)
        file = self._budgets_file()
        if file is None:
            raise ValueError(f"budget '{name}' has no limit: give one, or a file of budgets ({VARIABLE})")
        if file not in self._loaded:
            self._loaded[file] = limits.load(file)
        if name not in self._loaded[file]:
            raise ValueError(
                f"budget '{name}' is not in {file}; it has: {', '.join(sorted(self._loaded[file])) or 'none'}"
            )
        return self._loaded[file][name]

    def _budgets_file(self) -> Path | None:
        named = self._file or os.environ.get(VARIABLE)
        if named:
            return Path(named)
        context = EXECUTION_CONTEXTS.current
        return limits.find(Path(context.suite.source) if context and context.suite.source else None)


def _seconds(expected: Any) -> Any:
    """An expected time as seconds; what is no time (such as an expression to validate) stays as it is."""
    try:
        return limits.parse(expected).value if isinstance(expected, str | timedelta) else expected
    except ValueError:
        return expected
