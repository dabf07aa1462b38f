"""What ./run load hands on to the suites, and what it refuses."""

from __future__ import annotations

import pytest

from launcher import load, tests_by_id
from launcher.console import LaunchError
from launcher.paths import ROOT


def test_each_shape_is_a_test_of_the_area() -> None:
    known = {key for source in (ROOT / load.AREA).glob("*.robot") for key in tests_by_id.read(source)}
    assert set(load.SHAPES.values()) == known


def test_figures_become_variables() -> None:
    options = load._parser().parse_args(
        ["--users", "5000", "--every", "10", "--hours", "8", "--expect-workers", "2", "--master", "10.0.0.5"]
    )
    assert load.variables(options) == [
        part
        for pair in (
            "USERS:5000", "LASTING:8h", "SOAK:8h", "ROUND:10 minutes", "EVERY:10s", "ELSEWHERE:2", "BIND:10.0.0.5",
            "PORT:5557",
        )
        for part in ("--variable", pair)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["stedy"], "There is no shape 'stedy'. Did you mean 'steady'?"),
        (["--worker"], "A worker needs the address of its master"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_way_out(words: list[str], reason: str) -> None:
    with pytest.raises(LaunchError) as caught:
        load.conduct(words)
    assert reason in str(caught.value)


def test_a_wrong_figure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load.conduct(["--users", "many"])
    assert "a whole number from 1, not 'many'" in capsys.readouterr().err
