"""docs/protocol.md and docs/architecture.md against what the services declare, in both directions."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from services.auth.settings import Settings as AuthSettings
from services.backend import capabilities, frames, handlers
from services.backend.settings import Settings as BackendSettings
from services.common.settings import CommonSettings
from services.frontend.settings import Settings as FrontendSettings
from services.provider.settings import Settings as ProviderSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
PROTOCOL = (DOCS / "protocol.md").read_text(encoding="utf-8")
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
SECRET = "a-secret-of-a-good-length"
ELSEWHERE = {"public_url": "https://127.0.0.1:1", "redis_url": "redis://127.0.0.1:1"}
COMMON = {"service_token": SECRET, "frontend_credential": SECRET, **ELSEWHERE}
AUTH = AuthSettings.model_validate(
    COMMON
    | {"database_url": "postgresql://127.0.0.1:1/auth", "provider_url": "http://127.0.0.1:1"}
    | {"provider_client_id": "lockstep", "provider_client_secret": SECRET, "key_secret": SECRET}
)
BACKEND = BackendSettings.model_validate(
    COMMON | {"database_url": "postgresql://127.0.0.1:1/main", "auth_url": "http://127.0.0.1:1"}
)


SETTINGS: dict[str, type[CommonSettings]] = {
    "auth": AuthSettings,
    "backend": BackendSettings,
    "frontend": FrontendSettings,
    "provider": ProviderSettings,
}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables(text: str) -> Iterator[list[list[str]]]:
    """Each table as rows of cells, the line under its head left out."""
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(cells(line))
        elif rows:
            yield [rows[0], *rows[2:]]
            rows = []


def table(text: str, head: str) -> list[list[str]]:
    return next(rows[1:] for rows in tables(text) if rows[0][0] == head)


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("document", ["protocol.md", "architecture.md"])
def test_every_table_is_whole(document: str) -> None:
    found = list(tables((DOCS / document).read_text(encoding="utf-8")))
    assert found
    for rows in found:
        assert {len(row) for row in rows} == {len(rows[0])}, rows[0]


def test_the_frames_a_client_may_send_are_those_that_backend_serves() -> None:
    documented = [name for row in table(PROTOCOL, "from client") for name in quoted(row[0])]
    served = re.findall(r'"([a-z.]+)": self\._', Path(handlers.__file__).read_text(encoding="utf-8"))
    assert sorted(documented) == sorted(served)


def test_close_codes_are_the_published_ones() -> None:
    documented = [int(code) for row in table(PROTOCOL, "close code") for code in re.findall(r"\d{4}", row[0])]
    assert sorted(documented) == sorted(frames.CLOSE_CODES.values())


def test_reasons_of_a_refused_resumption_are_the_published_ones() -> None:
    row = next(row[1] for row in table(PROTOCOL, "push") if row[0] == "`resumed`")
    documented = {
        word for word in quoted(row.split("has `reason`")[1].split(" and ")[0]) if re.fullmatch("[a-z_]+", word)
    }
    assert documented == set(capabilities.describe(BACKEND, shared_quotas=True)["resume_reasons"])


def test_error_codes_of_frames_are_documented() -> None:
    row = next(row[1] for row in table(PROTOCOL, "push") if row[0] == "`error`")
    documented = set(quoted(row.split("codes", 1)[1]))
    source = "".join(path.read_text(encoding="utf-8") for path in Path(frames.__file__).parent.glob("*.py"))
    used = set(re.findall(r'FrameError\(\s*"([a-z_]+)"', source))
    assert used
    assert used == documented


def openapi(service: str, settings: BaseSettings) -> dict[str, Any]:
    app = importlib.import_module(f"services.{service}.app").create_app(settings)
    document = app.openapi()
    assert isinstance(document, dict)
    return document


def plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/")


@pytest.mark.parametrize(("service", "settings"), [("auth", AUTH), ("backend", BACKEND)])
def test_every_endpoint_of_a_service_is_documented(service: str, settings: BaseSettings) -> None:
    """By its path, or where a cell lists several of one stem, by the end of it (``…/revoke``)."""
    text = plain(PROTOCOL)
    for path in openapi(service, settings)["paths"]:
        assert plain(path) in text or f"…/{path.rsplit('/', 1)[1]}" in text, f"{service}: {path} is in no document"


def test_every_documented_endpoint_exists() -> None:
    served = {
        (method.upper(), plain(path))
        for service, settings in (("auth", AUTH), ("backend", BACKEND))
        for path, methods in openapi(service, settings)["paths"].items()
        for method in methods
    }
    promised = {
        (method, plain(re.split(r"[?\[]", path)[0]))
        for section in ("## 2. auth", "## 3. backend")
        for methods, path in re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE)(?:/[A-Z]+)*) (/[^\s`]*)", _section(section))
        for method in methods.split("/")
    }
    assert len(promised) > 40
    assert promised - served == set()


def _section(head: str) -> str:
    return re.split(r"\n## \d", PROTOCOL.split(head)[1])[0]


def documented_settings() -> dict[str, tuple[str, str | None]]:
    """Environment variable → (for which services, its default where a number is given)."""
    return {
        name: (services, value or None)
        for names, services, _ in table(ARCHITECTURE, "variable")
        for name, value in re.findall(r"`([A-Z_]+)`(?: ([0-9]+))?", names)
    }


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_reads_no_setting_that_is_not_documented(service: str) -> None:
    known = {name for name, (services, _) in documented_settings().items() if service in services or services == "all"}
    assert {name.upper() for name in SETTINGS[service].model_fields} - known == set()


def test_documented_settings_are_read_with_the_documented_defaults() -> None:
    for name, (services, default) in documented_settings().items():
        readers = [SETTINGS[service].model_fields for service in SETTINGS if service in services or services == "all"]
        found = [fields[name.lower()] for fields in readers if name.lower() in fields]
        assert found, f"nobody reads {name}"
        if default is not None:
            assert {field.default for field in found} == {int(default)}, name
