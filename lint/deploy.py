"""``python -m lint.deploy``: alert rules and dashboards of ``deploy/``.

promtool judges the rules where it is installed, a JSON schema the dashboards; and each metric that either names is one
that a service or a run has.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from launcher.exporting import FAMILIES, SUMMARY

ROOT = Path(__file__).resolve().parents[1]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
_MADE = re.compile(r"\b(?P<kind>Counter|Gauge|Histogram)\(\s*\"(?P<name>\w+)\"")
_SERIES = {"Counter": ("",), "Gauge": ("",), "Histogram": ("_bucket", "_count", "_sum")}
_NAME = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b(?!\s*\()")
_TEXT = re.compile(r"\"[^\"]*\"|\{[^}]*\}|\b(?:by|without|on|ignoring)\s*\([^)]*\)|\$__\w+")
NOT_CHECKED = "not checked: the alert rules, since promtool is missing (Debian: apt-get install prometheus)"


def expressions() -> Iterator[tuple[str, str]]:
    """Each PromQL expression, with where it stands."""
    for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            yield f"rules.yml: {rule['alert']}", rule["expr"]
    for path in sorted((GRAFANA / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]


def known() -> set[str]:
    """The series that services and runs have."""
    found = {"up", *FAMILIES, f"{SUMMARY}_count", f"{SUMMARY}_sum"}
    for path in (ROOT / "services").rglob("*.py"):
        for made in _MADE.finditer(path.read_text("utf-8")):
            found |= {f"{made['name']}{suffix}" for suffix in _SERIES[made["kind"]]}
    return found


def named(expression: str) -> set[str]:
    """The series that an expression names: not its labels, nor its functions."""
    return set(_NAME.findall(_TEXT.sub(" ", expression)))


def flaws() -> Iterator[str]:
    """What is wrong, a line each."""
    schema: dict[str, Any] = json.loads((GRAFANA / "dashboard.schema.json").read_text("utf-8"))
    judge = jsonschema.Draft202012Validator(schema)
    for path in sorted((GRAFANA / "dashboards").glob("*.json")):
        for error in judge.iter_errors(json.loads(path.read_text("utf-8"))):
            yield f"{path.name}: {error.json_path}: {error.message}"
    series = known()
    for place, expression in expressions():
        for name in sorted(named(expression) - series):
            yield f"{place}: nothing has the metric {name}"
    if promtool := shutil.which("promtool"):
        for arguments in (("rules", "rules.yml"), ("config", "prometheus.yml")):
            done = subprocess.run(
                [promtool, "check", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
            )
            if done.returncode:
                yield f"promtool check {' '.join(arguments)}: {(done.stdout + done.stderr).strip()}"


def main() -> int:
    """Say what is wrong, and what could not be checked."""
    found = list(flaws())
    for line in found:
        print(line)
    if not shutil.which("promtool"):
        print(NOT_CHECKED)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
