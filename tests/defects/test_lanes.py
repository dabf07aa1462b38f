"""How many run side by side."""

from __future__ import annotations

import time

import pytest

from defects import lanes
from defects.lanes import Lanes


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Moved on by hand."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_few_run_however_busy_the_processors_are() -> None:
    assert [Lanes(8, 2, lambda: 100.0).free(running) for running in range(3)] == [True, True, False]


@pytest.mark.parametrize(("busy", "free"), [(79.0, True), (81.0, False)])
def test_one_more_begins_while_processors_are_idle(clock: list[float], busy: float, free: bool) -> None:
    one = Lanes(8, 2, lambda: busy)
    clock[0] += lanes.LOOK
    assert one.free(5) is free


def test_who_has_begun_is_given_time_to_show_how_busy_he_is(clock: list[float]) -> None:
    one = Lanes(8, 2, lambda: 0.0)
    clock[0] += lanes.LOOK
    assert one.free(2)
    assert not one.free(3)
    clock[0] += lanes.LOOK
    assert one.free(3)


def test_one_who_needs_it_has_no_crowd_beside_him(clock: list[float]) -> None:
    one = Lanes(8, 2, lambda: 0.0)
    clock[0] += lanes.LOOK
    assert one.free(1, uncrowded=True)
    clock[0] += lanes.LOOK
    assert not one.free(2, uncrowded=True)
    assert one.free(2)


def test_never_more_run_than_were_asked_for(clock: list[float]) -> None:
    clock[0] += lanes.LOOK
    assert not Lanes(1, 2, lambda: 0.0).free(1)
    assert not Lanes(4, 2, lambda: 0.0).free(4)
