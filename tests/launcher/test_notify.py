"""The webhook, against a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from launcher.notify import notify
from launcher.outcome import JudgedTest, Outcome
from launcher.verdicts import Verdict

GOOD = Outcome("critical", "embedded", "77", 9.0, (JudgedTest("Critical.A.One", Verdict.PASS),))
BAD = replace(
    GOOD,
    tests=(
        JudgedTest("Critical.A.One", Verdict.FAIL, "1 < 2 & more\nsecond line"),
        JudgedTest("Critical.B.Two", Verdict.UNKNOWN, "UNKNOWN: no worker reported it", reported=False),
    ),
    problems=("an entry has expired",),
)


@dataclass
class Webhook:
    """What the server was sent, and what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook on loopback."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        hook.url = f"http://127.0.0.1:{server.server_port}/services/hidden-key"
        yield hook
        server.shutdown()
        thread.join()


def test_slack_is_told_which_job_failed_and_why(webhook: Webhook) -> None:
    assert notify(BAD, {"LOCKSTEP_WEBHOOK": webhook.url, "LOCKSTEP_RUN_URL": "https://ci.example.test/7"}) is None
    (body,) = webhook.bodies
    assert body["text"] == (
        "Lockstep critical on embedded: NOT WELL: 1 failed, 1 problem — 2 tests, 1 failed, 1 unknown, seed 77"
    )
    texts = [block["text"]["text"] for block in body["blocks"]]
    assert texts[1] == (
        "• an entry has expired\n"
        "• FAIL Critical.A.One: 1 &lt; 2 &amp; more\n"
        "• UNKNOWN Critical.B.Two: no worker reported it"
    )
    assert texts[2] == "<https://ci.example.test/7|log>"


def test_slack_hears_nothing_of_good_and_interrupted_runs(webhook: Webhook) -> None:
    assert notify(GOOD, {"LOCKSTEP_WEBHOOK": webhook.url}) is None
    assert notify(replace(BAD, interrupted=True), {"LOCKSTEP_WEBHOOK": webhook.url}) is None
    assert webhook.bodies == []


def test_pagerduty_is_triggered_and_resolved_under_one_key(webhook: Webhook) -> None:
    environ = {
        "LOCKSTEP_WEBHOOK": webhook.url,
        "LOCKSTEP_WEBHOOK_KIND": "pagerduty",
        "LOCKSTEP_PAGERDUTY_KEY": "integration-key",
    }
    assert notify(BAD, environ) is None
    assert notify(GOOD, environ) is None
    trigger, resolve = webhook.bodies
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "lockstep/critical/embedded"
    assert trigger["routing_key"] == "integration-key"
    assert trigger["payload"]["severity"] == "error"
    assert trigger["payload"]["custom_details"]["failures"][1].startswith("FAIL Critical.A.One: ")
    assert "payload" not in resolve


def test_many_failures_are_cut_and_counted(webhook: Webhook) -> None:
    many = replace(GOOD, tests=tuple(JudgedTest(f"T{number}", Verdict.FAIL, "x") for number in range(25)))
    assert notify(many, {"LOCKSTEP_WEBHOOK": webhook.url}) is None
    assert webhook.bodies[0]["blocks"][1]["text"]["text"].endswith("• FAIL T9: x\n• and 15 more")


def test_a_webhook_that_fails_is_a_warning_that_keeps_its_secret(webhook: Webhook) -> None:
    webhook.status = 500
    assert notify(BAD, {"LOCKSTEP_WEBHOOK": webhook.url}) == "the webhook answered 500"
    unreachable = notify(BAD, {"LOCKSTEP_WEBHOOK": "http://127.0.0.1:9/services/hidden-key"})
    assert unreachable is not None
    assert "could not be reached" in unreachable
    assert "hidden-key" not in unreachable
    assert notify(BAD, {"LOCKSTEP_WEBHOOK": "file:///etc/passwd"}) == "LOCKSTEP_WEBHOOK is no http(s) URL"
    wrong = notify(BAD, {"LOCKSTEP_WEBHOOK": webhook.url, "LOCKSTEP_WEBHOOK_KIND": "fax"})
    assert wrong == "LOCKSTEP_WEBHOOK_KIND is 'fax'; there are slack and pagerduty"


def test_a_run_that_could_not_be_judged_is_a_warning_that_names_the_machine(webhook: Webhook) -> None:
    unknown = replace(BAD, tests=BAD.tests[1:], problems=(), machine="busy: 8.1 of 12 s waiting for a processor")
    assert notify(unknown, {"LOCKSTEP_WEBHOOK": webhook.url, "LOCKSTEP_WEBHOOK_KIND": "pagerduty"}) is None
    (event,) = webhook.bodies
    assert event["payload"]["severity"] == "warning"
    assert "NOT JUDGED: 1 unknown" in event["payload"]["summary"]
    assert event["payload"]["custom_details"]["failures"][-1] == unknown.machine
