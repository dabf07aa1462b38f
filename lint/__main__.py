"""``python -m lint``: says what of ``lint/baseline.yaml`` is more than needed; ``--shrink`` lowers it."""

from __future__ import annotations

import sys

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
    elif lines:
        print("Fewer than the baseline: ./run lint --shrink")
    return 0


if __name__ == "__main__":
    sys.exit(main())
