"""Help: what ``./run`` and its commands say about themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_TEXTS = Path(__file__).with_name("help")


def has(name: str) -> bool:
    """True where there is a text about ``name``; other commands have a parser that knows what to say."""
    return (_TEXTS / f"{name}.txt").exists()


def text(name: str) -> str:
    """What is said about a command; ``run`` is all of them, ``area`` a run of suites."""
    return (_TEXTS / f"{name}.txt").read_text("utf-8").rstrip()


def asked(words: Iterable[str]) -> bool:
    """True if one of ``words`` asks for help, spelt as Robot lets it be spelt."""
    return any(word in ("-h", "-?") or word.lower() == "--help" for word in words)
