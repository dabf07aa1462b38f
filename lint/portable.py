"""What must not stand in portable suites and resources: words that belong to one platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ROOT / "variables" / "targets"
FOLDER = "portable"
LIBRARIES = frozenset(
    {
        "ExplorationLibrary",
        "HistoryLibrary",
        "LoadLibrary",
        "PlatformLibrary",
        "RequestsLibrary",
        "TabLibrary",
        "TargetLibrary",
        "WebSocketLibrary",
    }
)
"""What the vocabulary stands on; a portable suite imports none of them by itself."""
_ADDRESS = re.compile(r"(?:^|=)(?:\w+://|/\w)")
_CODE = re.compile(r"(?:(?P<named>(?:status|code)=\S*\d{3}\S*)|\$?\{?(?P<bare>[45]\d\d|10[01]\d|4\d{3})\}?)")
_SILENT = ("Documentation", "Tags", "TestTags", "Comment", "SectionHeader", "TestCaseName", "KeywordName", "EOL")


def is_portable(path: Path, model: Any) -> bool:
    """Whether a file is portable: by its folder, or since it imports what stands there."""
    return FOLDER in path.parts or any(
        imported.name and imported.name.startswith(f"{FOLDER}/") for imported in statements(model, "ResourceImport")
    )


def statements(model: Any, *kinds: str) -> Iterator[Any]:
    """The statements of a parsed file, those of these kinds or all."""
    for section in model.sections:
        for block in section.body:
            yield from _within(block, kinds)


def _within(block: Any, kinds: tuple[str, ...]) -> Iterator[Any]:
    if hasattr(block, "body"):
        for inner in (getattr(block, "header", None), *block.body):
            if inner is not None:
                yield from _within(inner, kinds)
    elif not kinds or type(block).__name__ in kinds:
        yield block


@cache
def words(targets: Path = TARGETS) -> frozenset[str]:
    """The names that dialects give to endpoints and instances."""
    found: set[str] = set()
    for path in (*targets.glob("*/target.yaml"), *targets.glob("*.yaml")):
        entries = yaml.safe_load(path.read_text("utf-8"))
        if isinstance(entries, dict) and entries.get("dialect"):
            for name, endpoint in entries.get("endpoints", {}).items():
                found.add(str(name))
                found |= {str(endpoint["instance"])} if isinstance(endpoint, dict) and "instance" in endpoint else set()
    return frozenset(found)


def flaws(model: Any, path: Path, known: frozenset[str]) -> Iterator[tuple[Any, str]]:
    """Each statement of a portable file that names something of one platform, and what it names."""
    in_resource = path.suffix == ".resource"
    for statement in statements(model):
        kind = type(statement).__name__
        if kind == "ResourceImport" and not str(statement.name).startswith(f"{FOLDER}/"):
            yield statement, f"imports {statement.name}, which is not portable"
        elif kind == "LibraryImport" and (not in_resource or statement.name not in LIBRARIES):
            yield statement, f"imports {statement.name}: words come from resources/{FOLDER} alone"
        elif not kind.startswith(_SILENT) and not kind.endswith("Import"):
            for token in statement.data_tokens:
                if reason := foreign(str(token.value), known):
                    yield statement, reason


def foreign(text: str, known: frozenset[str]) -> str:
    """What an argument names of one platform; "" where it names nothing."""
    if _ADDRESS.search(text):
        return f"names the address {text}"
    if code := _CODE.fullmatch(text):
        return f"names the code {code['named'] or code['bare']}"
    return f"names {text}, an endpoint or instance of one platform" if text in known else ""
