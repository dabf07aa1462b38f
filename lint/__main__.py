"""``python -m lint``: judges the names of the libraries' keywords; robocop judges those of suites.

With ``--shrink`` it takes out of ``lint/sentences.yaml`` what is proved by now.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from robot.libdoc import LibraryDocumentation

from launcher import sentences
from launcher.paths import LIBRARIES
from lint import glossary, names


def flaws(folder: Path = LIBRARIES) -> Iterator[str]:
    """A line for each flaw of a keyword's name in the libraries of ``folder``, less the classic ones."""
    words = glossary.read()
    for path in sorted(folder.iterdir()):
        if path.name[0].isupper():
            for keyword in LibraryDocumentation(str(path)).keywords:
                if "classic" not in keyword.tags:
                    for flaw in names.flaws("keyword", keyword.name, words):
                        yield f"{path.name}: '{keyword.name}': {flaw.text}"


def main() -> int:
    """Say what is wrong with names, or take out what is proved."""
    if "--shrink" in sys.argv[1:]:
        sentences.write_accepted(sentences.Table.of_project().shrunk(sentences.accepted()))
        return 0
    found = list(flaws())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
