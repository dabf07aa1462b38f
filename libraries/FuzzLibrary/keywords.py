"""The keywords: random requests, random frames, and inputs that are kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from lockstep import masking
from lockstep.listeners import LISTENERS
from lockstep.run_folder import run_folder
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret

from FuzzLibrary.files import Input, read_input, write_input
from FuzzLibrary.framing import Line, frames
from FuzzLibrary.requesting import Caller, operations
from FuzzLibrary.searching import Found, search

__version__ = "1.0.0"

T = TypeVar("T")
_PING = {"type": "ping", "payload": {}}
_SOON = timedelta(seconds=10)
_PONG = {"type": "pong"}


@library(scope="GLOBAL", version=__version__, auto_keywords=False, doc_format="ROBOT", listener=LISTENERS)
class FuzzLibrary:
    """Sends random requests and frames, and judges what comes of them.

    | Fuzz Requests    https://shop.test/openapi.json    https://shop.test    token=${TOKEN}    count=20
    | Fuzz Frames      wss://shop.test/ws    ${EXAMPLES}    token=${TOKEN}    count=200
    | Send Kept Inputs    inputs    https://shop.test    token=${TOKEN}

    Requests are drawn by Schemathesis from the OpenAPI description: as described, with values that the caller knows
    (``known``: ids, an ``If-Match``), and with bodies in which one thing is wrong. Frames are the caller's examples
    with one thing wrong: a value, a member that is missing, doubled or unknown, a spelling that is no JSON, an end cut
    off, a changed byte. Hypothesis makes what fails smaller; the same ``seed`` (that of the run) draws the same inputs.

    An input fails where it is answered with 5xx, or not at all; where the answer is not as described (status, type,
    headers, schema); where afterwards something stored cannot be read (``read_back``); where a socket ends with 1011 or
    without a close frame, answers no more, or names an unknown error. Whether others were slowed is for a probe beside
    it: `Start Probe` of ProbeLibrary, `Start Exchange` of WebSocketLibrary.

    What failed is saved in the folder of the run, without credentials, as a file that `Send Kept Inputs` reads.

    Needs ``hypothesis`` and ``schemathesis``; for frames WebSocketLibrary in the same suite.
    """

    @keyword(tags=("requests",))
    def fuzz_requests(
        self,
        description: str,
        base: str,
        token: str | Secret | None = None,
        count: int = 20,
        known: Mapping[str, Any] | None = None,
        read_back: Sequence[str] = (),
        reader: str | Secret | None = None,
        leave_out: Sequence[str] = (),
        only: str = "",
        ca_file: str | None = None,
        seed: str | None = None,
        shrink_within: timedelta = timedelta(seconds=20),
    ) -> dict[str, Any]:
        """Sends ``count`` random requests to each operation of the OpenAPI ``description`` (an address) at ``base``.

        ``token`` goes along as ``Authorization: Bearer``. ``known`` are values by the name of a parameter, header or
        member, put in the place of random ones half of the time. ``read_back`` are addresses that are read after each
        request that was accepted, with the token ``reader`` or, without one, ``token``. ``leave_out`` are operations
        such as ``POST /auth/logout``, ``only`` the beginning of the paths that are taken.

        Fails with each operation that answered wrongly: the smallest such request and its file. Returns how many
        ``operations``, ``requests`` and answers of each status (``statuses``) there were.

        Raises ``ValueError`` where nothing is left to send, or something to be left out is not there.
        """
        caller = Caller(base, _revealed(token), _texts(known), read_back, _revealed(reader or token), ca_file)
        chosen = _seed(seed)
        faults, asked = [], 0
        for operation in operations(description, caller, leave_out):
            if not operation.path.startswith(only):
                continue
            asked += 1
            patience = shrink_within.total_seconds()
            found = search(operation.inputs(), operation.fault, count, f"{chosen}/{operation.name}", patience)
            if found:
                faults.append(_kept(Found(found.input[1], found.fault), chosen))
        if not asked:
            raise ValueError(f"{description} has no operation whose path begins with {only!r}")
        told = {"operations": asked, "requests": caller.statuses.total(), "statuses": dict(caller.statuses)}
        _log(f"{asked} operations, {caller.statuses.total()} requests", caller.statuses, chosen)
        _fail_where(faults, chosen)
        return told

    @keyword(tags=("frames",))
    def fuzz_frames(
        self,
        url: str,
        examples: Sequence[Any],
        count: int = 200,
        question: Mapping[str, Any] | None = None,
        answer: Mapping[str, Any] | None = None,
        errors: Sequence[str] = (),
        known: Mapping[str, Any] | None = None,
        within: timedelta = _SOON,
        seed: str | None = None,
        shrink_within: timedelta = timedelta(seconds=20),
        **options: Any,
    ) -> dict[str, Any]:
        """Sends ``count`` frames on a socket to ``url``: ``examples`` (objects, or JSON texts), each with one thing
        wrong.

        After each, ``question`` (a ``ping``) is asked, which has to be answered ``within`` 10 s (by a frame with the
        members of ``answer``, and the question's ``id``), unless the socket was closed with a code that blames the
        client; then the next frame goes on a new one. ``errors`` are the codes that an ``error`` frame may name;
        without them it may name any. ``options`` are those of `Open Connection`: ``token``, ``subprotocols``,
        ``ca_file`` and so on.

        Fails with the smallest frame that was answered wrongly, and its file. Returns how many ``frames`` there were
        and with which codes sockets were closed (``closes``).
        """
        line = _line(url, question, answer, errors, known, options, within)
        chosen = _seed(seed)
        sent = 0

        def judge(found: Input) -> str:
            nonlocal sent
            sent += 1
            return line.fault(found)

        try:
            found = search(frames(examples), judge, count, chosen, shrink_within.total_seconds())
        finally:
            line.close()
        _log(f"{sent} frames", line.closes, chosen)
        _fail_where([_kept(found, chosen)] if found else [], chosen)
        return {"frames": sent, "closes": dict(line.closes)}

    @keyword(tags=("requests", "frames"))
    def send_kept_inputs(
        self,
        folder: Path,
        base: str = "",
        socket: str = "",
        token: str | Secret | None = None,
        known: Mapping[str, Any] | None = None,
        read_back: Sequence[str] = (),
        errors: Sequence[str] = (),
        ca_file: str | None = None,
        **options: Any,
    ) -> None:
        """Sends each input that is kept in ``folder`` (``*.json``): requests to ``base``, frames on a socket to
        ``socket``; fails with each that is answered wrongly.

        Arguments are those of `Fuzz Requests` and `Fuzz Frames`. A folder without inputs, and a file that is damaged or
        of another version, fail with what is wrong.
        """
        files = sorted(folder.glob("*.json"))
        if not files:
            raise AssertionError(f"{folder} holds no input")
        caller = Caller(base, _revealed(token), _texts(known), read_back, _revealed(token), ca_file)
        line = _line(socket, None, None, errors, known, {**options, "token": token, "ca_file": ca_file})
        faults = []
        try:
            for file in files:
                found = read_input(file)
                fault = (caller if found.method else line).fault(found)
                faults += [f"{fault}: {found}\n  kept in {file}"] if fault else []
        finally:
            line.close()
        if faults:
            raise AssertionError(masking.mask("\n".join(faults)))


def _line(
    url: str,
    question: Mapping[str, Any] | None,
    answer: Mapping[str, Any] | None,
    errors: Sequence[str],
    known: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    within: timedelta = _SOON,
) -> Line:
    return Line(url, options, question or _PING, answer or _PONG, errors, _texts(known), within)


def _revealed(token: str | Secret | None) -> str | None:
    return None if token is None else masking.reveal(token)


def _texts(known: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (known or {}).items()}


def _seed(seed: str | None) -> str:
    return seed or os.environ.get("LOCKSTEP_SEED") or "0"


def _kept(found: Found[Input], seed: str) -> str:
    folder = run_folder("inputs")
    path = folder / f"input-{os.getpid()}-{len(list(folder.glob('*.json'))) + 1}.json"
    write_input(path, found.input, seed, masking.mask(found.fault))
    return f"{found.fault}: {found.input}\n  kept in {path}"


def _fail_where(faults: Sequence[str], seed: str) -> None:
    if faults:
        raise AssertionError(masking.mask("\n".join((*faults, f"seed {seed}"))))


def _log(what: str, counts: Counter[Any], seed: str) -> None:
    counted = ", ".join(f"{count} × {word}" for word, count in sorted(counts.items(), key=str))
    logger.info(f"{what}{f': {counted}' if counted else ''}; seed {seed}")
