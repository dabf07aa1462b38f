"""Inputs as files: one that was answered wrongly, which anybody can read, keep, and send again."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockstep import kept

FORMAT = "lockstep input"


class InputFileError(ValueError):
    """A file that holds no input; the message names the file and the cause."""

    ROBOT_SUPPRESS_NAME = True


@dataclass(frozen=True)
class Input:
    """A request (``method``, ``path`` with query) or, where ``method`` is empty, a frame; no credential is part of it.

    What the caller knows by name, such as an id, stands as ``{name}`` in path, headers and body.
    """

    body: bytes
    method: str = ""
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = self.body.decode("utf-8", "backslashreplace")
        text = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}… ({len(self.body)} bytes)"
        head = f"{self.method} {self.path}" if self.method else "frame"
        fields = "".join(f" {name}: {value};" for name, value in self.headers.items() if name.lower() != "content-type")
        return f"{head}{fields} {text}".rstrip()

    def filled(self, known: Mapping[str, str]) -> Input:
        """With the caller's values in the place of their names."""
        return self._replaced({f"{{{name}}}": value for name, value in known.items()})

    def named(self, known: Mapping[str, str]) -> Input:
        """With names in the place of the caller's values."""
        return self._replaced({value: f"{{{name}}}" for name, value in known.items()})

    def _replaced(self, table: Mapping[str, str]) -> Input:
        def text(value: str) -> str:
            for old, new in table.items():
                value = value.replace(old, new)
            return value

        body = self.body
        for old, new in table.items():
            body = body.replace(old.encode(), new.encode())
        headers = {name: text(value) for name, value in self.headers.items()}
        return Input(body, self.method, text(self.path), headers)


_SHOWN = 400


def write_input(path: Path, found: Input, seed: str, fault: str) -> None:
    """Writes ``found``; the seed of its search and what was wrong are for the reader."""
    body: dict[str, Any] = {"base64": base64.b64encode(found.body).decode()}
    if found.body.isascii() or _is_text(found.body):
        body = {"text": found.body.decode()}
    request = {"method": found.method, "path": found.path, "headers": dict(found.headers)} if found.method else {}
    kept.write(path, FORMAT, {"seed": seed, "fault": fault, **request, "body": body})


def read_input(path: Path) -> Input:
    """The input in the file at ``path``; raises ``InputFileError``."""
    document = kept.read(path, FORMAT, "an input", InputFileError)
    try:
        return _input(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputFileError(f"{path}: damaged: {error}") from error


def _input(document: Mapping[str, Any]) -> Input:
    body = document["body"]
    content = body["text"].encode() if "text" in body else base64.b64decode(body["base64"], validate=True)
    method, path = document.get("method", ""), document.get("path", "")
    headers = document.get("headers", {})
    if not all(isinstance(value, str) for value in (method, path, *headers.values())):
        raise TypeError("method, path and headers are texts")
    return Input(content, method, path, headers)


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
