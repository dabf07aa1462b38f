"""Judges history files by hand: ``python -m HistoryLibrary check FILE…``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .checkers import CHECKS, judge
from .files import HistoryFileError, read_history
from .report import report
from .timeline import timeline
from .verdicts import Rules, Verdict

UNREADABLE = 3
_WORST_FIRST = (UNREADABLE, Verdict.INVALID.value, Verdict.UNKNOWN.value, Verdict.VALID.value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 all valid, 1 one invalid, 2 one unknown, 3 one unreadable or the command line is wrong."""
    options = _options(arguments)
    results = {_check(path, options) for path in options.files}
    return next(code for code in _WORST_FIRST if code in results)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(UNREADABLE, f"{self.prog}: {message}\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m HistoryLibrary", description="Judge recorded histories.")
    check = parser.add_subparsers(required=True, metavar="check").add_parser("check", help="judge history files")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.add_argument("--checks", type=_names, help=f"comma-separated; all of {', '.join(CHECKS)} by default")
    check.add_argument(
        "--handover", type=float, default=Rules().handover, help="seconds until a replaced holder is notified"
    )
    check.add_argument("--not-gapless", action="store_true", help="positions may leave numbers out")
    check.add_argument("--svg", type=Path, help="write the time line of the first anomaly here")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in CHECKS]:
        raise argparse.ArgumentTypeError(f"no check is named {unknown[0]!r}")
    return names


def _check(path: Path, options: argparse.Namespace) -> int:
    try:
        operations = read_history(path)
    except HistoryFileError as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    judgement = judge(operations, options.checks, Rules(options.handover, not options.not_gapless))
    print(f"{path}: {report(judgement, operations, shown=10)}")
    if options.svg is not None:
        options.svg.write_text(timeline(operations, next(iter(judgement.anomalies), None)), encoding="utf-8")
    return judgement.verdict.value


if __name__ == "__main__":
    sys.exit(main())
