"""Nothing passes on a target that answers each request with 200 ``{}`` and accepts each socket.

With databases, Redis and signing key of a real platform more tests come to ask it: ``python -m tests.deaf``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from robot.api import ExecutionResult

from tests.deaf import NO_HEALTH, deaf, deaf_services, profile_of
from tests.libraries.inner import ROOT, run_inner
from tests.libraries.platform_boot import own_place

RESOURCES = ("--pythonpath", str(ROOT / "resources"))


@pytest.mark.req("H10")
def test_no_test_of_any_area_passes_on_a_deaf_target(tmp_path: Path) -> None:
    with deaf(healthy=False) as urls:
        target = profile_of(urls, tmp_path, mapping=NO_HEALTH)
        chosen = {"TARGET": str(target)}
        run_inner(ROOT / "suites", tmp_path, *RESOURCES, variables=chosen, LOCKSTEP_SERVICE_TOKEN="anything")
    tests = list(ExecutionResult(tmp_path / "output.xml").suite.all_tests)
    assert [test.full_name for test in tests if test.passed] == []
    assert sum(test.failed for test in tests) > 80, "too few tests have asked it anything"
    assert [test.full_name for test in tests if test.skipped and "NA: " not in test.message] == []


@pytest.mark.req("H10")
def test_no_test_passes_on_a_private_platform_of_deaf_services(tmp_path: Path) -> None:
    suite = ROOT / "suites" / "security" / "05_keys_and_costs.robot"
    chosen = {"TARGET": str(deaf_services(tmp_path))}
    place = own_place(tmp_path)["TMPDIR"]
    run_inner(suite, tmp_path, *RESOURCES, variables=chosen, TMPDIR=place)
    tests = list(ExecutionResult(tmp_path / "output.xml").suite.all_tests)
    assert tests
    assert [test.full_name for test in tests if not test.failed] == []
