"""What each forked robot would find out again about keyword libraries, found out once before the fork."""

from __future__ import annotations

from typing import Any

from robot.running import namespace
from robot.running.importer import Importer
from robot.running.testlibraries import ClassLibrary, ModuleLibrary, TestLibrary


class Prepared(Importer):  # type: ignore[misc]
    """Robot's importer, which knows the keywords of some libraries before the run begins.

    No library is initialised: what it starts or draws at its first use belongs to the fork.
    """

    def reset(self) -> None:
        """Called as a run begins; a fork runs once, so nothing is there of an earlier run."""

    def prepare(self, name: str) -> None:
        """Finds the keywords of a library that suites import without arguments; others are left to the run."""
        library: Any = TestLibrary.from_name(name, create_keywords=False)
        if isinstance(library, ModuleLibrary):
            library.create_keywords()
        elif type(library) is ClassLibrary:
            library.instance = object.__new__(library.code)
            library.create_keywords()
            library.instance = library._has_listeners = None
        else:
            return
        self._library_cache[name, library.init.positional, library.init.named] = library

    def install(self) -> None:
        """Put it in the place of Robot's own."""
        namespace.IMPORTER = self
