"""JSON files that name their format and version: what a search has found, for whoever plays or sends it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERSION = 1


def write(path: Path, format: str, members: Mapping[str, Any]) -> None:
    """Writes ``members`` as a document of that format; makes the folder."""
    document = {"format": format, "version": VERSION, **members}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path, format: str, what: str, error: type[ValueError]) -> dict[str, Any]:
    """The document at ``path``; raises ``error`` where it cannot be read, is damaged, is not ``what``, or of another
    version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise error(f"{path}: damaged: {problem}") from problem
    if not isinstance(document, dict) or document.get("format") != format:
        raise error(f'{path}: not {what}: it has no "format": "{format}"')
    if document.get("version") != VERSION:
        raise error(f"{path}: version {document.get('version')!r} is not known, only {VERSION} is")
    return document
