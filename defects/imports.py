"""A process that has imported the services, and in forks runs the fork server of a copy.

A copy imports again what differs in it, and all that imports one of those modules, directly or through others. The rest
serves it as well as its own would.
"""

from __future__ import annotations

import ast
import gc
import importlib
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from launcher import forking

_PACKAGE = "services"
_PRELOAD = f"{_PACKAGE}.preload"
_COMPILED = "__pycache__"

Graph = Mapping[str, set[str]]


def main() -> None:
    """Import the ``services`` that are found first, then fork (``launcher.forking``)."""
    graph: dict[str, set[str]] = {}

    def prepare() -> None:
        preload = importlib.import_module(_PRELOAD)
        names = [f"{_PACKAGE}.{name}" for branch in preload.BRANCHES for name in branch]
        for name in (*preload.SHARED, *(f"{name}.{part}" for name in names for part in ("app", "settings"))):
            importlib.import_module(name)
        graph.update(_graph())
        gc.collect()
        gc.freeze()

    def serve(_: Sequence[str]) -> int:
        _follow(Path.cwd(), graph)
        sys.modules.pop(_PRELOAD, None)
        sys.argv[:] = [_PRELOAD]
        runpy.run_module(_PRELOAD, run_name="__main__")
        return 0

    forking.main(prepare, serve)


def _follow(copy: Path, graph: Graph) -> None:
    """From now on the services are those in ``copy``: what differs there, and what depends on it, is forgotten."""
    original = Path(sys.modules[_PACKAGE].__file__ or "").parent
    forgotten = [_forget(name) for name in _concerned(_different(original, copy / _PACKAGE), graph)]
    kept = [sys.modules[name] for name in _loaded()]
    for metric in _metrics(forgotten) - _metrics(kept):
        # Each name of a metric is registered once in a process.
        REGISTRY.unregister(metric)
    for module in kept:
        if hasattr(module, "__path__"):
            module.__path__ = [str(copy.joinpath(*module.__name__.split(".")))]


def _forget(name: str) -> ModuleType:
    package, _, own = name.rpartition(".")
    if package in sys.modules:
        # Else "from package import own" would find it there.
        vars(sys.modules[package]).pop(own, None)
    return sys.modules.pop(name)


def _metrics(modules: Iterable[ModuleType]) -> set[MetricWrapperBase]:
    return {value for module in modules for value in vars(module).values() if isinstance(value, MetricWrapperBase)}


def _graph() -> Graph:
    """What each imported module of the services imports of them; it is in a package, and so that is among it."""
    sources = {name: Path(sys.modules[name].__file__ or "").read_text("utf-8") for name in _loaded()}
    return {name: {*_imported(source), *_packages(name)} for name, source in sources.items()}


def _packages(name: str) -> Iterator[str]:
    while package := name.rpartition(".")[0]:
        yield package
        name = package


def _loaded() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # A name may be a module's or of a module's.
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def _different(original: Path, copy: Path) -> set[Path]:
    """Files that are not the same in both, as seen from there; a copy has the times of what it was made of."""
    ours, theirs = _files(original), _files(copy)
    return {path for path in {*ours, *theirs} if ours.get(path) != theirs.get(path)}


def _files(folder: Path) -> dict[Path, tuple[int, int]]:
    found = (path for path in folder.rglob("*") if path.parent.name != _COMPILED and path.is_file())
    facts = ((path.relative_to(folder), path.stat()) for path in found)
    return {path: (fact.st_size, fact.st_mtime_ns) for path, fact in facts}


def _concerned(files: Iterable[Path], graph: Graph) -> set[str]:
    names = {_module(path) for path in files if path.suffix == ".py"}
    if any(path.suffix != ".py" for path in files):
        # Whose it is only its reader knows.
        return set(graph)
    found = names & set(graph)
    while more := {name for name, imported in graph.items() if imported & found} - found:
        found |= more
    return found


def _module(path: Path) -> str:
    parts = (_PACKAGE, *path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
