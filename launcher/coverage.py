"""``./run coverage``: measure which lines and branches of the services the suites execute, from inside the services.

Every process of auth, backend, frontend and the provider counts, on shared and on private platforms, also one that is
killed. Of the session manager, what is not executed is listed with the reason that variables/coverage.yaml keeps.
Everything lies in results/coverage: index.html, coverage.json (of coverage.py), summary.json, and the run itself.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PlatformLibrary.embedded.options import project_root

from launcher import area, arguments, covered, ended
from launcher.arguments import RunRequest
from launcher.console import LaunchError, complain, paint, plural, say
from launcher.covered import File, Gap, Scope, Share
from launcher.ended import Ended
from launcher.host import platform_options, profile_of
from launcher.outcome import Outcome
from launcher.parsing import Parser
from launcher.paths import COVERAGE
from launcher.verdicts import NOT_WELL, WELL

_VARIABLE = "LOCKSTEP_COVERAGE"
_WIDTH = 46
_SHOWN = 60


@dataclass(frozen=True)
class _Measured:
    """What a measured run came to."""

    files: list[File]
    scope: Scope
    gaps: list[Gap]
    wrong: list[str]
    outcome: Outcome

    @property
    def manager(self) -> list[File]:
        return [one for one in self.files if self.scope.is_session_manager(one.name)]

    @property
    def enough(self) -> bool:
        return covered.total(self.manager).line_percent >= self.scope.least_lines

    @property
    def exit_code(self) -> int:
        return self.outcome.exit_code if self.enough and not self.wrong else NOT_WELL

    @property
    def well(self) -> bool:
        return self.exit_code == WELL

    @property
    def ended(self) -> Ended:
        percent = f"{covered.total(self.manager).line_percent:.2f} % of {self.scope.least_lines:g} % demanded"
        run = ended.of_run(self.outcome)
        missed = () if self.enough else (f"executed of the session manager's lines: {percent}",)
        failures = (*missed, *self.wrong, *run.failures)
        return replace(run, code=self.exit_code, figures=f"{percent}, {run.figures}", failures=failures)


def conduct(argv: Sequence[str]) -> Ended:
    """Run, measure, report; 0 only if the run was well, the demand is met and no reason is out of date.

    3 where nothing is wrong but tests could not be judged.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    if importlib.util.find_spec("coverage") is None:
        raise LaunchError(
            "coverage.py is not installed in this environment. ./run coverage installs it by itself; "
            "where Python is called directly: python -m pip install -r requirements-dev.txt"
        )
    request = arguments.parse(rest, dict(os.environ), parser.known)
    if platform_options(profile_of(request.target)) is None:
        raise LaunchError(
            f"NA: target {request.target} runs elsewhere, and only services that this project starts can be measured. "
            "Use the embedded one: --target embedded"
        )
    scope = covered.read(options.scope)
    if options.least is not None:
        scope = replace(scope, least_lines=options.least)
    names = request.names or ("session_manager",)
    with _own(request.results / "coverage") as folder:
        data = folder / "data"
        try:
            # Fewer suites at a time than else: measured services need more of each core.
            processes = request.processes or os.cpu_count()
            asked = replace(request, names=names, results=folder / "run", processes=processes, timed=False)
            outcome = _run(asked, data)
            if outcome.interrupted:
                return ended.of_run(outcome)
            measured = _measure(data, folder, scope, outcome)
        finally:
            shutil.rmtree(data, ignore_errors=True)
        _write(measured, folder / "summary.json")
    say("\n".join(_sheet(measured)))
    say(f"report: {folder / 'index.html'}")
    return measured.ended


def _parser() -> Parser:
    parser = Parser(
        prog="./run coverage", description=__doc__,
        epilog="Areas or suites first (session_manager); anything else goes to the run: --include, --test, --seed …",
    )  # fmt: skip
    parser.add_argument("--least", type=_percent, metavar="N", help="percent of the session manager's lines (95)")
    parser.add_argument("--scope", type=Path, default=COVERAGE, metavar="FILE", help="what is counted, demanded and "
                        "excused (variables/coverage.yaml)")  # fmt: skip
    return parser


def _percent(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"a percentage from 0 to 100, not {text!r}")
    return number


@contextlib.contextmanager
def _own(folder: Path) -> Iterator[Path]:
    """``folder``, emptied and nobody else's meanwhile."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise LaunchError(
            f"Cannot write to {folder}: {error.strerror}. Choose another folder: --results DIR."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LaunchError(
                f"Another ./run coverage writes to {folder}: wait for it, or use --results DIR."
            ) from error
        held = list(folder.iterdir())
        if held and not (folder / "run").is_dir():
            raise LaunchError(f"{folder} holds no coverage report: move it away, or use --results.")
        for one in held:
            shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
        (folder / "run").mkdir()
        yield folder
    finally:
        os.close(handle)


def _run(request: RunRequest, data: Path) -> Outcome:
    """The run, whose host starts services that write what they execute to ``data``."""
    os.environ[_VARIABLE] = str(data)
    try:
        return area.run(request)
    finally:
        del os.environ[_VARIABLE]


def _measure(data: Path, folder: Path, scope: Scope, outcome: Outcome) -> _Measured:
    """Combine what the processes wrote, write the reports, and count."""
    import coverage

    root = project_root().resolve()
    with contextlib.chdir(root):
        measuring = coverage.Coverage(
            data_file=str(data / "coverage"), branch=True, config_file=False, messages=False,
            include=[str(root / "services" / "*")], omit=[str(root / pattern) for pattern in scope.left_out],
        )  # fmt: skip
        try:
            measuring.combine([str(data / "kept")], strict=True)
        except coverage.exceptions.CoverageException as error:
            raise LaunchError(
                f"No service was measured: {error} Do these suites use a platform (Open Shared Platform)?", code=1
            ) from error
        # Counted as well: what no process has ever imported.
        measuring.get_data().touch_files([str(path) for path in root.glob("services/**/*.py")])
        measuring.html_report(directory=str(folder), title="The services, as the suites execute them")
        measuring.json_report(outfile=str(folder / "coverage.json"))
    files = covered.files(json.loads((folder / "coverage.json").read_text("utf-8")))
    texts: dict[str, list[str]] = {}

    def source(name: str) -> list[str]:
        return texts.setdefault(name, (root / name).read_text("utf-8").splitlines())

    manager = [one for one in files if scope.is_session_manager(one.name)]
    found = covered.gaps(manager, scope.excuses, source)
    return _Measured(files, scope, found, covered.wrong_excuses(files, scope.excuses, source), outcome)


def _write(measured: _Measured, path: Path) -> None:
    """``summary.json``."""
    scope, outcome = measured.scope, measured.outcome
    document = {
        "command": outcome.command.replace("./run", "./run coverage", 1),
        "well": measured.well,
        "run_well": outcome.well,
        "session_manager": {
            **_as_json(covered.total(measured.manager)), "least_lines": scope.least_lines, "met": measured.enough
        },
        "services": {name: _as_json(covered.total(files)) for name, files in _by_service(measured.files).items()},
        "all": _as_json(covered.total(measured.files)),
        "files": {one.name: _as_json(one.share) for one in measured.files},
        "not_covered": [asdict(gap) for gap in measured.gaps],
        "wrong_reasons": measured.wrong,
    }  # fmt: skip
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _as_json(share: Share) -> dict[str, Any]:
    return {
        **asdict(share),
        "line_percent": round(share.line_percent, 2),
        "branch_percent": round(share.branch_percent, 2),
    }


def _by_service(files: Sequence[File]) -> dict[str, list[File]]:
    found: dict[str, list[File]] = {}
    for one in files:
        parts = one.name.split("/")
        found.setdefault(parts[1] if len(parts) > 2 else "services", []).append(one)
    return {name: of for name, of in found.items() if covered.total(of).lines}


def _sheet(measured: _Measured) -> Iterator[str]:
    """The table on the terminal."""
    share, scope = covered.total(measured.manager), measured.scope
    yield "\n" + paint(f"{'executed by the suites':<{_WIDTH}}{'lines':>17}{'branches':>20}", "bold")
    for name, of in _by_service(measured.files).items():
        yield _row(name, covered.total(of))
    yield _row("all services", covered.total(measured.files))
    yield ""
    for one in measured.manager:
        yield _row(f"  {one.name}", one.share)
    yield paint(_row("the session manager", share), "bold")
    demand = f"demanded of its lines: {scope.least_lines:g} %; executed: {share.line_percent:.2f} %"
    yield paint(f"{demand}: {'met' if measured.enough else 'MISSED'}", "green" if measured.enough else "red")
    yield from _not_executed(measured.gaps)
    for text in measured.wrong:
        complain(f"variables/coverage.yaml: {text}: remove the entry, or correct it.")
    yield ""


def _not_executed(gaps: Sequence[Gap]) -> Iterator[str]:
    if gaps:
        yield f"\nnot executed in the session manager, {plural(len(gaps), 'place')}:"
    for gap in gaps[:_SHOWN]:
        lines = f"{gap.line}" if gap.line == gap.last else f"{gap.line}-{gap.last}"
        ways = f"  [never on to {', '.join(map(_way, gap.ways))}]" if gap.ways else ""
        yield f"  {gap.file}:{lines}  {gap.code}{paint(ways, 'grey')}"
        yield f"      {gap.reason or paint('no reason is kept in variables/coverage.yaml', 'yellow')}"
    if len(gaps) > _SHOWN:
        yield f"  … and {len(gaps) - _SHOWN} more: summary.json"


def _way(line: int) -> str:
    return "the end" if line < 0 else str(line)


def _row(name: str, share: Share) -> str:
    lines = f"{share.covered_lines}/{share.lines} {share.line_percent:6.1f} %"
    branches = f"{share.covered_branches}/{share.branches} {share.branch_percent:6.1f} %"
    return f"{name:<{_WIDTH}}{lines:>18}{branches if share.branches else '-':>20}"
