"""A run at a target that somebody else runs: its pace, what it does when it is throttled, and what it leaves behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from lockstep.dialect import loads

from launcher import arguments, long_waits
from launcher.console import LaunchError
from launcher.outcome import PlannedTest
from launcher.planning import PlannedSuite
from launcher.selection import Step
from tests.foreign.frame_server import chat
from tests.foreign.running import FOREIGN
from tests.launcher.launching import command, launcher_environment, wait_until
from tests.launcher.office import CHIEF, DIALECT, Office, office

pytestmark = pytest.mark.req("T06")
TESTS = ("T20-01", "T24-01", "T24-08", "T25-01", "T25-03")
"""They make accounts and rooms, sign out, suspend."""


class Run:
    """``./run`` with some tests at an office, under way."""

    def __init__(self, folder: Path, server: Office, *words: str, dialect: str = DIALECT, **variables: str) -> None:
        self.results = folder / "results"
        target = folder / "office.yaml"
        target.write_text(dialect, "utf-8")
        environment = launcher_environment(OFFICE_URL=server.url, OFFICE_CHIEF=CHIEF, **variables)
        self.process = subprocess.Popen(
            command(*(words or TESTS), "--target", target, "--results", self.results),
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def ended(self) -> tuple[int, str]:
        output, _ = self.process.communicate()
        return self.process.returncode, output

    @property
    def folder(self) -> Path:
        return next(self.results.glob("2*"))

    @property
    def summary(self) -> Any:
        return json.loads((self.folder / "summary.json").read_text("utf-8"))


@pytest.fixture
def at_office() -> Iterator[Office]:
    with office() as server:
        yield server


def nothing_is_left(server: Office, folder: Path) -> None:
    assert server.made
    assert (server.people, server.rooms) == ({}, {})
    assert not (folder / "made.jsonl").exists()


# --- what it leaves behind


def test_what_a_run_has_made_is_undone_and_carried_its_prefix(at_office: Office, tmp_path: Path) -> None:
    run = Run(tmp_path, at_office)
    code, output = run.ended()
    assert code == 0, output
    nothing_is_left(at_office, run.folder)
    assert "left behind" not in output
    assert (run.summary["run"]["left_behind"], run.summary["run"]["throttled"]["requests"]) == ([], 0)
    names = set(re.findall(r"(?<![\w-])ls-[0-9a-f]{22}\b", (run.folder / "output.xml").read_text("utf-8")))
    assert len(names) > 4
    assert len({name[:9] for name in names}) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_undoes_what_it_has_made(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with office("slow") as server:
        run = Run(tmp_path, server)
        wait_until(lambda: server.people and "POST /rooms" in server.requests, "a room")
        run.process.send_signal(number)
        ended, output = run.ended()
        assert ended == code, output
        nothing_is_left(server, run.folder)


def test_what_a_killed_worker_has_made_is_undone(tmp_path: Path) -> None:
    with office("slow") as server:
        run = Run(tmp_path, server)
        wait_until(lambda: "POST /rooms" in server.requests, "a room")
        mark = str(run.folder / "pabot_results")
        robots = [
            one for one in psutil.process_iter(["cmdline"]) if any(mark in word for word in one.info["cmdline"] or ())
        ]
        assert robots
        for robot in robots:
            robot.kill()
        code, output = run.ended()
        assert code == 3, output
        nothing_is_left(server, run.folder)


def test_what_cannot_be_undone_is_listed_with_the_call_that_does_it(tmp_path: Path) -> None:
    with office("never deletes") as server:
        run = Run(tmp_path, server)
        code, output = run.ended()
        assert code == 0, output
        assert server.people
        left = output.partition("left behind at ")[2]
        for key, person in server.people.items():
            assert f"account {person['name']}: DELETE" in left
            assert f"curl -i -X DELETE '{server.url}/people/{key}'" in left
        assert len(run.summary["run"]["left_behind"]) == len(server.people)
        secrets = [CHIEF, *server.passwords, *server.visits]
        kept = output + "".join(path.read_text("utf-8", "replace") for path in run.folder.rglob("*") if path.is_file())
    assert [secret for secret in secrets if secret in kept] == []
    assert not (run.folder / "made.jsonl").exists()


def test_what_no_word_deletes_is_counted(at_office: Office, tmp_path: Path) -> None:
    without = re.sub(r"  delete_(room|account): .*\n", "", DIALECT)
    code, output = Run(tmp_path, at_office, dialect=without).ended()
    assert code == 0, output
    count = len(at_office.people)
    assert f"  account ({count} of them): operations.delete_account: not described in " in output
    assert "operations.delete_room: not described in " in output
    assert [known for known in at_office.visits.values() if not known["ended"]] == []


def test_the_ledger_is_for_its_owner_alone(tmp_path: Path) -> None:
    with office("slow") as server:
        run = Run(tmp_path, server)
        file = wait_until(lambda: next(iter(run.results.glob("2*/made.jsonl")), None), "the ledger")
        assert file.stat().st_mode & 0o777 == 0o600
        run.process.send_signal(signal.SIGINT)
        run.ended()


def test_a_platform_of_frames_only_is_undone_as_far_as_it_goes(tmp_path: Path) -> None:
    with chat() as server:
        words = ("T20-01", "--target", FOREIGN / "frames" / "target.yaml", "--results", tmp_path)
        environment = launcher_environment(CHAT_URL=server.url)
        done = subprocess.run(command(*words), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "operations.delete_account: not described in " in done.stdout


# --- pace


def test_a_throttled_request_waits_and_is_counted(tmp_path: Path) -> None:
    with office("throttles") as server:
        run = Run(tmp_path, server, "T20-01", "T24-05", "T25-01")
        code, output = run.ended()
        assert code == 0, output
        assert server.throttled > 1
        during = run.summary["run"]["throttled"]["requests"]
        assert 0 < during <= server.throttled
        assert f"throttled: {during} request" in output


def test_no_more_requests_go_out_in_a_second_than_the_pace_allows(at_office: Office, tmp_path: Path) -> None:
    code, output = Run(tmp_path, at_office, "T20-01", "T24-05", "T24-06", "T25-01", "--pace", "10").ended()
    assert code == 0, output
    asked = [when for when, what in zip(at_office.times, at_office.requests, strict=True)
             if what not in ("GET /ready", "GET /socket")]  # fmt: skip
    assert len(asked) > 20
    assert (len(asked) - 1) / (asked[-1] - asked[0]) <= 10.5


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf"])
def test_a_pace_is_a_number_of_requests_a_second(text: str) -> None:
    with pytest.raises(LaunchError, match=r"--pace needs a number of requests a second"):
        arguments.parse(["critical", f"--pace={text}"], {})


def test_both_options_are_part_of_the_command_that_repeats_a_run() -> None:
    request = arguments.parse(["critical", "--patient", "--pace", "2.5", "--seed", "1"], {})
    assert (request.patient, request.pace) == (True, 2.5)
    assert request.command == "./run critical --seed 1 --patient --pace 2.5"
    assert arguments.parse(["critical"], {"LOCKSTEP_PATIENT": "1"}).patient


# --- patience

BOUNDS = """dialect: 1
endpoints: {hub: {url: "http://a"}, server: {url: "http://b"}}
credentials: {header: "Authorization: Bearer {access}"}
limits: {access_ttl: 900}
promises:
  ends:
    sign_out: {access: {hub: 1s, server: 300s}, sockets: never}
    revoke_all: {access: at_expiry, sockets: next_frame}
    expiry: {access: 60s}
"""


@pytest.mark.parametrize(
    ("promise", "is_long"),
    [("sign_out.access", True), ("sign_out.sockets", False), ("revoke_all.access", True), ("revoke_all.sockets", False),
     ("expiry.access", False), ("deactivate.access", False), ("*.access", False)],
)  # fmt: skip
def test_a_long_bound_is_known_before_the_run(promise: str, is_long: bool) -> None:
    assert long_waits.is_long(loads(BOUNDS), f"promises.ends.{promise}") is is_long


def test_long_waits_are_shares_of_their_own_before_all_others() -> None:
    place, other = (Step("Root", None), Step("A", "a.robot")), (Step("Root", None), Step("B", "b.robot"))
    known = ((place, "One", "T24-01"), (place, "Two", "T24-02"), (other, "One", "T24-03"))
    tests = [PlannedTest(f"Root.{at[1].name}.{title}", (f"id:{key}",), title, at) for at, title, key in known]
    suites = [PlannedSuite("Root.A", place, ("One", "Two")), PlannedSuite("Root.B", other, ("One",))]
    long, rest = long_waits.apart(suites, tests, ["T24-01", "T24-03"])
    assert long == [PlannedSuite("Root.A", place, ("One",)), PlannedSuite("Root.B", other, ("One",))]
    assert rest == [PlannedSuite("Root.A", place, ("Two",))]
    assert long_waits.apart(suites, tests, []) == ([], suites)


def test_tests_of_long_bounds_run_at_once_and_are_merged_into_their_suite(at_office: Office, tmp_path: Path) -> None:
    late = DIALECT + "promises: {ends: {sign_out: {access: 300s}, revoke_all: {access: 300s}}}\n"
    run = Run(tmp_path, at_office, "T24-01", "T24-02", "T24-06", "T24-08", "--patient", dialect=late)
    code, output = run.ended()
    assert code == 0, output
    assert "4 tests in 1 suites, 4 at a time" in output or "4 tests in 1 suites, 3 at a time" in output
    assert len(run.summary["tests"]) == 4
    assert {test["verdict"] for test in run.summary["tests"]} == {"PASS"}
    suites = re.findall(r'<suite [^>]*name="05 Endings"', (run.folder / "output.xml").read_text("utf-8"))
    assert len(suites) == 1
