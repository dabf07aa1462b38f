"""The mutants: mutmut makes them, a seed draws the sample, and each becomes one changed file.

Of mutmut its generator is used, not its run-time switch: trampolines stand in the way of every call, know nothing of
decorated functions (routes, properties), and would have to find their variable in services that start with a bare
environment. One changed file in a copy of ``services/`` is what a wrong commit would be.
"""

from __future__ import annotations

import ast
import difflib
import fnmatch
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

SCOPE = (
    *("services/auth/session_*.py", "services/auth/opaque.py", "services/auth/records.py", "services/auth/locks.py"),
    *("services/auth/signing_keys.py", "services/auth/core.py", "services/auth/provider.py"),
    *("services/auth/access.py", "services/auth/batch.py", "services/auth/routes/tokens.py"),
    *("services/common/access_tokens.py", "services/common/quotas.py"),
    *(
        f"services/backend/{name}.py"
        for name in (
            *("endpoint", "handlers", "frames", "resume", "positions", "hub", "channel", "connection", "log_store"),
            *("writer", "allocation", "sync", "socket_quotas", "shares", "sessions", "session_state", "clients"),
            *("events", "flights", "rings", "turns", "watch"),
        )
    ),
)


@dataclass(frozen=True)
class Mutant:
    """One change: the outermost function that has it, and the lines, stripped, as they are and as they become.

    ``number`` counts the mutants of a file; ``lines`` are the first and the last line of the statement that is changed.
    """

    file: str
    function: str
    number: int
    line: int
    before: str
    after: str
    lines: tuple[int, int]

    @property
    def id(self) -> str:
        """What it is called in the journal."""
        return f"{self.file}#{self.number}"

    @property
    def place(self) -> str:
        """Where to look."""
        return f"{self.file}:{self.line}"


class _Visitor(MutationVisitor):
    """mutmut's own, but functions with decorators are changed, too: nothing is called twice or wrapped here."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators:
            return False
        return super()._skip_node_and_children(node)


def files(root: Path, only: Sequence[str] = ()) -> list[str]:
    """What is mutated; ``only`` names modules (``sync``), paths or patterns of paths. ValueError for one unknown."""
    found = sorted({str(path.relative_to(root)) for pattern in SCOPE for path in root.glob(pattern)})
    for name in only:
        if not any(_named(file, name) for file in found):
            raise ValueError(f"there is nothing to mutate in {name!r}; there are {', '.join(map(_stem, found))}")
    return [file for file in found if not only or any(_named(file, name) for name in only)]


def _named(file: str, name: str) -> bool:
    return name == _stem(file) or fnmatch.fnmatchcase(file, name)


def _stem(file: str) -> str:
    return Path(file).stem


def sample(root: Path, names: Sequence[str], size: int, seed: str) -> list[Mutant]:
    """``size`` mutants of these files, in the order that ``seed`` draws: a smaller sample begins a larger one."""
    every = [(name, number) for name in names for number in range(len(_mutations(root / name)[1]))]
    random.Random(seed).shuffle(every)  # noqa: S311 - a choice that a seed repeats
    return [mutant(root, name, number) for name, number in every[:size]]


def mutant(root: Path, name: str, number: int) -> Mutant:
    """One of them, read for people."""
    old = (root / name).read_text("utf-8")
    first, before, after = changed(old, text(root, name, number))
    function = _mutations(root / name)[1][number].contained_by_top_level_function
    return Mutant(
        name,
        function.name.value if function else "",
        number,
        first,
        "\n".join(before),
        "\n".join(after),
        statement(old, first),
    )


def text(root: Path, name: str, number: int) -> str:
    """The whole file as this mutant has it."""
    module, mutations = _mutations(root / name)
    chosen = mutations[number]
    new = module.deep_replace(chosen.original_node, chosen.mutated_node)
    if not isinstance(new, cst.Module):
        raise TypeError(f"{name}#{number} is no module any more")
    return new.code


@cache
def _mutations(path: Path) -> tuple[cst.Module, list[Mutation]]:
    wrapper = MetadataWrapper(cst.parse_module(path.read_text("utf-8")))
    visitor = _Visitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = wrapper.visit(visitor)
    # What is executed on import alone mutmut leaves out as well: constants, fields, types.
    return module, [
        one for one in visitor.mutations if isinstance(one.contained_by_top_level_function, cst.FunctionDef)
    ]


def changed(old: str, new: str) -> tuple[int, list[str], list[str]]:
    """The number of the first line that differs, and the lines that differ, of both."""
    ours, theirs = old.splitlines(), new.splitlines()
    steps = [
        step for step in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes() if step[0] != "equal"
    ]
    if not steps:
        raise ValueError("nothing is changed")
    (_, begin, _, start, _), (_, _, end, _, stop) = steps[0], steps[-1]
    return begin + 1, [line.strip() for line in ours[begin:end]], [line.strip() for line in theirs[start:stop]]


def statement(source: str, line: int) -> tuple[int, int]:
    """First and last line of the innermost statement on ``line``; of a compound one its head alone."""
    best = (line, line)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            if node.lineno <= line <= last and (best == (line, line) or node.lineno >= best[0]):
                best = (node.lineno, last)
    return best
