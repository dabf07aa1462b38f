"""Puts a descriptor into use, as `PlatformLibrary` does with the one that it leased."""

import json
from pathlib import Path

from lockstep import target
from robot.api.deco import keyword, library


@library(scope="GLOBAL")
class UseTarget:
    @keyword
    def use_target(self, descriptor: Path) -> None:
        target.set_current(json.loads(descriptor.read_text()))
