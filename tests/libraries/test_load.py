"""What a load is and what its workers have seen: shares, merged histories, and the first broken promise."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from HistoryLibrary.checkers import judge
from HistoryLibrary.operations import Kind, Operation
from HistoryLibrary.verdicts import Verdict
from LoadLibrary import engine, keywords
from LoadLibrary.plan import CHAT, Plan, Step, User
from LoadLibrary.result import Result, merged
from lockstep.dialect import Session
from lockstep.dialect.cookies import Cookie

HOUR = 3_600_000_000_000


def plan(users: int = 5, workers: int = 2) -> Plan:
    cookie = Cookie("sid", "secret", "host", attributes=(("path", "/"),))
    people = [User(f"chat-{n}", Session({"user": n}, (cookie,)), "backend-1", f"room-{n}", CHAT) for n in range(users)]
    return Plan("embedded", {"auth_url": "http://x"}, [Step("steady", users, 2.0)], people, 0.5, workers)


def test_a_plan_survives_its_file_and_the_wire() -> None:
    before = plan()
    after = Plan.from_json(before.as_json())
    assert after == before
    assert User.from_data(json.loads(json.dumps(before.users[0].as_data()))) == before.users[0]


def test_each_user_is_on_one_worker_whatever_number_there_is() -> None:
    for workers in (1, 2, 3, 5):
        shared = [user.name for number in range(workers) for user in plan(workers=workers).share(number)]
        assert sorted(shared) == [f"chat-{number}" for number in range(5)]


@pytest.mark.parametrize("wrong", [{"users": 0}, {"seconds": -1.0}, {"act": "dance"}])
def test_a_step_that_cannot_be_played_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"dance|needs a user and a time"):
        Step(**{"name": "x", "users": 1, "seconds": 1.0, **wrong})


def history(process: str, began: int, *, lacks: bool = False) -> list[Operation]:
    """One user who sends two messages and drains; their clock began at ``began``."""
    room = f"room of {process}"
    told: list[tuple[Kind, str, dict[str, Any]]] = [("ok", "subscribe", {"seq": 0, "epoch": 1})]
    for seq in (1, 2):
        name = {"client_msg_id": f"{process}-{seq}"}
        told += [
            ("invoke", "send", {**name, "value": f"{process} {seq}"}),
            ("ok", "send", {**name, "seq": seq, "epoch": 1}),
        ]
        if not (lacks and seq == 2):
            told.append(("ok", "receive", {**name, "seq": seq, "epoch": 1, "value": f"{process} {seq}"}))
    told += [("invoke", "drain", {}), ("ok", "drain", {})]
    return [
        Operation(index, began + index, 0.0, process, kind, op, room, **fields)
        for index, (kind, op, fields) in enumerate(told)
    ]


@pytest.mark.req("L06")
def test_histories_of_machines_whose_clocks_differ_are_one_valid_history() -> None:
    one = merged([history("chat-0", 0), history("chat-1", HOUR), history("chat-2", -HOUR)])
    assert judge(one, ["lost", "duplicate", "reordered", "foreign"]).verdict is Verdict.VALID
    assert [operation.index for operation in one] == list(range(len(one)))
    last_sent = max(number for number, operation in enumerate(one) if operation.op == "send")
    assert all(operation.op == "drain" for operation in one[last_sent + 2 :])


@pytest.mark.req("L06")
def test_what_one_worker_lost_is_named_in_the_merged_history() -> None:
    one = merged([history("chat-0", 0), history("chat-1", -HOUR, lacks=True)])
    (anomaly,) = judge(one, ["lost"]).anomalies
    assert "chat-1" in anomaly.text
    assert "message 2" in anomaly.text


def result(**changes: Any) -> Result:
    known: dict[str, Any] = {
        "workers": 2, "times": {("10 users", "message"): [0.1] * 99 + [0.2], ("20 users", "message"): [0.1, 3.0]},
        "failures": {}, "closes": {}, "renewals": {}, "troubles": [], "errors": [], "unrecovered": [], "lacking": [],
        "late": [], "sent": 4, "acked": 4,
    }  # fmt: skip
    return Result(**{**known, **changes})


@pytest.mark.req("L02")
def test_the_first_broken_promise_of_a_ramp_is_named_with_what_was_carried() -> None:
    library = keywords.LoadLibrary()
    with pytest.raises(AssertionError) as caught:
        library.ramp_should_keep_every_promise(result(), timedelta(seconds=1))
    assert "the first broken promise: 20 users: p99 of a message is 3000 ms, not 1000 ms" in str(caught.value)
    assert "carried are 10 users" in str(caught.value)
    refused = result(failures={("10 users", "connect", "refused with 503"): 7})
    with pytest.raises(AssertionError, match="10 users: 7 × connect failed: refused with 503; no step was carried"):
        library.ramp_should_keep_every_promise(refused, timedelta(seconds=1))
    library.ramp_should_keep_every_promise(result(), timedelta(seconds=5))


def test_who_was_not_served_is_named() -> None:
    library = keywords.LoadLibrary()
    library.every_user_should_be_served(result())
    for changes, words in (
        ({"sent": 0}, "nothing would be proved"),
        ({"acked": 3}, "1 of 4 messages were not acknowledged"),
        ({"troubles": ["chat-1: signed out: 400"]}, "chat-1: signed out"),
        ({"late": ["steady: 9 of 10 users were served within 60 s"]}, "9 of 10 users"),
        ({"lacking": ["chat-2: holds 5 of at least 9"]}, "chat-2: holds 5"),
    ):
        with pytest.raises(AssertionError, match=words):
            library.every_user_should_be_served(result(**changes))


@pytest.mark.req("L03")
def test_a_soak_that_drifts_is_named_with_what_grew() -> None:
    library = keywords.LoadLibrary()

    def rounds(*memory: tuple[float, float]) -> list[Result]:
        times = {("steady", "message"): [0.01]}
        return [result(times=times, memory={"auth": list(one)}) for one in memory]

    library.soak_should_not_drift(rounds((100, 20), (108, 21), (109, 22)))
    with pytest.raises(AssertionError, match=r"auth grew from 100\.0 to 130\.0 MB"):
        library.soak_should_not_drift(rounds((100, 20), (115, 20), (130, 20)))
    with pytest.raises(AssertionError, match="auth had 20 descriptors open, and then 90"):
        library.soak_should_not_drift(rounds((100, 20), (100, 55), (100, 90)))
    with pytest.raises(AssertionError, match="three rounds"):
        library.soak_should_not_drift(rounds((100, 20)))


def test_a_load_that_breaks_off_says_what_locust_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "print('no such option'); raise SystemExit(2)"
    monkeypatch.setattr(engine, "_locust", lambda: [sys.executable, "-c", words])
    with pytest.raises(engine.EngineError, match="no such option"):
        engine.play(plan(), tmp_path / "load", engine.Where(), 30)


def test_without_locust_a_load_is_not_applicable_and_says_how_to_install_it(tmp_path: Path) -> None:
    suite = tmp_path / "load.robot"
    suite.write_text(
        "*** Settings ***\nLibrary    LoadLibrary\n\n*** Test Cases ***\nA Load\n    Use Target For Load\n", "utf-8"
    )
    hide = "import sys; sys.modules['locust'] = None\nfrom robot import run_cli\nrun_cli(sys.argv[1:])"
    libraries = Path(engine.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", hide, "--pythonpath", str(libraries), "--outputdir", str(tmp_path), str(suite)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "NA: locust: ./run load installs it, and so does pip install -r requirements-load.txt" in done.stdout
