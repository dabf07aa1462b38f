"""Notifies a webhook of how a command ended: Slack's shape, or PagerDuty's Events API v2.

Set by the environment: ``LOCKSTEP_WEBHOOK`` (URL), ``LOCKSTEP_WEBHOOK_KIND`` (``slack`` or ``pagerduty``; otherwise
the URL decides), ``LOCKSTEP_PAGERDUTY_KEY`` (integration key), ``LOCKSTEP_RUN_URL`` (where the log can be read, set
by CI), ``LOCKSTEP_JOB`` (what sets this job apart from others with the same command).
The URL and the key are secrets: no message names them, and no child process has them.
``notify.sh`` does the same where installing failed.
"""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from launcher.ended import Ended
from launcher.interrupts import CODES
from launcher.verdicts import NOT_JUDGED

_TIMEOUT = 5.0
_MOST_FAILURES = 10


@dataclass(frozen=True)
class Job:
    """What a CI calls again and again: a good end of the same job on the same target resolves its alert."""

    name: str
    target: str

    @classmethod
    def of(cls, argv: Sequence[str], environ: Mapping[str, str]) -> Job:
        """The words before the first option (all words where an option comes first), and the target as typed.

        ``LOCKSTEP_JOB`` sets jobs apart that run the same command.
        """
        words = " ".join(itertools.takewhile(lambda word: not word.startswith("-"), argv)) or " ".join(argv)
        of_ci = environ.get("LOCKSTEP_JOB")
        target = environ.get("LOCKSTEP_TARGET") or "embedded"
        for word, following in itertools.pairwise([*argv, ""]):
            if word.startswith("--target="):
                target = word.removeprefix("--target=")
            elif word == "--target":
                target = following or target
        return cls(f"{words} ({of_ci})" if of_ci else words, target)


@dataclass(frozen=True)
class Webhook:
    """Where notifications go."""

    url: str
    kind: str
    key: str = ""
    link: str = ""

    @classmethod
    def taken(cls, environ: MutableMapping[str, str]) -> Webhook | None:
        """The webhook that ``environ`` names, if any; its secrets are taken out, so that children do not see them."""
        url = environ.pop("LOCKSTEP_WEBHOOK", "")
        key = environ.pop("LOCKSTEP_PAGERDUTY_KEY", "")
        kind = environ.get("LOCKSTEP_WEBHOOK_KIND") or (
            "pagerduty" if "pagerduty" in (urlsplit(url).hostname or "") else "slack"
        )
        return cls(url, kind, key, environ.get("LOCKSTEP_RUN_URL", "")) if url else None

    def notify(self, job: Job, ended: Ended) -> str | None:
        """Send where there is something to say; returns what went wrong, for a warning.

        Slack gets failures only; PagerDuty also recoveries. An interrupted command is neither.
        """
        if ended.code in CODES:
            return None
        if self.kind == "slack":
            return _post(self.url, slack(job, ended, self.link)) if ended.code else None
        if self.kind == "pagerduty":
            return _post(self.url, pagerduty(job, ended, self.key, self.link))
        return f"LOCKSTEP_WEBHOOK_KIND is {self.kind!r}; there are slack and pagerduty"


def slack(job: Job, ended: Ended, link: str) -> dict[str, Any]:
    """An incoming-webhook message: fallback text, and blocks with what failed."""
    blocks = [_section(f"*{_escape(headline(job, ended))}*")]
    if lines := _lines(ended):
        blocks.append(_section("\n".join(f"• {_escape(line)}" for line in lines)[:2900]))
    if link:
        blocks.append(_section(f"<{link}|log>"))
    return {"text": headline(job, ended), "blocks": blocks}


def pagerduty(job: Job, ended: Ended, key: str, link: str) -> dict[str, Any]:
    """A trigger after a bad end, a resolve after a good one, deduplicated by job and target."""
    event: dict[str, Any] = {
        "routing_key": key,
        "event_action": "trigger" if ended.code else "resolve",
        "dedup_key": f"lockstep/{job.name}/{job.target}",
    }
    if ended.code:
        event["payload"] = {
            "summary": headline(job, ended)[:1024],
            "source": "lockstep",
            "severity": "warning" if ended.code == NOT_JUDGED else "error",
            "component": job.name,
            "custom_details": {"failures": _lines(ended), "seed": ended.seed},
        }
        event["links"] = [{"href": link, "text": "log"}] if link else []
    return event


def headline(job: Job, ended: Ended) -> str:
    """One line that says which job, where, and how it ended."""
    return f"Lockstep {job.name} on {job.target}: {ended.word} — {ended.figures}"


def _lines(ended: Ended) -> list[str]:
    """The first failures, a line each; at the end what is known of the machine."""
    extra = len(ended.failures) - _MOST_FAILURES
    more = [f"and {extra} more"] if extra > 0 else []
    return [*ended.failures[:_MOST_FAILURES], *more, *filter(None, [ended.machine])]


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


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
