"""Random schedules of clients and faults, shrunk, and judged by their histories."""

from .files import ScheduleFileError, read_schedule, write_schedule
from .keywords import ExplorationLibrary
from .schedule import Schedule, Step
from .searching import Memory, Tally, Verdict, search

__all__ = [
    "ExplorationLibrary",
    "Memory",
    "Schedule",
    "ScheduleFileError",
    "Step",
    "Tally",
    "Verdict",
    "read_schedule",
    "search",
    "write_schedule",
]
