"""Recorded histories and their checkers: what was promised, what was seen, and the smallest witness between them."""

from .checkers import CHECKS, judge
from .files import HistoryFileError, read_history
from .keywords import HistoryLibrary
from .operations import Operation
from .recorder import History
from .verdicts import Anomaly, Finding, Judgement, Rules, Verdict

__all__ = [
    "CHECKS",
    "Anomaly",
    "Finding",
    "History",
    "HistoryFileError",
    "HistoryLibrary",
    "Judgement",
    "Operation",
    "Rules",
    "Verdict",
    "judge",
    "read_history",
]
