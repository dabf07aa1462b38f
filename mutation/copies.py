"""Copies of ``services/``: the original is never touched, and may change while the mutants run."""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
from pathlib import Path


def original(root: Path, target: Path) -> Path:
    """``services/`` of ``root`` below ``target``, compiled: what copies are made of, which then start as fast."""
    shutil.copytree(root / "services", target / "services")
    compileall.compile_dir(target / "services", quiet=2)
    return target


def copy(root: Path, target: Path) -> Path:
    """``services/`` of ``root`` below ``target``, with what is compiled; both share their files until `change`."""
    shutil.copytree(root / "services", target / "services", copy_function=_share)
    return target


def _share(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copy2(source, target)


def change(target: Path, file: str, text: str) -> None:
    """Give one file of a copy other contents."""
    path = target / file
    path.unlink()
    path.write_text(text, "utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def digest(*sources: Path) -> str:
    """Equal for files and folders with equal contents; what is compiled does not count."""
    total = hashlib.sha256()
    for source in sources:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file() and path.suffix != ".pyc":
                total.update(f"{path.relative_to(source.parent)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]
