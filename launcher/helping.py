"""Help: what ``./run`` and its commands say about themselves."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_TEXTS = Path(__file__).with_name("help")
_WIDTH = "100"


def has(name: str) -> bool:
    """True where there is a text about ``name``; other commands have a parser that knows what to say."""
    return (_TEXTS / f"{name}.txt").exists()


def text(name: str) -> str:
    """What is said about a command; ``run`` is all of them, ``area`` a run of suites."""
    return (_TEXTS / f"{name}.txt").read_text("utf-8").rstrip()


def asked(words: Iterable[str]) -> bool:
    """True if one of ``words`` asks for help, spelt as Robot lets it be spelt."""
    return any(word in ("-h", "-?") or word.lower() == "--help" for word in words)


def of_parsers(modules: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """The file and the text of help for each command (and its module) that has a parser and no text of its own.

    ``help.sh`` shows them where nothing is installed yet.
    """
    for name, module in modules.items():
        if not has(name) and importlib.util.find_spec(module.partition(".")[0]):
            yield _TEXTS / "options" / f"{name}.txt", _printed(importlib.import_module(module))


def _printed(module: object) -> str:
    start = getattr(module, "conduct", None) or module.main  # type: ignore[attr-defined]
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _WIDTH
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            start(["--help"])
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    return printed.getvalue()
