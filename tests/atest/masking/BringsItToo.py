"""Two libraries with the masking listener, as `JWTLibrary` and the others bring it."""

from lockstep import masking
from robot.api import ContinuableFailure, FatalError, logger
from robot.api.deco import keyword, library
from robot.output import LOGGER


@library(scope="GLOBAL", listener=masking.LISTENER)
class BringsItToo:
    @keyword
    def know(self, value: str) -> None:
        masking.register(value)

    @keyword
    def say(self, text: str, html: bool = False) -> str:
        logger.info(text, html=html)
        return text

    @keyword
    def complain(self, text: str) -> None:
        LOGGER.error(text)

    @keyword
    def fail_continuably(self, text: str) -> None:
        raise ContinuableFailure(text)

    @keyword
    def fail_fatally(self, text: str) -> None:
        raise FatalError(text)
