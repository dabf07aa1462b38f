"""What the words of portable suites are on one target: its dialect, read from a file, as data.

`load` reads a dialect, `Speaker` builds requests from its words and reads their answers, `Line` does the same for
frames of a socket, `Driver` sends them where nobody else does. docs/dialect.md describes the file. Nothing here needs
Robot Framework.
"""

from __future__ import annotations

from lockstep.dialect.dialect import Dialect as Dialect
from lockstep.dialect.dialect import find as find
from lockstep.dialect.dialect import is_dialect as is_dialect
from lockstep.dialect.dialect import load as load
from lockstep.dialect.dialect import loads as loads
from lockstep.dialect.dialect import names as names
from lockstep.dialect.driving import Driver as Driver
from lockstep.dialect.driving import WordFailed as WordFailed
from lockstep.dialect.errors import DialectError as DialectError
from lockstep.dialect.errors import NotDescribed as NotDescribed
from lockstep.dialect.errors import NotRead as NotRead
from lockstep.dialect.frames import Event as Event
from lockstep.dialect.line import Line as Line
from lockstep.dialect.messages import Answer as Answer
from lockstep.dialect.messages import Outcome as Outcome
from lockstep.dialect.messages import Request as Request
from lockstep.dialect.messages import Session as Session
from lockstep.dialect.performing import Speaker as Speaker
