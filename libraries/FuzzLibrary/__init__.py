"""Random requests and frames, made smaller where they fail, and judged by what comes of them."""

from .files import Input, InputFileError, read_input, write_input
from .keywords import FuzzLibrary

__all__ = ["FuzzLibrary", "Input", "InputFileError", "read_input", "write_input"]
