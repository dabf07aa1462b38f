"""The ten-line examples of docs/libraries run as they stand, with nothing but the libraries' folder on the path."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from DataFactory import DataFactory
from JWTLibrary import tokens

from tests.libraries.conftest import Stack
from tests.libraries.inner import ROOT, run_inner


@pytest.mark.parametrize("name", ["jwt", "redis", "datafactory", "session", "budget"])
def test_the_example_runs(name: str, stack: Stack, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "libraries" / f"{name}.md").read_text(encoding="utf-8")
    block = re.search(r"```robotframework\n(.*?)```", text, re.DOTALL)
    assert block
    (tmp_path / "example.robot").write_text(block[1], encoding="utf-8")
    found = stack.descriptor
    key = tokens.load_private_key(Path(found["signing_key_file"]).read_bytes())
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [tokens.public_jwk(key, "k1")]}))
    variables = {
        "KEY": found["signing_key_file"],
        "JWKS": str(tmp_path / "jwks.json"),
        "URL": found["redis_url"],
        "AUTH": found["auth_url"],
        "BACKEND": found["backend_urls"][0],
        "SERVICE": found["service_token"],
        "DB": found["auth_db_url"],
        "USER": DataFactory(seed=name, auth_url=found["auth_url"]).create_user().id,
    }
    run = run_inner(tmp_path / "example.robot", tmp_path, variables=variables)
    assert run.returncode == 0, f"{run.verdicts}\n{run.console}"
