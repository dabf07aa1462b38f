"""TabLibrary without a browser: what is NA, and how many browsers run at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from robot.api import SkipExecution
from TabLibrary import chromium
from TabLibrary.slots import Slot

pytestmark = pytest.mark.req("T03")


def test_without_the_driver_a_test_is_na_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "_PACKAGES", ("NoSuchDriver",))
    with pytest.raises(SkipExecution, match=r"NA: browser\.driver: .*requirements-browser\.txt"):
        chromium.needed()


@pytest.mark.parametrize("named", [None, "/no/such/chromium"])
def test_without_a_chromium_a_test_is_na_with_the_way_to_install_it(
    named: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chromium, "_PACKAGES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    if named:
        monkeypatch.setenv(chromium.NAMED, named)
    else:
        monkeypatch.delenv(chromium.NAMED, raising=False)
    with pytest.raises(SkipExecution, match=r"NA: browser\.chromium: .*apt-get install chromium"):
        chromium.needed()


def test_a_slot_is_given_back_by_its_end_and_by_the_end_of_its_process(tmp_path: Path) -> None:
    first, second, third = (Slot(tmp_path, 2) for _ in range(3))
    first.take()
    second.take()
    taken = [Slot(tmp_path, 2)._free(number) for number in range(2)]
    assert taken == [None, None]
    second.end()
    third.take()
    first.end()
    script = f"from pathlib import Path; from TabLibrary.slots import Slot; Slot(Path({str(tmp_path)!r}), 2).take()"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], check=True, timeout=20)
    third.end()
