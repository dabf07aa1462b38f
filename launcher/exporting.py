"""The figures of a run for dashboards, in OpenMetrics and InfluxDB's line protocol: as files, and sent where asked.

Set by the environment: ``LOCKSTEP_PUSHGATEWAY`` (address of a Pushgateway), ``LOCKSTEP_TEXTFILE`` (the folder that a
node exporter reads), ``LOCKSTEP_INFLUX`` (address that takes lines, with its query), ``LOCKSTEP_INFLUX_TOKEN``.
What cannot be sent is a warning and changes no verdict. No child process sees the addresses and the token.
"""

from __future__ import annotations

import datetime
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from launcher.verdicts import HELD

OPENMETRICS, INFLUX = "metrics.prom", "metrics.influx"
_TIMEOUT = 5.0
_QUANTILES = {"p50": "0.5", "p95": "0.95", "p99": "0.99", "max": "1"}
_TEXT = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_HELD = frozenset(str(verdict) for verdict in HELD)

_SINKS = ("LOCKSTEP_PUSHGATEWAY", "LOCKSTEP_TEXTFILE", "LOCKSTEP_INFLUX", "LOCKSTEP_INFLUX_TOKEN")
_taken: dict[str, str] = {}

FAMILIES = {
    "lockstep_run_well": "Whether the newest run was well",
    "lockstep_run_started_seconds": "When the newest run began, in seconds since the epoch",
    "lockstep_run_seconds": "How long the newest run took",
    "lockstep_machine_contention": "How busy others kept the machine; 1 is idle",
    "lockstep_tests": "Tests of the newest run by verdict",
    "lockstep_test_seconds": "How long a test took",
    "lockstep_test_held": "Whether a test passed, also below a recommendation",
    "lockstep_requirement_held": "Whether every test of a requirement passed",
    "lockstep_budget_used": "What was used of a budget, in its own unit",
    "lockstep_budget_used_ratio": "What was used of a budget; 1 is all",
    "lockstep_latency_seconds": "A measured latency; quantile 1 is the longest",
}
"""Each but the last is a gauge: it says what the newest run was, not what has added up."""
SUMMARY = "lockstep_latency_seconds"


@dataclass(frozen=True)
class Sample:
    """One figure."""

    family: str
    value: float
    labels: Mapping[str, str]


def take(environ: MutableMapping[str, str]) -> None:
    """Takes out of ``environ`` where figures go: addresses and tokens are nothing for tests and services."""
    _taken.clear()
    _taken.update({name: environ.pop(name) for name in _SINKS if environ.get(name)})


def samples(metrics: Mapping[str, Any]) -> Iterator[Sample]:
    """The figures of ``metrics.json``."""
    run = {"run_name": str(metrics["name"]), "target": str(metrics["target"])}

    def one(family: str, value: float, **labels: Any) -> Sample:
        return Sample(family, float(value), {**run, **{name: str(text) for name, text in labels.items()}})

    yield one("lockstep_run_well", metrics["well"])
    yield one("lockstep_run_started_seconds", datetime.datetime.fromisoformat(metrics["started"]).timestamp())
    yield one("lockstep_run_seconds", metrics["seconds"])
    yield one("lockstep_machine_contention", metrics["machine"]["contention"])
    verdicts = [test["verdict"] for test in metrics["tests"].values()]
    for verdict in sorted(set(verdicts)):
        yield one("lockstep_tests", verdicts.count(verdict), verdict=verdict)
    for name, test in metrics["tests"].items():
        known = {"id": test["id"] or name, "suite": name.rpartition(".")[0]}
        yield one("lockstep_test_seconds", test["seconds"], **known)
        yield one("lockstep_test_held", test["verdict"] in _HELD, **known)
    for key, found in metrics["requirements"].items():
        yield one("lockstep_requirement_held", found["verdict"] in _HELD, requirement=key)
    for budget in _worst(metrics["budgets"]):
        known = {"budget": budget["name"], "unit": budget["unit"] or "seconds"}
        yield one("lockstep_budget_used", budget["used"], **known)
        if budget["allowed"]:
            yield one("lockstep_budget_used_ratio", budget["used"] / budget["allowed"], **known)
    for latency in {str(line["name"]): line for line in metrics["latencies"]}.values():
        for key, quantile in _QUANTILES.items():
            if key in latency:
                yield one(SUMMARY, latency[key], name=latency["name"], quantile=quantile)
        yield one(f"{SUMMARY}_count", latency["count"], name=latency["name"])
        yield one(f"{SUMMARY}_sum", latency["count"] * latency["mean"], name=latency["name"])


def _worst(budgets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of several uses of one budget the one that used most."""
    found: dict[str, dict[str, Any]] = {}
    for budget in budgets:
        known = found.get(budget["name"])
        if known is None or (budget["used"] or 0) > (known["used"] or 0):
            found[budget["name"]] = budget
    return [budget for budget in found.values() if budget["used"] is not None]


def openmetrics(metrics: Mapping[str, Any]) -> str:
    """OpenMetrics 1.0 text; families are in one piece each, as the format has it."""
    by_family: dict[str, list[Sample]] = {}
    for sample in samples(metrics):
        family = SUMMARY if sample.family.startswith(SUMMARY) else sample.family
        by_family.setdefault(family, []).append(sample)
    lines = []
    for family, found in by_family.items():
        lines += [
            f"# TYPE {family} {'summary' if family == SUMMARY else 'gauge'}",
            f"# HELP {family} {FAMILIES[family]}",
        ]
        for sample in found:
            labels = ",".join(f'{name}="{_quoted(text)}"' for name, text in sample.labels.items())
            lines.append(f"{sample.family}{{{labels}}} {sample.value:.15g}")
    return "\n".join([*lines, "# EOF", ""])


def influx(metrics: Mapping[str, Any]) -> str:
    """InfluxDB's line protocol: the family is the measurement, ``value`` its field, the start of the run the time."""
    moment = int(datetime.datetime.fromisoformat(metrics["started"]).timestamp() * 1_000_000_000)
    lines = []
    for sample in samples(metrics):
        tags = "".join(f",{_tag(name)}={_tag(text)}" for name, text in sorted(sample.labels.items()) if text)
        lines.append(f"{sample.family}{tags} value={sample.value:.15g} {moment}")
    return "\n".join([*lines, ""])


def write(metrics: Mapping[str, Any], folder: Path) -> list[str]:
    """Both files, and what the environment asks for beside them; returns what could not be sent."""
    text, lines = openmetrics(metrics), influx(metrics)
    (folder / OPENMETRICS).write_text(text, "utf-8")
    (folder / INFLUX).write_text(lines, "utf-8")
    return [warning for warning in _sent(metrics, text, lines, _taken) if warning]


def _sent(metrics: Mapping[str, Any], text: str, lines: str, environ: Mapping[str, str]) -> Iterator[str]:
    if gateway := environ.get("LOCKSTEP_PUSHGATEWAY"):
        # The Pushgateway reads Prometheus' own text, of which these lines are some.
        path = "/".join(quote(f"{metrics['name']} {metrics['target']}", safe="").split("/"))
        url = f"{gateway.rstrip('/')}/metrics/job/lockstep/instance/{path}"
        yield _put("LOCKSTEP_PUSHGATEWAY", url, "PUT", text, {"Content-Type": "text/plain; version=0.0.4"})
    if folder := environ.get("LOCKSTEP_TEXTFILE"):
        yield _textfile(Path(folder), metrics, text)
    if address := environ.get("LOCKSTEP_INFLUX"):
        token = environ.get("LOCKSTEP_INFLUX_TOKEN")
        known = {"Authorization": f"Token {token}"} if token else {}
        yield _put("LOCKSTEP_INFLUX", address, "POST", lines, {"Content-Type": "text/plain; charset=utf-8", **known})


def _textfile(folder: Path, metrics: Mapping[str, Any], text: str) -> str:
    """A file of this job's own, whole at each moment, since a node exporter may read it at any."""
    name = re.sub(r"[^\w.]+", "-", f"lockstep-{metrics['name']}-{metrics['target']}").strip("-")
    half = folder / f".{name}.{os.getpid()}"
    try:
        half.write_text(text, "utf-8")
        half.replace(folder / f"{name}.prom")
    except OSError as error:
        return f"LOCKSTEP_TEXTFILE: {folder} cannot be written ({error.strerror})"
    return ""


def _put(name: str, url: str, method: str, body: str, headers: Mapping[str, str]) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        return f"{name} is no http(s) URL"
    request = urllib.request.Request(url, body.encode(), dict(headers), method=method)  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310 - checked above
            return ""
    except urllib.error.HTTPError as error:
        return f"{name}: it answered {error.code}"
    except (OSError, ValueError) as error:
        return f"{name}: it could not be reached ({type(error).__name__})"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _tag(text: str) -> str:
    """A tag's name or value: no end of line, and what would end it is escaped."""
    flat = " ".join(text.split())
    return re.sub(r"([,= ])", r"\\\1", flat).rstrip("\\") or "-"
