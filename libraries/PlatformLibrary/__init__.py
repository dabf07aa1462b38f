"""Robot Framework library that boots, leases and controls the platform under test, and brings a failed test's evidence.

The library class is imported when it is asked for: the platform host lives in this package too and has no use for Robot
Framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .embedded.errors import PlatformError

if TYPE_CHECKING:
    from .library import PlatformLibrary

__all__ = ["PlatformError", "PlatformLibrary"]


def __getattr__(name: str) -> Any:
    if name == "PlatformLibrary":
        from .library import PlatformLibrary

        return PlatformLibrary
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
