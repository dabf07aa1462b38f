"""What a webhook receives, from a real HTTP server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
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


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is remembered what failed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


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


@pytest.mark.req("H14")
@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_those_who_read_messages_are_told_of_a_recovery_once(kind: str, webhook: Receiver, own_home: Path) -> None:
    for outcome in (BAD, BAD, GOOD, GOOD):
        assert send(outcome, WEBHOOK=webhook.url, WEBHOOK_KIND=kind) is None
    texts = [str(body) for body in webhook.bodies]
    assert ["NOT WELL" in text for text in texts] == [True, True, False]
    assert "ALL WELL" in texts[2]


def test_a_recovery_that_cannot_be_remembered_is_a_warning(webhook: Receiver, own_home: Path) -> None:
    (own_home / ".cache").write_text("in the way")
    warning = send(BAD, WEBHOOK=webhook.url)
    assert warning is not None
    assert "a recovery will not be notified" in warning
    assert len(webhook.bodies) == 1


@pytest.mark.req("H14")
def test_teams_receives_a_card_that_names_what_failed(webhook: Receiver) -> None:
    assert send(BAD, WEBHOOK=webhook.url, WEBHOOK_KIND="teams", RUN_URL="https://ci.example.test/7") is None
    (attachment,) = webhook.bodies[0]["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["text"].startswith("Lockstep critical on embedded: NOT WELL")
    assert card["body"][2]["text"] == "- FAIL Critical.A.One: 1 < 2 & more"
    assert card["actions"][0]["url"] == "https://ci.example.test/7"


@pytest.mark.req("H14")
def test_plain_json_receives_each_end_under_one_key(webhook: Receiver) -> None:
    assert send(BAD, WEBHOOK=webhook.url, WEBHOOK_KIND="json") is None
    assert send(GOOD, WEBHOOK=webhook.url, WEBHOOK_KIND="json") is None
    bad, good = webhook.bodies
    assert (bad["status"], bad["code"], good["status"], good["code"]) == ("failed", 1, "well", 0)
    assert bad["key"] == good["key"] == "lockstep/critical/embedded"
    assert bad["failures"][0] == "an entry has expired"


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("hooks.slack.com", "slack"),
        ("events.pagerduty.com", "pagerduty"),
        ("prod-1.westeurope.logic.azure.com", "teams"),
        ("ours.webhook.office.com", "teams"),
        ("default1.2.environment.api.powerplatform.com", "teams"),
    ],
)
def test_the_address_says_the_kind(host: str, kind: str) -> None:
    webhook = Webhook.taken({"LOCKSTEP_WEBHOOK": f"https://{host}/x"})
    assert webhook is not None
    assert webhook.kind == kind


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
    assert wrong == "LOCKSTEP_WEBHOOK_KIND is 'fax'; there are slack, teams, pagerduty, json"


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
