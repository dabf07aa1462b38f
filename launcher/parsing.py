"""The command lines of the commands that have options of their own."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from launcher.console import did_you_mean
from launcher.paths import COMMAND

_OF_A_DOCSTRING = re.compile(r"^``(\./run [^`]+)``(?:\s*\(\S+\))?:\s*|``")


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, and with the nearest option where one is unknown; ends with 2 on wrong use."""

    def __init__(self, **options: Any) -> None:
        form = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        if "prog" in options:
            options["prog"] = options["prog"].replace("./run", COMMAND)
        if options.get("description"):
            plain = _OF_A_DOCSTRING.sub("", options["description"])
            options["description"] = plain[:1].upper() + plain[1:]
        super().__init__(**{**form, **options})

    @property
    def known(self) -> list[str]:
        """Its options, as they are typed."""
        return list(self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, without the whole usage."""
        unknown = next((word.partition("=")[0] for word in message.split() if word.startswith("-")), None)
        near = did_you_mean(unknown, self.known) if "unrecognized" in message and unknown else ""
        self.exit(2, f"{self.prog}: {message}.{near} More: {self.prog} --help\n")
