"""Start and stop of the complete embedded platform: `python -m bench.platform [--runs N] [--first N] [--json FILE]`.

PostgreSQL, Redis, provider, auth, two backends and frontend. A start is measured from before the host's process is
made until every service has answered that it is ready; a stop until the host has gone. The first start ever (empty
cache) includes initdb and both migrations; making the virtual environment is left out. CPU is that of every process of
the platform, so it says on a busy machine, too, what a start costs.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from PlatformLibrary.embedded.client import start_host

from launcher import interrupts
from launcher.parsing import Parser

START_GOAL, FIRST_GOAL, STOP_GOAL = 1.5, 4.0, 0.5


@dataclass(frozen=True)
class Measured:
    """One life of a platform; seconds, and how many processes or folders it left behind."""

    host: float
    start: float
    second: float
    stop: float
    cpu: float
    left: int
    timings: dict[str, float]


def live_once(cache: Path | None = None, *, second: bool = True) -> Measured:
    """Start a host and its platform, then a second platform beside it, and stop everything."""
    if cache is not None:
        os.environ["LOCKSTEP_CACHE"] = str(cache)
    path = Path(tempfile.gettempdir()) / f"lockstep-bench-{os.getpid()}-{time.monotonic_ns()}.sock"
    begun = time.monotonic()
    client = start_host(path)
    host_ready = time.monotonic()
    descriptor = client.lease()
    ready = time.monotonic()
    cpu = _cpu_of_host(path)
    if second:
        client.release(client.lease(shared=False)["platform_id"])
    stopping = time.monotonic()
    client.close_and_wait()
    stopped = time.monotonic()
    return Measured(
        host=host_ready - begun,
        start=ready - begun,
        second=stopping - ready,
        stop=stopped - stopping,
        cpu=cpu,
        left=_left(Path(descriptor["dir"])),
        timings=descriptor["timings"],
    )


def _cpu_of_host(path: Path) -> float:
    """CPU seconds so far of the host on ``path`` and of everything under it, ended children included."""
    host = next(one for one in psutil.process_iter(["cmdline"]) if str(path) in (one.info["cmdline"] or ()))
    times = [one.cpu_times() for one in (host, *host.children(recursive=True))]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def _left(folder: Path) -> int:
    """What still names the platform's folder: processes, and the folder itself."""
    words = (process.info["cmdline"] or () for process in psutil.process_iter(["cmdline"]))
    return sum(any(str(folder) in word for word in line) for line in words) + folder.exists()


def main() -> int:
    """Print every figure beside its goal; 0 if something was left behind nowhere."""
    parser = Parser(prog="./run bench platform", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="starts from the cache (median)")
    parser.add_argument("--first", type=int, default=3, help="starts with an empty cache (median)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    chosen = parser.parse_args()
    print(f"$ {shlex.join(['python', '-m', 'bench.platform', *sys.argv[1:]])}")
    print(f"  {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning")
    live_once()
    warm = [live_once() for _ in range(chosen.runs)]
    cold = [_first() for _ in range(chosen.first)]
    _line("start from the cached template", [one.start for one in warm], START_GOAL)
    for part in sorted(warm[0].timings, key=lambda name: statistics.median(one.timings[name] for one in warm)):
        _line(f"  {part} (after the platform's own start)", [one.timings[part] for one in warm])
    _line("  before that: the host process", [one.host for one in warm])
    _line("CPU of the start, all processes", [one.cpu for one in warm])
    _line("second platform on the same host, start and stop", [one.second for one in warm])
    _line("stop of everything", [one.stop for one in warm], STOP_GOAL)
    if cold:
        _line("first start ever (empty cache)", [one.start for one in cold], FIRST_GOAL)
    left = sum(one.left for one in (*warm, *cold))
    print(f"  left behind: {left}")
    if chosen.json:
        chosen.json.write_text(
            json.dumps({"warm": [asdict(one) for one in warm], "cold": [asdict(one) for one in cold]})
        )
    return 1 if left else 0


def _first() -> Measured:
    with tempfile.TemporaryDirectory(prefix="lockstep-cache-") as cache:
        before = os.environ.get("LOCKSTEP_CACHE")
        try:
            return live_once(Path(cache), second=False)
        finally:
            os.environ.pop("LOCKSTEP_CACHE")
            if before is not None:
                os.environ["LOCKSTEP_CACHE"] = before


def _line(label: str, seconds: list[float], goal: float | None = None) -> None:
    middle = statistics.median(seconds)
    judged = "" if goal is None else f"  goal {goal:g} s: {'met' if middle <= goal else 'MISSED'}"
    print(f"  {label:<62} {middle:6.3f} s  (of {len(seconds)}: {min(seconds):.3f}–{max(seconds):.3f}){judged}")


if __name__ == "__main__":
    interrupts.run(main)
