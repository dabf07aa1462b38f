"""Notifies a webhook of how a command ended: in the shape of Slack, of Teams, of PagerDuty's Events API v2, or plain.

Set by the environment: ``LOCKSTEP_WEBHOOK`` (URL), ``LOCKSTEP_WEBHOOK_KIND`` (``slack``, ``teams``, ``pagerduty`` or
``json``; otherwise the URL decides), ``LOCKSTEP_PAGERDUTY_KEY`` (integration key), ``LOCKSTEP_RUN_URL`` (where the log
can be read, set by CI), ``LOCKSTEP_JOB`` (what sets this job apart from others with the same command).
The URL and the key are secrets: no message names them, and no child process has them.
``notify.sh`` does the same where installing failed.
"""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from launcher.ended import Ended
from launcher.interrupts import CODES
from launcher.verdicts import NOT_JUDGED

_TIMEOUT = 5.0
_MOST_FAILURES = 10
_TEAMS = ("webhook.office.com", "logic.azure.com", "powerplatform.com")
"""Where Teams and its workflows take messages."""
KINDS = ("slack", "teams", "pagerduty", "json")


@dataclass(frozen=True)
class Job:
    """What a CI calls again and again: a good end of the same job on the same target resolves its alert."""

    name: str
    target: str

    @property
    def key(self) -> str:
        """What all ends of this job have in common."""
        return f"lockstep/{self.name}/{self.target}"

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
    memory: Path | None = field(default=None, compare=False)
    """Where it is kept which jobs ended badly last, so that those who only read messages are told of a recovery."""

    @classmethod
    def taken(cls, environ: MutableMapping[str, str]) -> Webhook | None:
        """The webhook that ``environ`` names, if any; its secrets are taken out, so that children do not see them."""
        url = environ.pop("LOCKSTEP_WEBHOOK", "")
        key = environ.pop("LOCKSTEP_PAGERDUTY_KEY", "")
        kind = environ.get("LOCKSTEP_WEBHOOK_KIND") or _kind_of(urlsplit(url).hostname or "")
        return cls(url, kind, key, environ.get("LOCKSTEP_RUN_URL", ""), _memory(environ)) if url else None

    def notify(self, job: Job, ended: Ended) -> str | None:
        """Send where there is something to say; returns what went wrong, for a warning.

        PagerDuty and plain JSON get each end; Slack and Teams failures, and the first good end after one. An
        interrupted command is neither.
        """
        if ended.code in CODES:
            return None
        if self.kind == "pagerduty":
            return _post(self.url, pagerduty(job, ended, self.key, self.link))
        if self.kind == "json":
            return _post(self.url, plain(job, ended, self.link))
        shape = {"slack": slack, "teams": teams}.get(self.kind)
        if shape is None:
            return f"LOCKSTEP_WEBHOOK_KIND is {self.kind!r}; there are {', '.join(KINDS)}"
        if not ended.code and not self._failed_before(job):
            return None
        warning = _post(self.url, shape(job, ended, self.link))
        return warning or self._remember(job, ended)

    def _failed_before(self, job: Job) -> bool:
        return job.key in _read(self.memory)

    def _remember(self, job: Job, ended: Ended) -> str | None:
        """Notes a bad end, or forgets it; where that cannot be kept, a recovery is not told of."""
        if self.memory is None:
            return None
        bad = [key for key in _read(self.memory) if key != job.key]
        try:
            self.memory.parent.mkdir(parents=True, exist_ok=True)
            self.memory.write_text(json.dumps([*bad, job.key] if ended.code else bad) + "\n", "utf-8")
        except OSError as error:
            return f"a recovery will not be notified: {self.memory} cannot be written ({error.strerror})"
        return None


def _kind_of(host: str) -> str:
    """What a webhook at ``host`` takes, where nobody says it."""
    if "pagerduty" in host:
        return "pagerduty"
    return "teams" if host.endswith(_TEAMS) else "slack"


def _memory(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("LOCKSTEP_CACHE") or Path.home() / ".cache" / "lockstep") / "notified.json"


def _read(memory: Path | None) -> list[str]:
    """The jobs that ended badly last; none where nothing, or nothing readable, is kept."""
    try:
        found = json.loads(memory.read_text("utf-8")) if memory else []
    except (OSError, ValueError):
        return []
    return [str(key) for key in found] if isinstance(found, list) else []


def slack(job: Job, ended: Ended, link: str) -> dict[str, Any]:
    """An incoming-webhook message: fallback text, and blocks with what failed."""
    blocks = [_section(f"*{_escape(headline(job, ended))}*")]
    if lines := _lines(ended):
        blocks.append(_section("\n".join(f"• {_escape(line)}" for line in lines)[:2900]))
    if link:
        blocks.append(_section(f"<{link}|log>"))
    return {"text": headline(job, ended), "blocks": blocks}


def teams(job: Job, ended: Ended, link: str) -> dict[str, Any]:
    """An adaptive card, as Teams' workflows take it."""
    bold = {"type": "TextBlock", "weight": "Bolder", "wrap": True, "text": headline(job, ended)}
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [bold, *({"type": "TextBlock", "wrap": True, "text": f"- {line}"} for line in _lines(ended))],
    }
    if link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "log", "url": link}]
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "content": card}]}


def plain(job: Job, ended: Ended, link: str) -> dict[str, Any]:
    """All that is known, for whatever reads JSON; ``status`` is ``failed`` or ``well``."""
    return {
        "key": job.key,
        "job": job.name,
        "target": job.target,
        "status": "failed" if ended.code else "well",
        "code": ended.code,
        "headline": headline(job, ended),
        "failures": _lines(ended),
        "seed": ended.seed,
        "link": link,
    }


def pagerduty(job: Job, ended: Ended, key: str, link: str) -> dict[str, Any]:
    """A trigger after a bad end, a resolve after a good one, deduplicated by job and target."""
    event: dict[str, Any] = {
        "routing_key": key,
        "event_action": "trigger" if ended.code else "resolve",
        "dedup_key": job.key,
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
    """The first failures, a line each; at the end what is known of the machine, and what was tested."""
    extra = len(ended.failures) - _MOST_FAILURES
    more = [f"and {extra} more"] if extra > 0 else []
    return [*ended.failures[:_MOST_FAILURES], *more, *filter(None, [ended.machine, ended.tested])]


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
