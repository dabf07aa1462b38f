"""Hands the merged result of a run to a reporter: those that count wrong beside several workers, or want a file.

github: a summary for the page of the job ($GITHUB_STEP_SUMMARY, else the terminal).
dashboard: robotframework-dashboard, results/dashboard.html over all runs that were published.
metrics: robotframework-metrics, metrics.html beside the run.
xray: Xray's import of Robot results; XRAY_URL and XRAY_TOKEN are the server and its token.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from launcher import interrupts
from launcher.console import LaunchError, say
from launcher.ended import Ended
from launcher.parsing import Parser
from launcher.paths import RESULTS

_MOST = 30
_XRAY = "/rest/raven/2.0/import/execution/robot"


def conduct(argv: Sequence[str]) -> Ended:
    """Publish the newest run, or the one that is named; raises ``LaunchError`` for what is missing."""
    parser = Parser(prog="./run publish", description=__doc__)
    parser.add_argument("to", choices=sorted(_REPORTERS), metavar="REPORTER", help=", ".join(sorted(_REPORTERS)))
    parser.add_argument("--run", default="latest", metavar="RUN", help="its name in results/, or its folder (latest)")
    parser.add_argument("--project", default="", metavar="KEY", help="of xray: the key of the project in Jira")
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS),
                        metavar="DIR", help="where the runs lie (results/)")  # fmt: skip
    asked = parser.parse_args(argv)
    results = asked.results.absolute()
    places = [results / asked.run, Path(asked.run).absolute()]
    run = next((place.resolve() for place in places if (place / "output.xml").exists()), None)
    if run is None:
        raise LaunchError(f"There is no run {asked.run!r} in {results}: ./run critical makes one.")
    said = _REPORTERS[asked.to](run, results, asked)
    say(said)
    return Ended(0, said)


def _github(run: Path, results: Path, asked: argparse.Namespace) -> str:
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    text = "\n".join(markdown(summary)) + "\n"
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return text.rstrip()
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)
    return f"{len(summary['tests'])} tests in the summary of the job"


def markdown(summary: Mapping[str, Any]) -> Iterator[str]:
    """What a job's page shows of a run."""
    run = summary["run"]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in summary["totals"]["verdicts"].items() if count)
    yield f"## {run['name']}: {run['word']}\n"
    yield f"{len(summary['tests'])} tests: {counts}, in {run['seconds']:.1f} s\n"
    yield "| tested | |\n|---|---|"
    for name, value in run["tested"].items():
        yield f"| {name} | {_cell(value)} |"
    troubles = [test for test in summary["tests"] if test["verdict"] not in ("PASS", "NA")]
    if troubles:
        yield "\n| test | verdict | reason |\n|---|---|---|"
        for test in troubles[:_MOST]:
            yield f"| {_cell(test['id'] or test['name'])} | {test['verdict']} | {_cell(test['reason'] or '')} |"
        if len(troubles) > _MOST:
            yield f"\nand {len(troubles) - _MOST} more"
    for problem in run["problems"]:
        yield f"\n- {_cell(problem)}"


def _cell(text: str) -> str:
    """Text that breaks no table and is no markup."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "&#124;"), ("`", "&#96;"), ("\n", " ")):
        text = text.replace(sign, written)
    return text


def _dashboard(run: Path, results: Path, asked: argparse.Namespace) -> str:
    _needs("robotframework_dashboard", "robotframework-dashboard")
    page = results / "dashboard.html"
    _call("robotframework_dashboard.main", ["-o", str(run / "output.xml"), "-d", str(results / "dashboard.db"),
           "-n", str(page), "-g", "true"], results)  # fmt: skip
    return f"{page}"


def _metrics(run: Path, results: Path, asked: argparse.Namespace) -> str:
    _needs("robotframework_metrics", "robotframework-metrics")
    _call("robotframework_metrics.runner", ["-I", str(run), "-O", "output.xml", "-L", "log.html",
           "-M", "metrics.html"], run)  # fmt: skip
    return f"{run / 'metrics.html'}"


def _xray(run: Path, results: Path, asked: argparse.Namespace) -> str:
    url, token = os.environ.get("XRAY_URL", ""), os.environ.get("XRAY_TOKEN", "")
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")) or not token or not asked.project:
        raise LaunchError("Xray needs XRAY_URL (https), XRAY_TOKEN and --project KEY.")
    try:
        answer = httpx.post(
            f"{url.rstrip('/')}{_XRAY}", params={"projectKey": asked.project}, timeout=60,
            headers={"Authorization": f"Bearer {token}"},
            files={"file": ("output.xml", (run / "output.xml").read_bytes(), "text/xml")},
        )  # fmt: skip
    except httpx.HTTPError as error:
        raise LaunchError(f"Xray at {url} could not be reached: {type(error).__name__}.", code=1) from error
    if answer.status_code != 200:
        raise LaunchError(f"Xray at {url} answered {answer.status_code}: {answer.text[:300]}", code=1)
    return f"Xray has it: {answer.text[:200]}"


def _needs(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise LaunchError(f"{package} is not installed: {sys.executable} -m pip install {package}")


def _call(module: str, words: list[str], folder: Path) -> None:
    """Run the command of a package, which is the function ``main`` of a module."""
    done = interrupts.output([sys.executable, "-c", f"from {module} import main; main()", *words], cwd=folder)
    if done.returncode:
        raise LaunchError(f"{module} ended with {done.returncode}:\n{done.stdout[-1500:]}", code=1)


_REPORTERS: dict[str, Callable[[Path, Path, argparse.Namespace], str]] = {
    "github": _github, "dashboard": _dashboard, "metrics": _metrics, "xray": _xray,
}  # fmt: skip
