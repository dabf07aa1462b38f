"""``python -m lint``: says what of ``lint/baseline.yaml`` is more than needed; ``--shrink`` lowers it, and takes out of
``lint/sentences.yaml`` what is proved by now.
"""

from __future__ import annotations

import sys

from launcher import sentences
from lint import baseline, glossary


def main() -> int:
    """Say which counts of the baseline are too high by now, or lower them."""
    before = baseline.read()
    now = baseline.shrunk(before, glossary.read())
    lines = baseline.differences(before, now)
    for line in lines:
        print(line)
    if "--shrink" in sys.argv[1:]:
        baseline.write(now)
        sentences.write_accepted(sentences.Table.of_project().shrunk(sentences.accepted()))
    elif lines:
        print("Fewer than the baseline: ./run lint --shrink")
    return 0


if __name__ == "__main__":
    sys.exit(main())
