"""``./run target new``: a dialect that loads from the start, beginning with comments or with a copy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from lockstep.dialect import load, loads

from launcher.targets.new import SKELETON
from tests.launcher.launching import ROOT, command, launcher_environment

pytestmark = pytest.mark.req("T05")


def new(folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        command("target", "new", *words),
        env=launcher_environment(LOCKSTEP_TARGETS=str(folder)),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_skeleton_loads_and_says_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = new(tmp_path, "my-shop")
    path = tmp_path / "my-shop" / "target.yaml"
    assert code == 0
    assert f"{path} is written." in said
    assert "Set MY_SHOP_URL" in said
    assert "Next: ./run target check my-shop" in said
    assert load(path).name == "my-shop"
    monkeypatch.setenv("MY_SHOP_URL", "http://shop.test:81")
    assert load(path).endpoint().url == "http://shop.test:81"
    line = int(re.search(r"Line (\d+) has its address", said)[1])  # type: ignore[index]
    assert "url: " in path.read_text("utf-8").splitlines()[line - 1]


def test_each_line_that_is_commented_out_in_the_skeleton_is_one_of_a_dialect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_ADMIN_TOKEN", "a-token-of-the-shop")
    text = SKELETON.read_text("utf-8").replace("{{name}}", "shop").replace("{{variable}}", "SHOP")
    text = re.sub(r"^absent: \{\}$", "absent:", text, flags=re.MULTILINE)
    entry = r"(?:[a-z_]+: |  +[a-z_]+:|[a-z]+:$)"
    complete = re.sub(rf"^( *)# (?={entry}.*)", r"\1", text, flags=re.MULTILINE).replace("absent:\n#", "absent:\n")
    found = loads(complete)
    assert found.socket is not None
    assert found.administrator is not None
    assert found.token.form == "jwt"
    assert {"refresh", "sign_out", "sessions", "history", "delete_account"} <= found.operations.keys()
    assert list(found.refusals) == ["unauthenticated", "invalid", "expired", "revoked"]
    assert found.promises.ending("sign_out", "access").bound().seconds == 30
    assert list(found.absent) == ["refresh"]


def test_a_copy_has_all_words_of_the_other_and_nothing_of_its_run(tmp_path: Path) -> None:
    code, said = new(tmp_path, "staging", "--like", "embedded")
    path = tmp_path / "staging" / "target.yaml"
    copy, original = load(path), load(ROOT / "variables" / "targets" / "embedded" / "target.yaml")
    assert code == 0, said
    assert (copy.name, copy.operations.keys()) == ("staging", original.operations.keys())
    assert copy.control.adapter == "none"
    assert "{platform." not in path.read_text("utf-8")
    assert "STAGING_AUTH_URL" in said


def test_a_copy_takes_the_methods_along(tmp_path: Path) -> None:
    code, said = new(tmp_path, "talk", "--like", str(ROOT / "tests" / "foreign" / "frames"))
    assert code == 0, said
    assert "def decode" in (tmp_path / "talk" / "dialect.py").read_text("utf-8")
    assert "the environment variable CHAT_URL is not set" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["My Shop"], "How about my-shop?"),
        (["embedded"], "There is a target embedded already"),
        (["shop", "--like", "embeded"], "Did you mean 'embedded'?"),
        (["shop", "--lik", "embedded"], "Did you mean '--like'?"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_way_out(tmp_path: Path, words: list[str], says: str) -> None:
    code, said = new(tmp_path, *words)
    assert code == 2
    assert says in said
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    code, said = new(tmp_path, "shop")
    assert (code, "is there already" in said) == (2, True)
    assert list((tmp_path / "shop").iterdir()) == []
