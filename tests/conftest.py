"""What a test proves, in the reports: ``@pytest.mark.req("H05")`` becomes a property of its case in the JUnit file."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "req(id, …): the requirements of docs/requirements.md that the test proves")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("req"):
            item.user_properties += [("req", key) for key in marker.args]
