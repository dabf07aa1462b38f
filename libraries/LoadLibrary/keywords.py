"""The keywords: run a load of some shape, and judge what came of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count, cycle, pairwise
from pathlib import Path
from typing import Any

from HistoryLibrary.checkers import judge
from HistoryLibrary.verdicts import Rules
from lockstep import latencies, machine, masking, target, test_identity, verdicts
from lockstep.applicability import not_applicable
from lockstep.dialect import Line, Session
from lockstep.listeners import LISTENERS
from lockstep.run_folder import run_folder
from lockstep.waiting import listed
from robot.api import logger
from robot.api.deco import library
from robot.libraries.BuiltIn import BuiltIn
from TargetLibrary.background import side_by_side
from TargetLibrary.described import word
from TargetLibrary.stage import LONGEST_WAIT, patient, platform_values, target_name

from .engine import HOW_TO_INSTALL, Where, is_installed, play
from .plan import CHAT, FLOOD, RUSH, SLOW, Plan, Step, User
from .result import CONNECT, MESSAGE, REFRESH, Result
from .watching import ServiceWatch

_TO_START = 120.0
_FLOOR = 0.05
"""Seconds: a p99 below it is as good as any, so that a fast target needs not be ten times as fast."""
_AT_ONCE = 16
_SOON = 3.0
"""Seconds in which everything comes that is not lost."""
_GOOD = 0.7
"""The part of a token's life in which it is good on any clock that counts in whole seconds."""
_ROUND = timedelta(minutes=10)


@library(scope="GLOBAL", version="1.0.0", doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class LoadLibrary:
    """A load of many users on any target, by Locust, judged by the recorded histories of all of them.

    Locust spawns the users, spreads them over workers and machines, and keeps statistics (``locust.html`` and CSV in
    the folder ``load`` of the run). Each user is a chat client on WebSocketLibrary that talks in the target's dialect,
    comes back when it was cut, and buys the next token when one has expired. What each sends and receives is recorded;
    afterwards the histories of all workers are merged by the names of users and messages, never by clock, and
    HistoryLibrary judges them: lost, doubled, reordered, leaked.

    | Use Target For Load
    | ${load} =    Run Steady Load    users=100    seconds=10s    every=1s
    | Every User Should Be Served    ${load}
    | Load History Should Be As Promised    ${load}

    Needs Locust (``requirements-load.txt``); without it each test is NA. ``workers`` are processes, of which
    ``elsewhere`` are started on other machines with ``./run load --worker``; they find the master at ``bind`` and
    ``port``. ``web`` is the port of Locust's page.
    """

    def __init__(
        self, workers: int = 2, elsewhere: int = 0, web: int = 0, bind: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._workers = workers + elsewhere
        self._where = Where(elsewhere, web, bind, port)

    # --- the target

    @word("load")
    def use_target_for_load(self, **limits: str) -> None:
        """Uses the run's target with no other suite beside it; where the run starts it, it has these ``limits``."""
        if not is_installed():
            not_applicable("locust", HOW_TO_INSTALL)
        self._target.use_target_alone(**limits)

    @word("load")
    def load_must_be_as_large_as(self, users: int, needed: int, command: str) -> None:
        """NA where a load of fewer users was asked for; ``command`` asks for enough."""
        if users < needed:
            not_applicable("load.users", f"{users} users are too few to show it: {command}")

    @word("load")
    def load_must_be_as_long_as(self, lasting: timedelta, needed: timedelta, command: str) -> None:
        """NA where a shorter load was asked for; ``command`` asks for a long one."""
        if lasting < needed:
            not_applicable("load.lasting", f"{lasting.total_seconds():g} s are too few to show it: {command}")

    # --- loads

    @word("load")
    def run_steady_load(
        self, users: int, seconds: timedelta, every: timedelta = timedelta(seconds=1), endpoint: str = "",
        rate: float = 0.0,
    ) -> Result:  # fmt: skip
        """So many users for so long, each with a message ``every`` so often; ``rate`` users come in a second."""
        return self._run([Step("steady", users, seconds.total_seconds(), rate)], self._users(users, endpoint), every)

    @word("load")
    def run_ramp(
        self, users: int, steps: int = 4, seconds: timedelta = timedelta(seconds=5),
        every: timedelta = timedelta(seconds=1),
    ) -> Result:  # fmt: skip
        """From a part of the users to all of them in so many equal ``steps`` of so many ``seconds`` each."""
        counts = [max(1, round(users * number / steps)) for number in range(1, steps + 1)]
        ramp = [Step(f"{count} users", count, seconds.total_seconds()) for count in dict.fromkeys(counts)]
        return self._run(ramp, self._users(users), every)

    @word("load")
    def run_storm(
        self, users: int, away: timedelta = timedelta(), seconds: timedelta = timedelta(seconds=3),
        every: timedelta = timedelta(seconds=1),
    ) -> Result:  # fmt: skip
        """All sockets are cut at one moment, and all users come back at another, ``away`` later."""
        lasting = seconds.total_seconds()
        steps = [Step("before", users, lasting), Step("storm", users, lasting, act="cut", away=away.total_seconds())]
        return self._run(steps, self._users(users), every)

    @word("load")
    def run_storm_with_expired_tokens(
        self, users: int, seconds: timedelta = timedelta(seconds=3), every: timedelta = timedelta(seconds=1)
    ) -> Result:
        """As `Run Storm`, and meanwhile each token expires: users come back with one that is refused, and refresh it.

        NA where tokens live for more than a minute, unless the run is patient.
        """
        lives = timedelta(seconds=self._stage.limit("access_ttl"))
        if lives > LONGEST_WAIT and not patient():
            not_applicable(
                "limits.access_ttl", f"tokens live for {lives.total_seconds():g} s; --patient waits for that"
            )
        if not self._stage.dialect.knows("refresh"):
            raise self._stage.dialect.missing("operations.refresh")
        return self.run_storm(users, lives + timedelta(seconds=1), seconds, every)

    @word("load")
    def run_load_that_loses_a_frame(
        self, users: int, seconds: timedelta = timedelta(seconds=3), every: timedelta = timedelta(seconds=1)
    ) -> Result:
        """A steady load, in which one frame on its way to the first user is lost between the target and that user.

        NA where each socket is encrypted, since nobody can drop a frame there.
        """
        plain = next((name for name in self._stage.socket_endpoints if self._is_plain(name)), None)
        if plain is None:
            raise self._stage.dialect.missing(
                "endpoints.socket", "each socket is encrypted, so no frame can be dropped"
            )
        first, *others = self._users(users)
        people = [replace(first, endpoint=plain, dropped=True), *others]
        lasting = seconds.total_seconds()
        return self._run(
            [Step("before", users, lasting), Step("loss", users, lasting, act="drop")], people, every, _SOON
        )

    @word("load")
    def run_disturbed_load(
        self, users: int, slow: int = 0, flood: int = 0, rush: int = 0,
        seconds: timedelta = timedelta(seconds=3), every: timedelta = timedelta(seconds=1),
    ) -> Result:  # fmt: skip
        """Unaffected ``users`` chat; then ``slow`` others read nothing more, ``flood`` others open connections on and
        on without a credential, and ``rush`` others sign in at once, in a step each.
        """
        lasting = seconds.total_seconds()
        everybody = users + slow + flood + rush
        people = self._users(users)
        steps = [Step("before", everybody, lasting)]
        if slow:
            people += self._users(slow, role=SLOW)
            steps.append(Step("slow readers", everybody, lasting, act="slow"))
        if flood:
            people += self._strangers(flood)
            steps.append(Step("connection flood", everybody, lasting, act="flood"))
        if rush:
            people += self._newcomers(rush)
            steps.append(Step("sign-in rush", everybody, lasting, act="rush"))
        return self._run(steps, people, every)

    @word("load")
    def run_soak(
        self, users: int, lasting: timedelta, a_round: timedelta = _ROUND, every: timedelta = timedelta(seconds=10),
    ) -> list[Result]:  # fmt: skip
        """Rounds of a steady load on one platform, until ``lasting`` is over; each history is judged at its end.

        ``memory`` of each result has, by service, resident megabytes and open descriptors after the round, where the
        services run on this machine.
        """
        rounds = max(3, round(lasting / a_round))
        watch = ServiceWatch(_library("PlatformLibrary"))
        results = []
        for number in range(1, rounds + 1):
            if history := _library("HistoryLibrary"):
                history.start_history(f"round {number}")
            result = self.run_steady_load(users, lasting / rounds, every)
            self.every_user_should_be_served(result)
            self.load_history_should_be_as_promised(result)
            result.memory = watch.look()
            result.operations = []
            logger.info(f"round {number} of {rounds}: {result.memory}", also_console=rounds > 3)
            results.append(result)
        return results

    # --- verdicts

    @word("load")
    def every_user_should_be_served(self, load: Result) -> None:
        """Passes when each user came, no socket was refused, nothing was answered with an error, and all that was sent
        was acknowledged.
        """
        if not load.sent:
            raise AssertionError("no message was sent: nothing would be proved")
        flaws = [*load.flaws, *load.lacking]
        if load.acked < load.sent:
            flaws.append(f"{load.sent - load.acked} of {load.sent} messages were not acknowledged")
        if flaws:
            raise AssertionError(masking.mask(listed(flaws)))

    @word("load")
    def every_user_should_have_connected(self, load: Result) -> None:
        """Passes when each user's socket has opened, and none was refused, closed or given up."""
        opened = sum(len(times) for (_, what), times in load.times.items() if what == CONNECT)
        flaws = [*load.flaws, *(f"{count} sockets were closed with {code}" for code, count in load.closes.items())]
        if flaws or opened != len(load.people):
            raise AssertionError(masking.mask(f"{opened} of {len(load.people)} sockets opened. {listed(flaws)}"))

    @word("load")
    def load_history_should_be_as_promised(self, load: Result) -> None:
        """Passes when nothing that any user sent was lost, doubled, reordered, leaked or changed, as is promised.

        Judged is the merged history of all workers, and the stored messages, where the target has a word for them.
        """
        self._import(load)
        people = {user.room: user for user in load.people if user.room is not None and user.role == CHAT}
        self._target.judge_history({room: self._reader(user.session) for room, user in people.items()})

    @word("load")
    def lost_message_should_be_named(self, load: Result) -> None:
        """Passes when the verdict on the merged history names the one message that was lost, and to whom."""
        robbed = next(user.name for user in load.people if user.dropped)
        gapless = self._stage.dialect.needed_socket().gapless
        found = judge(load.operations, ["lost"], Rules(gapless=gapless)).findings[0].anomalies
        named = listed([one.text for one in found]) or "none"
        logger.info(f"of {len(load.operations)} operations: {named}")
        if len(found) != 1 or f"{robbed} " not in f"{found[0].text} ":
            raise AssertionError(f"one message to {robbed} was lost, and the verdict names {named}")

    @word("load")
    def load_should_stay_within(
        self, load: Result, step: str, what: str = MESSAGE, p99: timedelta | None = None
    ) -> None:
        """Passes when the p99 of what was done in a step is not more than ``p99``; recorded among the latencies."""
        found = load.summary(step, what)
        for seconds in load.times[step, what]:
            latencies.record(f"load {step} {what}", seconds)
        logger.info(str(load))
        if p99 is not None and found.p99 > p99.total_seconds():
            machine.missed(
                f"p99 of {what} in {step} is {found.p99 * 1000:.0f} ms, not {p99.total_seconds() * 1000:.0f} ms"
            )

    @word("load")
    def ramp_should_keep_every_promise(self, load: Result, p99: timedelta = timedelta(seconds=1)) -> None:
        """Passes when each step served all its users; else names the step and the first promise that was broken."""
        steps = list(dict.fromkeys(step for step, what in load.times if what == MESSAGE and step))
        if not steps:
            raise AssertionError("no step was measured: nothing would be proved")
        for step in steps:
            if broken := load.broken(step, p99.total_seconds()):
                kept = steps[: steps.index(step)]
                carried = f"carried are {kept[-1]}" if kept else "no step was carried"
                machine.missed(f"the first broken promise: {broken}; {carried}")
        logger.info(f"carried are {steps[-1]}, p99 at most {p99.total_seconds() * 1000:.0f} ms\n{load}")

    @word("load")
    def unaffected_users_should_stay_as_fast(self, load: Result, step: str, before: str = "before") -> None:
        """Passes when the p99 of a message in ``step`` is within ``promises.load.slower`` times the one ``before``."""
        promise = self._stage.dialect.promises.choice("load.slower")
        usual, found = load.summary(before).p99, load.summary(step).p99
        ratio = found / max(usual, _FLOOR)
        logger.info(f"p99 of a message: {usual * 1000:.0f} ms before, {found * 1000:.0f} ms in {step}")
        if promise.unbounded:
            verdicts.unbounded(f"{ratio:.1f} times as slow in {step}")
        elif ratio > promise.value:
            machine.missed(
                f"unaffected users: p99 of a message is {found * 1000:.0f} ms in {step}, and was {usual * 1000:.0f} ms "
                f"before: more than {promise.value:g} times"
            )
        elif ratio > promise.default:
            verdicts.weaker(f"{ratio:.1f} times as slow in {step}, as declared", promise.reference)

    @word("load")
    def step_should_have_done(self, load: Result, step: str, what: str, count: int = 1) -> None:
        """Passes when ``what`` (``sign in``, ``connection without a credential``) was done so often in a step at least,
        and never failed.
        """
        failed = {why: number for (where, done, why), number in load.failures.items() if (where, done) == (step, what)}
        if failed:
            raise AssertionError(f"{what} in {step} failed: {listed([f'{n} × {why}' for why, n in failed.items()])}")
        found = load.summary(step, what)
        logger.info(f"{what} in {step}: {found}")
        if found.count < count:
            raise AssertionError(f"{what} was done {found.count} times in {step}, not {count}")

    @word("load")
    def every_user_should_have_returned(self, load: Result, step: str = "storm") -> None:
        """Passes when each user who was cut is connected and served again."""
        back, users = load.summary(step, CONNECT).count, sum(user.role == CHAT for user in load.people)
        if back < users:
            raise AssertionError(f"{back} of {users} users came back in {step}")

    @word("load")
    def tokens_should_be_refreshed_once(self, load: Result) -> None:
        """Passes when the storm cost each session one refresh, none was refreshed again while its token was good, and
        nobody was signed out.
        """
        if out := [text for text in load.troubles if "signed out" in text]:
            raise AssertionError(f"{len(out)} users were signed out: {listed(out)}")
        lives = self._stage.limit("access_ttl")
        often = [
            f"{name} again after {later - earlier:.1f} s"
            for name, times in load.renewals.items()
            for earlier, later in pairwise(times)
            if later - earlier < lives * _GOOD
        ]
        if often:
            raise AssertionError(f"tokens that live for {lives:g} s were refreshed too often: {listed(often)}")
        users = [user.name for user in load.people if user.role == CHAT]
        if kept := [name for name in users if name not in load.renewals]:
            raise AssertionError(f"the tokens of {len(kept)} users were not refreshed, so they had not expired")
        logger.info(f"{len(users)} sessions were refreshed: {load.summary('storm', REFRESH)}")

    @word("load")
    def soak_should_not_drift(
        self, results: Sequence[Result], memory: float = 10.0, descriptors: int = 5, slower: float = 2.0
    ) -> None:
        """Passes when after the first round no service grew by more than ``memory`` MB or ``descriptors``, and the last
        round was at most ``slower`` times as slow; the growth in an hour is reported.
        """
        if len(results) < 3:
            raise AssertionError("a drift shows itself in three rounds and more")
        flaws = []
        for service, (first_mb, first_files) in results[0].memory.items():
            if service not in results[-1].memory:
                raise AssertionError(f"{service} was replaced during the soak")
            last_mb, last_files = results[-1].memory[service]
            logger.info(f"{service}: {last_mb - first_mb:+.1f} MB, {last_files - first_files:+.0f} descriptors")
            if last_mb - first_mb > memory:
                flaws.append(f"{service} grew from {first_mb:.1f} to {last_mb:.1f} MB")
            if last_files - first_files > descriptors:
                flaws.append(f"{service} had {first_files:.0f} descriptors open, and then {last_files:.0f}")
        first, last = results[0].summary("steady").p99, results[-1].summary("steady").p99
        if flaws:
            raise AssertionError(f"drift in {len(results)} rounds: {listed(flaws)}")
        if last > slower * max(first, _FLOOR):
            machine.missed(f"p99 of a message was {first * 1000:.0f} ms, and then {last * 1000:.0f} ms")

    # --- how

    @property
    def _target(self) -> Any:
        return _needed("TargetLibrary")

    @property
    def _stage(self) -> Any:
        return self._target.stage

    def _users(self, number_of: int, endpoint: str = "", role: str = CHAT) -> list[User]:
        number_of = self._target.at_most("users", number_of)
        sessions: list[Session] = []
        rooms: list[Any] = []
        # A few at a time, so that no token expires before its room is made.
        while len(sessions) < number_of:
            fresh = self._target.sign_in_users(min(_AT_ONCE, number_of - len(sessions)))
            sessions += fresh
            rooms += self._target.create_rooms(fresh)
        places = cycle([endpoint] if endpoint else self._stage.socket_endpoints)
        return [
            User(f"{role}-{number}", session, place, room, role)
            for number, (session, room, place) in enumerate(zip(sessions, rooms, places, strict=False))
        ]

    def _is_plain(self, endpoint: str) -> bool:
        line = Line(self._stage.speaker, endpoint, room="any")
        return line.handshake().url.startswith("ws://")

    def _strangers(self, number_of: int) -> list[User]:
        places = cycle(self._stage.socket_endpoints)
        return [User(f"flood-{number}", Session(), next(places), None, FLOOD) for number in range(number_of)]

    def _newcomers(self, number_of: int) -> list[User]:
        """Accounts that are signed up, and not signed in."""
        driver, at_once = self._target.quiet_driver("sign_up")
        accounts = [self._stage.accounts.new() for _ in range(number_of)]
        if not self._stage.accounts.are_given:
            accounts = side_by_side(lambda account: driver.needed("sign_up", account).session, accounts, at_once)
        return [User(f"rush-{number}", account, "", None, RUSH) for number, account in enumerate(accounts)]

    def _run(
        self, steps: Sequence[Step], users: list[User], every: timedelta, settle: float = Plan.settle
    ) -> Result:  # fmt: skip
        if not is_installed():
            not_applicable("locust", HOW_TO_INSTALL)
        folder = _folder()
        steps = [replace(step, users=min(step.users, len(users))) for step in steps]
        workers = max(1, min(self._workers, len(users)))
        ca_file = target.current().ca_file if target.in_use() else None
        plan = Plan(
            target_name(), platform_values(), steps, users, every.total_seconds(), workers,
            Path(ca_file).read_text("ascii") if ca_file else "", settle, test_identity.current(),
        )  # fmt: skip
        lasts = sum(step.seconds + step.away + (step.users / step.rate if step.rate else 0.0) for step in steps)
        play(plan, folder, self._where, lasts + 2 * plan.settle + _TO_START + len(users) / 10)
        result = Result.read(folder)
        result.people = users
        logger.info(f"{result}\nLocust's own report: {folder / 'locust.html'}")
        return result

    def _import(self, load: Result) -> None:
        """The merged history becomes that of the running test."""
        _needed("HistoryLibrary").take_over(load.operations, gapless=self._stage.dialect.needed_socket().gapless)

    def _reader(self, session: Session) -> Session:
        """Who may read a room now: the user, signed in again where the token has expired."""
        return self._target.sign_in(session) if self._stage.has_expired(session) else session


def _folder() -> Path:
    """A new folder of the running test."""
    name = re.sub(r"[^\w-]+", "_", test_identity.current().rpartition(".")[2]).lower() or "load"
    base = run_folder("load")
    return next(path for number in count(1) if not (path := base / f"{name}-{number}").exists())


def _library(name: str) -> Any:
    try:
        return BuiltIn().get_library_instance(name)
    except RuntimeError:
        return None


def _needed(name: str) -> Any:
    if (found := _library(name)) is None:
        raise RuntimeError(f"{name} is not imported: a load needs resource portable/load.resource")
    return found
