"""What a webhook receives, from a real HTTP server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from launcher import ended
from launcher.ended import Ended
from launcher.notify import Job, Webhook
from launcher.outcome import JudgedTest, Outcome
from launcher.verdicts import Verdict
from tests.launcher.conftest import Receiver

JOB = Job("critical", "embedded")
GOOD = Outcome("critical", "embedded", "77", 9.0, (JudgedTest("Critical.A.One", Verdict.PASS),))
BAD = replace(
    GOOD,
    tests=(
        JudgedTest("Critical.A.One", Verdict.FAIL, "1 < 2 & more\nsecond line"),
        JudgedTest("Critical.B.Two", Verdict.UNKNOWN, "UNKNOWN: no worker reported it", reported=False),
    ),
    problems=("an entry has expired",),
)


def send(outcome: Outcome, **environ: str) -> str | None:
    webhook = Webhook.taken({f"LOCKSTEP_{name}": value for name, value in environ.items()})
    assert webhook is not None
    return webhook.notify(JOB, ended.of_run(outcome))


def test_slack_receives_which_job_failed_and_why(webhook: Receiver) -> None:
    assert send(BAD, WEBHOOK=webhook.url, RUN_URL="https://ci.example.test/7") is None
    (body,) = webhook.bodies
    assert body["text"] == (
        "Lockstep critical on embedded: NOT WELL — 2 tests, 1 failed, 1 unknown, 1 problem, seed 77"
    )
    texts = [block["text"]["text"] for block in body["blocks"]]
    assert texts[1] == (
        "• an entry has expired\n"
        "• FAIL Critical.A.One: 1 &lt; 2 &amp; more\n"
        "• UNKNOWN Critical.B.Two: no worker reported it"
    )
    assert texts[2] == "<https://ci.example.test/7|log>"


def test_slack_receives_nothing_of_good_and_interrupted_runs(webhook: Receiver) -> None:
    assert send(GOOD, WEBHOOK=webhook.url) is None
    assert send(replace(BAD, interrupted=True), WEBHOOK=webhook.url) is None
    assert webhook.bodies == []


def test_pagerduty_is_triggered_and_resolved_under_one_key(webhook: Receiver) -> None:
    asked = {"WEBHOOK": webhook.url, "WEBHOOK_KIND": "pagerduty", "PAGERDUTY_KEY": "integration-key"}
    assert send(BAD, **asked) is None
    assert send(GOOD, **asked) is None
    trigger, resolve = webhook.bodies
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "lockstep/critical/embedded"
    assert trigger["routing_key"] == "integration-key"
    assert trigger["payload"]["severity"] == "error"
    assert trigger["payload"]["custom_details"]["failures"][1].startswith("FAIL Critical.A.One: ")
    assert "payload" not in resolve


def test_many_failures_are_cut_and_counted(webhook: Receiver) -> None:
    many = replace(GOOD, tests=tuple(JudgedTest(f"T{number}", Verdict.FAIL, "x") for number in range(25)))
    assert send(many, WEBHOOK=webhook.url) is None
    assert webhook.bodies[0]["blocks"][1]["text"]["text"].endswith("• FAIL T9: x\n• and 15 more")


def test_a_webhook_that_fails_is_a_warning_that_keeps_its_secret(webhook: Receiver) -> None:
    webhook.status = 500
    assert send(BAD, WEBHOOK=webhook.url) == "the webhook answered 500"
    unreachable = send(BAD, WEBHOOK="http://127.0.0.1:9/services/hidden-key")
    assert unreachable is not None
    assert "could not be reached" in unreachable
    assert "hidden-key" not in unreachable
    assert send(BAD, WEBHOOK="file:///etc/passwd") == "LOCKSTEP_WEBHOOK is no http(s) URL"
    wrong = send(BAD, WEBHOOK=webhook.url, WEBHOOK_KIND="fax")
    assert wrong == "LOCKSTEP_WEBHOOK_KIND is 'fax'; there are slack and pagerduty"


def test_a_run_that_could_not_be_judged_is_a_warning_that_names_the_machine(webhook: Receiver) -> None:
    unknown = replace(BAD, tests=BAD.tests[1:], problems=(), machine="busy: 8.1 of 12 s waiting for a processor")
    assert send(unknown, WEBHOOK=webhook.url, WEBHOOK_KIND="pagerduty") is None
    (event,) = webhook.bodies
    assert event["payload"]["severity"] == "warning"
    assert "NOT JUDGED — 1 tests, 0 failed, 1 unknown" in event["payload"]["summary"]
    assert event["payload"]["custom_details"]["failures"][-1] == unknown.machine


def test_its_secrets_are_taken_out_of_the_environment() -> None:
    environ = {"LOCKSTEP_WEBHOOK": "https://events.pagerduty.com/v2/enqueue", "LOCKSTEP_PAGERDUTY_KEY": "k", "A": "b"}
    found = Webhook.taken(environ)
    assert found == Webhook("https://events.pagerduty.com/v2/enqueue", "pagerduty", "k")
    assert environ == {"A": "b"}
    assert Webhook.taken(environ) is None


@pytest.mark.parametrize(
    ("argv", "environ", "job"),
    [
        (["critical", "session_sync", "--include", "p0"], {}, ("critical session_sync", "embedded")),
        (["test", "--certified", "--target", "staging.yaml"], {}, ("test", "staging.yaml")),
        (["all", "--target=a"], {"LOCKSTEP_TARGET": "b"}, ("all", "a")),
        (["all"], {"LOCKSTEP_TARGET": "b"}, ("all", "b")),
        (["--certified", "all"], {}, ("--certified all", "embedded")),
        (["test"], {"LOCKSTEP_JOB": "python 3.14"}, ("test (python 3.14)", "embedded")),
    ],
)
def test_a_job_is_what_was_asked_for_and_of_which_target(argv: list[str], environ: Any, job: tuple[str, str]) -> None:
    assert Job.of(argv, environ) == Job(*job)


def test_a_failure_has_an_exit_code_an_interruption_its_own() -> None:
    codes = [ended.of_run(outcome).code for outcome in (GOOD, BAD, replace(BAD, interrupted=True))]
    assert codes == [0, 1, 130]
    assert ended.of_run(GOOD) == Ended(0, "1 tests, 1 passed, 0 failed, seed 77", (), "77")
