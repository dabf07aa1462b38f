"""Tells a webhook how a run ended: Slack's shape, or PagerDuty's Events API v2.

Set by the environment: ``LOCKSTEP_WEBHOOK`` (URL), ``LOCKSTEP_WEBHOOK_KIND`` (``slack`` or ``pagerduty``; else told
by the URL), ``LOCKSTEP_PAGERDUTY_KEY`` (integration key), ``LOCKSTEP_RUN_URL`` (where the log can be read, set by CI).
The URL and the key are secrets: no message names them.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from launcher.outcome import Outcome
from launcher.verdicts import NOT_JUDGED, Verdict, sums

_TIMEOUT = 5.0
_MOST_TESTS = 10


def notify(outcome: Outcome, environ: Mapping[str, str]) -> str | None:
    """Send where a webhook is set and there is something to say; returns what went wrong, for a warning.

    Slack hears of failures only; PagerDuty also of recovery, which resolves the alert of the same job.
    """
    url = environ.get("LOCKSTEP_WEBHOOK")
    if not url or outcome.interrupted:
        return None
    kind = environ.get("LOCKSTEP_WEBHOOK_KIND") or (
        "pagerduty" if "pagerduty" in (urlsplit(url).hostname or "") else "slack"
    )
    if kind == "slack":
        body = None if outcome.well else slack(outcome, environ.get("LOCKSTEP_RUN_URL", ""))
    elif kind == "pagerduty":
        body = pagerduty(outcome, environ.get("LOCKSTEP_PAGERDUTY_KEY", ""), environ.get("LOCKSTEP_RUN_URL", ""))
    else:
        return f"LOCKSTEP_WEBHOOK_KIND is {kind!r}; there are slack and pagerduty"
    return _post(url, body) if body is not None else None


def slack(outcome: Outcome, link: str) -> dict[str, Any]:
    """An incoming-webhook message: fallback text, and blocks with the failed tests."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"*{_escape(headline(outcome))}*"}}]
    if details := failures(outcome):
        text = "\n".join(f"• {_escape(line)}" for line in details)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}})
    if link:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{link}|log>"}})
    return {"text": headline(outcome), "blocks": blocks}


def pagerduty(outcome: Outcome, key: str, link: str) -> dict[str, Any]:
    """A trigger after a bad run, a resolve after a good one, deduplicated by job and target."""
    event: dict[str, Any] = {
        "routing_key": key,
        "event_action": "resolve" if outcome.well else "trigger",
        "dedup_key": f"lockstep/{outcome.name}/{outcome.target}",
    }
    if not outcome.well:
        event["payload"] = {
            "summary": headline(outcome)[:1024],
            "source": "lockstep",
            "severity": "warning" if outcome.exit_code == NOT_JUDGED else "error",
            "component": outcome.name,
            "custom_details": {"failures": failures(outcome), "seed": outcome.seed},
        }
        event["links"] = [{"href": link, "text": "log"}] if link else []
    return event


def headline(outcome: Outcome) -> str:
    """One line that says which job, where, and how it ended."""
    counts = sums(outcome.totals.counts, always=(Verdict.FAIL,))
    return (f"Lockstep {outcome.name} on {outcome.target}: {outcome.word} — {len(outcome.tests)} tests, {counts}, "
            f"seed {outcome.seed}")  # fmt: skip


def failures(outcome: Outcome) -> list[str]:
    """The first causes why not all is well, worst first, a line each; at the end what is known of the machine."""
    lines = [*outcome.problems, *(f"{test.verdict} {test.name}: {test.reason}" for test in outcome.trouble)]
    extra = len(lines) - _MOST_TESTS
    more = [f"and {extra} more"] if extra > 0 else []
    return [*lines[:_MOST_TESTS], *more, *filter(None, [outcome.machine])]


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(url: str, body: dict[str, Any]) -> str | None:
    if urlsplit(url).scheme not in ("http", "https"):
        return "LOCKSTEP_WEBHOOK is no http(s) URL"
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, json.dumps(body).encode(), {"Content-Type": "application/json", "User-Agent": "lockstep"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        return f"the webhook answered {error.code}"
    except (OSError, ValueError) as error:
        return f"the webhook could not be reached ({type(error).__name__})"
