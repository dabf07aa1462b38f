"""What Locust runs, as master or as worker: it spawns, spreads, counts and shows; a `Crew` talks to the target.

Sockets live on the event loop of WebSocketLibrary, in a thread of its own, which is why Locust must not patch the
standard library of a worker (``LOCUST_SKIP_MONKEY_PATCH=1``).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import gevent
from locust import LoadTestShape, User, events, task
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from WebSocketLibrary.background import background

from LoadLibrary.crew import Crew
from LoadLibrary.plan import Plan, Step

PLAN, FOLDER = "LOCKSTEP_LOAD_PLAN", "LOCKSTEP_LOAD_FOLDER"
_TICK = 0.1
_ALL_READY = 60.0
"""Seconds that the users of a step have to come, beside the time that their rate takes."""
_ALL_ENDED = 60.0
_PIECE = 1 << 20

log = logging.getLogger("lockstep")


class Chatter(User):
    """One user of the plan; which one, the worker's crew knows."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._user = worker().next_user()

    def on_start(self) -> None:
        """The client connects, and talks from then on by itself."""
        crew = worker().crew
        if self._user is not None and crew is not None:
            background().post(crew.join, self._user)

    @task
    def be_there(self) -> None:
        """Nothing is to be done here: the loop thread does it."""
        gevent.sleep(3600)


class Steps(LoadTestShape):
    """How many users there are says the conductor, as the plan's steps go on."""

    use_common_options = False

    def tick(self) -> tuple[int, float] | None:
        """Users and rate; None once all is over."""
        return conductor().wanted


class Worker:
    """What a worker's process knows."""

    def __init__(self, environment: Environment) -> None:
        self.crew: Crew | None = None
        self._environment = environment
        self._waiting: Iterator[Any] = iter(())
        runner = cast("WorkerRunner", environment.runner)
        self._send = runner.send_message
        runner.register_message("crew", self._crew)
        runner.register_message("step", lambda environment, msg: self._on_loop(lambda crew: crew.act(msg.data)))
        runner.register_message("calm", self._calm, concurrent=True)
        runner.register_message("end", self._end, concurrent=True)

    def next_user(self) -> Any:
        """The next of this worker's users; None where there are no more."""
        return next(self._waiting, None)

    def _crew(self, environment: Environment, msg: Any) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lockstep-load-"))
        self.crew = background().call(Crew, msg.data, self._folder)
        self._waiting = iter(self.crew.users)
        gevent.spawn(self._report)

    def _on_loop(self, does: Callable[[Crew], object]) -> None:
        if self.crew is not None:
            background().post(does, self.crew)

    def _report(self) -> None:
        """What is new goes into Locust's statistics, and how many users are served goes to the master."""
        assert self.crew is not None
        while True:
            self._take_news()
            self._send("standing", self.crew.standing)
            gevent.sleep(_TICK)

    def _take_news(self) -> None:
        crew = self.crew
        assert crew is not None
        while crew.news:
            what, took, why = crew.news.popleft()
            self._environment.events.request.fire(
                request_type="chat", name=what, response_time=took * 1000, response_length=0, context={},
                exception=RuntimeError(why) if why else None,
            )  # fmt: skip

    def _calm(self, environment: Environment, msg: Any) -> None:
        """All users stop to send; the master hears of it once each sending was acknowledged."""
        assert self.crew is not None
        self._run(self.crew.calm(msg.data["within"]))
        self._send("calm", {"number": self.crew.number})

    def _end(self, environment: Environment, msg: Any) -> None:
        """All users settle; then the history and what was measured go to the master."""
        crew = self.crew
        assert crew is not None
        lacking = self._run(crew.settle(msg.data["within"]))
        self._take_news()
        path = crew.history.path
        packed = zlib.compress(path.read_bytes()) if path is not None else zlib.compress(b"")
        for start in range(0, len(packed), _PIECE):
            self._send("history", {"number": crew.number, "piece": packed[start : start + _PIECE]})
        shutil.rmtree(self._folder, ignore_errors=True)
        self._send("outcome", crew.outcome(lacking))

    @staticmethod
    def _run(coroutine: Any) -> Any:
        """What comes of a coroutine on the loop thread, while the greenlets of this thread go on."""
        import asyncio

        future = asyncio.run_coroutine_threadsafe(coroutine, background().loop)
        while not future.done():
            gevent.sleep(_TICK)
        return future.result()


class Conductor:
    """What the master's process knows: it hands out the users, and leads all workers through the steps."""

    def __init__(self, environment: Environment) -> None:
        path = Path(os.environ[PLAN])
        self.plan = Plan.from_json(path.read_text("utf-8"))
        path.unlink()
        first = self.plan.steps[0]
        self.wanted: tuple[int, float] | None = (first.users, first.rate or first.users)
        self._runner = cast("MasterRunner", environment.runner)
        self._folder = Path(os.environ[FOLDER])
        self._standing: dict[int, int] = {}
        self._pieces: dict[int, bytearray] = {}
        self._outcomes: dict[int, dict[str, Any]] = {}
        self._late: list[str] = []
        self._calm: set[int] = set()
        self._runner.register_message("standing", self._note_standing)
        self._runner.register_message("history", self._note_history)
        self._runner.register_message("outcome", self._note_outcome)
        self._runner.register_message("calm", lambda environment, msg: self._calm.add(msg.data["number"]))
        environment.events.test_start.add_listener(self._begin)

    def _note_standing(self, environment: Environment, msg: Any) -> None:
        self._standing[msg.data["number"]] = msg.data["ready"]

    def _note_history(self, environment: Environment, msg: Any) -> None:
        self._pieces.setdefault(msg.data["number"], bytearray()).extend(msg.data["piece"])

    def _note_outcome(self, environment: Environment, msg: Any) -> None:
        self._outcomes[msg.data["number"]] = msg.data

    def _begin(self, environment: Environment, **_: Any) -> None:
        """Before anybody is spawned, each worker is given its users."""
        clients = sorted(self._runner.clients.ready, key=lambda client: str(client.id))
        for number, client in enumerate(clients[: self.plan.workers]):
            self._runner.send_message("crew", self.plan.for_worker(number), client_id=client.id)
        gevent.spawn(self._lead)

    def _lead(self) -> None:
        try:
            for step in self.plan.steps:
                self._play(step)
            self._runner.send_message("calm", {"within": self.plan.settle})
            self._wait(lambda: len(self._calm) == self.plan.workers, self.plan.settle + _ALL_ENDED)
            self._runner.send_message("end", {"within": self.plan.settle})
            self._wait(lambda: len(self._outcomes) == self.plan.workers, self.plan.settle + _ALL_ENDED)
            self._write()
        finally:
            self.wanted = None

    def _play(self, step: Step) -> None:
        rate = step.rate or step.users
        self.wanted = (step.users, rate)
        self._runner.send_message("step", {"name": step.name, "act": step.act, "away": step.away})
        within = step.users / rate + _ALL_READY
        if not step.act and not self._wait(lambda: sum(self._standing.values()) >= step.users, within):
            came = sum(self._standing.values())
            self._late.append(f"{step.name}: {came} of {step.users} users were served within {within:.0f} s")
        gevent.sleep(step.seconds + step.away)

    def _wait(self, holds: Callable[[], bool], within: float) -> bool:
        with gevent.Timeout(within, False):
            while not holds():
                gevent.sleep(_TICK)
        return holds()

    def _write(self) -> None:
        for number, packed in self._pieces.items():
            (self._folder / f"history-{number}.jsonl").write_bytes(zlib.decompress(bytes(packed)))
        ended = [self._outcomes[number] for number in sorted(self._outcomes)]
        result = {"workers": self.plan.workers, "outcomes": ended, "late": self._late}
        (self._folder / "result.json").write_text(json.dumps(result, ensure_ascii=False), "utf-8")


_known: dict[str, Any] = {}


def worker() -> Worker:
    """That of this process."""
    return cast("Worker", _known["worker"])


def conductor() -> Conductor:
    """That of this process."""
    return cast("Conductor", _known["conductor"])


@events.init.add_listener
def begin(environment: Environment, **_: Any) -> None:
    """Locust is ready: this process is a master or a worker."""
    if isinstance(environment.runner, MasterRunner):
        _known["conductor"] = Conductor(environment)
    elif isinstance(environment.runner, WorkerRunner):
        _known["worker"] = Worker(environment)
        environment.events.quit.add_listener(_leave)
    else:
        raise SystemExit("this load needs a master and workers: ./run load --help")


def _leave(exit_code: int) -> None:
    """A worker is done: at once, since its loop thread must not meet an interpreter that is taken apart."""
    logging.shutdown()
    os._exit(exit_code)
