"""One run with one seeded defect: a copy of the services is changed, booted, tested and judged."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from robot.api import ExecutionResult
from robot.errors import DataError

from defects.catalogue import ROOT, Defect, apply
from defects.judge import Judgement, Outcome, Verdict, judge
from launcher import tests_by_id
from launcher.forking import ForkServer
from launcher.robots import Robots
from launcher.workers import environment
from mutation import copies

TIME_LIMIT = 240
_SAID = 300


@dataclass(frozen=True)
class Proof:
    """How a defect was judged in one repetition, after so many seconds."""

    judgement: Judgement
    seconds: float

    @property
    def caught(self) -> bool:
        """By the named tests, in the named words, and by nothing else."""
        return self.judgement.outcome is Outcome.CAUGHT

    @property
    def unknown(self) -> bool:
        """Neither caught nor missed: a test could not be judged."""
        return self.judgement.outcome is Outcome.UNKNOWN


class Bench:
    """Where runs are made: processes that have imported what each run needs, forked for it (Linux), and results."""

    def __init__(self, results: Path) -> None:
        """Results of what was not caught stay in ``results``."""
        self.results = results
        self._original = tempfile.TemporaryDirectory(prefix="lockstep-prove-")
        self._servers: list[ForkServer] = []
        self._robots: set[subprocess.Popen[str]] = set()
        self._closed = False
        self._starting = threading.Lock()
        self._environment: dict[str, str] = {}

    def __enter__(self) -> Bench:
        self.results.mkdir(parents=True, exist_ok=True)
        copies.original(ROOT, Path(self._original.name))
        if sys.platform == "linux":
            robots, services = Robots(self.results, environment({})), _services(self.results)
            self._servers = [robots, services]
            self._environment = {
                "LOCKSTEP_ROBOTS": robots.address,
                "LOCKSTEP_PRELOAD": f"-S -m defects.preload {services.address}",
            }
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every run that is under way; its host then clears up by itself."""
        with self._starting:
            self._closed = True
            for robot in self._robots:
                robot.kill()
        for server in self._servers:
            server.close()
        self._servers = []
        self._original.cleanup()

    def prove(self, defect: Defect, sample: str, repetition: int) -> Proof:
        """Boot a copy of the platform with ``defect``, run its tests and ``sample``, and judge them."""
        began = time.monotonic()
        folder = self.results / (defect.id if repetition == 1 else f"{defect.id}.{repetition}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="lockstep-defect-") as copy:
            apply(defect, Path(copy), Path(self._original.name))
            said = self._run(defect, sample, folder, Path(copy))
        found = verdicts(folder / "output.xml")
        judgement = Judgement(Outcome.NOT_RUN, said) if found is None else judge(defect, found, sample)
        proof = Proof(judgement, time.monotonic() - began)
        if proof.caught:
            shutil.rmtree(folder, ignore_errors=True)
        elif found is not None:
            self._write_log(folder)
        return proof

    def _run(self, defect: Defect, sample: str, folder: Path, copy: Path) -> str:
        """Run the tests against ``copy``; the end of what robot said."""
        tests = (*defect.caught_by, *([sample] if sample else []))
        return self.robot(tests, [ROOT / defect.suite], folder, copy, target=defect.target)

    @property
    def closed(self) -> bool:
        """Whether every run was ended."""
        return self._closed

    @property
    def unchanged(self) -> Path:
        """The copy of the services that nothing is wrong with."""
        return Path(self._original.name)

    def robot(
        self,
        tests: Iterable[str],
        suites: Iterable[Path],
        folder: Path,
        copy: Path,
        *,
        target: str = "",
        stop: bool = False,
        limit: float = TIME_LIMIT,
    ) -> str:
        """Run the tests with these ids against ``copy``, for ``limit`` seconds at most; the end of what robot said.

        ``output.xml`` is in ``folder``; with ``stop`` the first that finds something wrong is the last that runs.
        """
        options = ["--output", "output.xml", "--log", "NONE", "--report", "NONE", "--outputdir", str(folder)]
        options += ["--listener", "defects.stopping.Stopping"] if stop else []
        for name in tests:
            options += ["--include", f"{tests_by_id.PREFIX}{name}"]
        env = environment(
            {**self._environment, "LOCKSTEP_SERVICES": str(copy.resolve()), "LOCKSTEP_RUN_DIR": str(folder)}
        )
        env.pop("LOCKSTEP_HOST", None)
        if target:
            env["LOCKSTEP_TARGET"] = target
        with self._starting:
            if self._closed:
                return "not begun: the proof was ended"
            # In a session of its own: Ctrl-C is for the runner, which ends this in order.
            robot = subprocess.Popen(
                [sys.executable, "-S", "-m", "launcher.robot", *options, *map(str, suites)],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            self._robots.add(robot)
        try:
            said, _ = robot.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            robot.kill()
            robot.communicate()
            return f"not done after {limit:.0f} s"
        finally:
            with self._starting:
                self._robots.discard(robot)
        return said.strip()[-_SAID:]

    @staticmethod
    def _write_log(folder: Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "robot.rebot", "--log", "log.html", "--report", "NONE", "--output", "NONE",
             "--outputdir", str(folder), str(folder / "output.xml")],
            capture_output=True,
            check=False,
        )  # fmt: skip


def _services(folder: Path) -> ForkServer:
    return ForkServer("defects.preload", folder, environment({}))


def verdicts(output: Path) -> dict[str, Verdict] | None:
    """What each test came to, by its id; None where robot wrote nothing that can be read."""
    try:
        suite = ExecutionResult(str(output), include_keywords=False).suite
    except DataError:
        return None
    return {
        tests_by_id.of_tags(test.tags) or test.name: Verdict(test.status, test.message, test.name)
        for test in suite.all_tests
    }
