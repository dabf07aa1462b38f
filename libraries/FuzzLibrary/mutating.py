"""JSON texts made wrong: strategies of Hypothesis that shrink to the smallest change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

_DEEP = 300
_LONG = 20_000
_PLAIN: tuple[Any, ...] = (None, True, 0, -1, 1.5, 2**53, 2**63, 10**25, "", " ", "x", "null", [], {}, [None], {"": 0})
_ODD: tuple[Any, ...] = (
    "\x00",
    "\u202e",
    "é",
    "é",
    "😀" * 64,
    "../../etc/passwd",
    "' OR 1=1 --",
    "00000000-0000-0000-0000-000000000000",
    "a" * _LONG,
)
_SPELLINGS = ("NaN", "Infinity", "-Infinity", "1e400", "-0", "01", '"\\ud800"', "'x'", "[" * _DEEP + "]" * _DEEP, "")
_MARK = "\ue000spelling\ue000"

Path = tuple[str | int, ...]


def values() -> st.SearchStrategy[Any]:
    """Values that a careless reader of JSON stumbles over, the plainest first, then any JSON value."""
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
    return st.sampled_from(_PLAIN) | st.sampled_from(_ODD) | anything


@st.composite
def broken(draw: st.DrawFn, document: Any) -> bytes:
    """``document`` as JSON text with one thing wrong: a value, a member that is missing, doubled or unknown, a spelling
    that is no JSON, an end cut off, a byte changed.
    """
    paths = list(places(document))
    path = draw(st.sampled_from(paths))
    kind = draw(st.sampled_from(("value", "missing", "unknown", "spelling", "doubled", "cut", "byte")))
    if kind == "value":
        return _written(changed(document, path, draw(values())))
    if kind == "missing" and path:
        return _written(without(document, path))
    if kind == "unknown":
        inner = at(document, path)
        added = {**inner, draw(st.text(max_size=8)): draw(values())} if isinstance(inner, Mapping) else [inner]
        return _written(changed(document, path, added))
    if kind == "spelling":
        spelling = draw(st.sampled_from(_SPELLINGS))
        return _written(changed(document, path, _MARK)).replace(_written(_MARK), spelling.encode())
    text = _written(document)
    if kind == "doubled" and isinstance(document, Mapping) and document:
        name = draw(st.sampled_from(sorted(document)))
        return text[:-1] + b"," + _written(name) + b":" + _written(draw(values())) + b"}"
    place = draw(st.integers(0, len(text) - 1))
    if kind == "byte":
        return text[:place] + bytes([draw(st.integers(0, 255))]) + text[place + 1 :]
    return text[:place]


def places(document: Any, here: Path = ()) -> Iterator[Path]:
    """The path of every value in ``document``, its own first."""
    yield here
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from places(value, (*here, name))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from places(value, (*here, number))


def at(document: Any, path: Path) -> Any:
    """What stands at ``path``."""
    for step in path:
        document = document[step]
    return document


def changed(document: Any, path: Path, value: Any) -> Any:
    """A copy of ``document`` with ``value`` at ``path``."""
    if not path:
        return value
    first, *rest = path
    copy: Any = dict(document) if isinstance(document, Mapping) else list(document)
    copy[first] = changed(document[first], tuple(rest), value)
    return copy


def without(document: Any, path: Path) -> Any:
    """A copy of ``document`` without what stands at ``path``, which is not empty."""
    *above, last = path
    inner = at(document, tuple(above))
    copy: Any = dict(inner) if isinstance(inner, Mapping) else list(inner)
    del copy[last]
    return changed(document, tuple(above), copy)


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
