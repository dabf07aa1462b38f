"""Where things lie in the project."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUITES = ROOT / "suites"
TESTS = ROOT / "tests"
LIBRARIES = ROOT / "libraries"
RESOURCES = ROOT / "resources"
RESULTS = ROOT / "results"
BASELINES = ROOT / "baselines"
REQUIREMENTS = ROOT / "docs" / "requirements.md"
BUDGETS = ROOT / "variables" / "budgets.yaml"
COVERAGE = ROOT / "variables" / "coverage.yaml"
