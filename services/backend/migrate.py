"""``python -m services.backend.migrate [REVISION]`` brings ``DATABASE_URL`` to the newest schema of backend."""

import sys
from pathlib import Path

from services.common.migrations import upgrade

if __name__ == "__main__":
    sys.exit(upgrade("backend", Path(__file__).parent / "migrations", sys.argv[1:]))
