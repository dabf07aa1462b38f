"""How libraries have Hypothesis draw: quietly, the same from the same seed, with nothing left in the working folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def drawing(count: int, **more: Any) -> Iterator[Any]:
    """Settings of Hypothesis for ``count`` drafts and, after a failure, smaller ones; ``more`` are further settings.

    What Hypothesis writes goes into a folder that ends with the block.
    """
    # Imported here: it costs half a second, and most users of a library want a name or a page of documentation.
    import hypothesis
    from hypothesis import HealthCheck, Phase, Verbosity
    from hypothesis.configuration import set_hypothesis_home_dir

    settings = hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        verbosity=Verbosity.quiet,
        **more,
    )
    with temporary("hypothesis-") as home:
        set_hypothesis_home_dir(home)
        yield settings


def number(text: str) -> int:
    """A seed for Hypothesis."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def temporary(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for as long as a block lasts; in that of the run, if there is one, since a robot may be killed."""
    return tempfile.TemporaryDirectory(prefix=prefix, dir=os.environ.get("LOCKSTEP_RUN_DIR"))
