"""What is mutated, how a sample is drawn, and what a mutant says of itself."""

from pathlib import Path

import pytest

from mutation import mutants
from mutation.copies import change, copy, digest
from mutation.mutants import changed, files, mutant, sample, statement, text

SOURCE = '''\
from dataclasses import dataclass

LIMIT = 3


@dataclass
class Gate:
    name: str = "gate"

    @property
    def open(self) -> bool:
        """Whether anybody may pass."""
        return self.name != "shut"


async def enter(gate: Gate) -> str:
    if gate.open:
        return greet(
            gate.name,
            1,
        )
    return "no"
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "services" / "auth"
    folder.mkdir(parents=True)
    (folder / "opaque.py").write_text(SOURCE)
    return tmp_path


def every(root: Path) -> list[tuple[str, str]]:
    return [(one.before, one.after) for one in sample(root, ["services/auth/opaque.py"], 1000, "s")]


def test_decorated_functions_are_changed_as_well(root: Path) -> None:
    assert ('return self.name != "shut"', 'return self.name == "shut"') in every(root)


def test_what_only_importing_executes_is_left_alone(root: Path) -> None:
    assert not [before for before, _ in every(root) if "LIMIT" in before or "name: str" in before]


def test_each_mutant_is_a_module_with_one_change(root: Path) -> None:
    for one in sample(root, ["services/auth/opaque.py"], 1000, "s"):
        new = text(root, one.file, one.number)
        compile(new, one.file, "exec")
        first, before, after = changed(SOURCE, new)
        assert (first, "\n".join(before), "\n".join(after)) == (one.line, one.before, one.after)


def test_the_seed_repeats_the_sample_and_a_smaller_one_begins_a_larger_one(root: Path) -> None:
    names = ["services/auth/opaque.py"]
    assert sample(root, names, 5, "s") == sample(root, names, 12, "s")[:5]
    assert sample(root, names, 12, "s") != sample(root, names, 12, "t")


def test_a_mutant_knows_the_statement_that_it_changes(root: Path) -> None:
    number = every_number(root, "1,", "2,")
    one = mutant(root, "services/auth/opaque.py", number)
    assert (one.function, one.line, one.lines) == ("enter", 20, (18, 21))


def every_number(root: Path, before: str, after: str) -> int:
    found = sample(root, ["services/auth/opaque.py"], 1000, "s")
    return next(one.number for one in found if (one.before, one.after) == (before, after))


def test_of_a_compound_statement_the_head_counts() -> None:
    assert statement(SOURCE, 17) == (17, 17)
    assert statement("with a(\n    1,\n):\n    pass\n", 2) == (1, 3)


def test_modules_are_named_by_stem_path_or_pattern(root: Path) -> None:
    for name in ("opaque", "services/auth/opaque.py", "services/auth/*"):
        assert files(root, [name]) == ["services/auth/opaque.py"]
    with pytest.raises(ValueError, match="nothing to mutate in 'opak'"):
        files(root, ["opak"])


def test_each_pattern_of_the_scope_finds_something() -> None:
    here = Path(__file__).parents[2]
    assert [pattern for pattern in mutants.SCOPE if not list(here.glob(pattern))] == []


def test_a_changed_copy_leaves_the_original_and_no_compiled_file(root: Path, tmp_path: Path) -> None:
    compiled = root / "services" / "auth" / "__pycache__" / "opaque.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.touch()
    before = digest(root / "services")
    target = copy(root, tmp_path / "copy")
    assert digest(target / "services") == before
    change(target, "services/auth/opaque.py", "pass\n")
    assert (root / "services/auth/opaque.py").read_text() == SOURCE
    assert not (target / "services/auth/__pycache__/opaque.cpython-311.pyc").exists()
    assert digest(target / "services") != before
