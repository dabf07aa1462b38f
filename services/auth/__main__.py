"""``python -m services.auth`` starts this service; its settings come from the environment."""

import sys

from services.common.serve import serve

sys.exit(serve("auth"))
