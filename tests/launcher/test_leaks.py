"""The results of a run are searched for its secrets, in whatever encoding they stand there."""

from __future__ import annotations

import base64
import html
import json
import secrets
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from lockstep import issued, masking

from launcher import leaks
from tests.launcher.launching import launch

OPAQUE = "n8Yd-" + "Qk3_vT7wLxR2"
SPOKEN = 'two words & "more"/ü'
TOKEN = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"ES256","typ":"at+jwt"}', b'{"sub":"7"}', b"a-signature-of-many-bytes")
)
ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "inside": lambda secret: f"x{secret}_y",
    "url": lambda secret: quote(secret, safe=""),
    "json": lambda secret: json.dumps(secret),
    "json in utf-8": lambda secret: json.dumps(secret, ensure_ascii=False),
    "html": html.escape,
    "base64": lambda secret: base64.b64encode(f"of: {secret}".encode()).decode(),
    "base64 for urls": lambda secret: base64.urlsafe_b64encode(f"{secret}:".encode()).decode().rstrip("="),
    "log.html": lambda secret: base64.b64encode(zlib.compress(f"a text with {secret}".encode(), 9)).decode(),
    "twice": lambda secret: base64.b64encode(base64.b64encode(secret.encode())).decode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", [OPAQUE, TOKEN, SPOKEN.replace("ü", "u"), SPOKEN], ids=["run", "jwt", "text", "ü"])
def test_a_planted_secret_is_found(tmp_path: Path, encoding: str, secret: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text(f"before {ENCODINGS[encoding](secret)} after", "utf-8")
    found = leaks.search(tmp_path, {secret, "another-secret-of-the-run"})
    assert len(found) == 1
    assert "deep/file" in found[0]
    assert secret not in found[0]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_would_be_found_is_masked(encoding: str) -> None:
    value = secrets.token_urlsafe(32)
    masking.register(value)
    spoken = f'{secrets.token_hex(4)} & "{secrets.token_hex(4)}"'
    masking.register(spoken)
    for secret in (value, spoken):
        if encoding in ("log.html", "twice"):
            continue  # nobody but Robot's own report writes so, from what is masked already
        masked = masking.mask(f"before {ENCODINGS[encoding](secret)} after")
        assert "***" in masked
        assert not leaks._Wanted({secret}).in_text(masked)


def test_what_is_masked_or_only_looks_like_a_secret_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "output.xml").write_text(f"<token 1a2b3c4d> *** {OPAQUE[:-1]} eyJhbGciOi.eyJ and eyJ.eyJ.sig", "utf-8")
    assert leaks.search(tmp_path, {OPAQUE}) == []


def test_no_more_than_ten_are_listed(tmp_path: Path) -> None:
    for number in range(15):
        (tmp_path / str(number)).write_text(OPAQUE)
    found = leaks.search(tmp_path, {OPAQUE})
    assert len(found) == 11
    assert "5 more" in found[-1]


def test_what_processes_register_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    told = leaks.Issued()
    for name, value in told.environment.items():
        monkeypatch.setenv(name, value)
    masking.register(secret := secrets.token_urlsafe(32))
    masking.register("A" * 43)
    told.close()
    assert told.secrets == {secret}
    issued.report(secret)  # nobody listens any more, and nothing happens


LEAKING = """*** Settings ***
Library    JWTLibrary
Library    leaking.py

*** Test Cases ***
It Passes
    Write Past The Masking    {where}
"""
PAST = """
import os, pathlib, secrets
from lockstep import masking

def write_past_the_masking(where):
    value = secrets.token_urlsafe(32)
    masking.register(value)
    if where == "file":
        pathlib.Path(os.environ["LOCKSTEP_RUN_DIR"], "kept.txt").write_text(f"x={value}")
    return value
"""


@pytest.mark.parametrize("where", ["file", "nowhere"])
def test_a_run_is_not_well_where_a_secret_stands_in_its_results(tmp_path: Path, where: str) -> None:
    suites = tmp_path / "suites"
    suites.mkdir()
    (suites / "a.robot").write_text(LEAKING.format(where=where))
    (suites / "leaking.py").write_text(PAST)
    run = launch(suites, tmp_path / "results")
    assert run.code == (1 if where == "file" else 0), run.output
    assert ("A secret stands in kept.txt" in run.output) == (where == "file")
