"""What every group of keywords has at hand."""

from __future__ import annotations

from datetime import timedelta

from ..registry import Connections

DEFAULT_WAIT = timedelta(seconds=5)


class Base:
    """State of one library instance."""

    connections: Connections
    max_frame_size: int
