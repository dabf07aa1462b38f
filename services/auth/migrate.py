"""``python -m services.auth.migrate [REVISION]`` brings ``DATABASE_URL`` to the newest schema of auth."""

import sys
from pathlib import Path

from services.common.migrations import upgrade

if __name__ == "__main__":
    sys.exit(upgrade("auth", Path(__file__).parent / "migrations", sys.argv[1:]))
