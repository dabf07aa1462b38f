"""What HistoryLibrary costs: `python -m bench.history [--runs N] [--operations N]`.

Recording is what a socket's thread pays, masking and writing included; reading and judging happen once, afterwards.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from HistoryLibrary import History, Verdict, judge, read_history

from launcher import interrupts
from launcher.parsing import Parser

RECORD_GOAL = 1.0


def conversation(history: History, operations: int) -> None:
    """One sender and one receiver; four operations a message, and a drain."""
    record = history.record
    record("ok", "bob", "subscribe", "conversation", seq=0, epoch=1)
    for seq in range(1, operations // 4 + 1):
        name, body = f"m{seq}", f"message {seq} of a usual length, some forty octets"
        record("invoke", "alice", "send", "conversation", body, client_msg_id=name)
        record("ok", "alice", "send", "conversation", seq=seq, epoch=1, client_msg_id=name)
        record("ok", "bob", "receive", "conversation", body, seq, 1, name)
        record("ok", "database", "stored", "conversation", body, seq, 1, name)
    record("invoke", "bob", "drain")
    record("ok", "bob", "drain")


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def one_run(operations: int, directory: Path) -> dict[str, float]:
    """Seconds for each step, in the order in which a test takes them."""
    history = History("bench", directory)

    def record() -> None:
        conversation(history, operations)
        history.close()

    figures = {"record": timed(record)}
    assert history.path is not None
    path = history.path
    figures["read"] = timed(lambda: read_history(path))
    recorded = history.operations()
    figures["judge"] = timed(lambda: judge(recorded))
    assert judge(recorded).verdict is Verdict.VALID
    return figures


def main() -> int:
    parser = Parser(prog="./run bench history", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--operations", type=int, default=100_000)
    options = parser.parse_args()
    print(f"python -m bench.history --runs {options.runs} --operations {options.operations}")
    with tempfile.TemporaryDirectory() as directory:
        runs = [one_run(options.operations, Path(directory)) for _ in range(options.runs)]
    for step in runs[0]:
        seconds = statistics.median(run[step] for run in runs)
        goal = f"  (goal: under {RECORD_GOAL:g} s for 100,000)" if step == "record" else ""
        print(f"  {step:<7} {seconds:6.2f} s, median of {options.runs}{goal}")
    return 0


if __name__ == "__main__":
    interrupts.run(main)
