"""Random requests to every operation of an OpenAPI description, drawn and judged by Schemathesis."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from hypothesis import strategies as st
from lockstep import masking

from FuzzLibrary.files import Input
from FuzzLibrary.mutating import broken

TIMEOUT = 30.0
_OWN_HEADERS = frozenset(
    {"authorization", "cookie", "host", "content-length", "user-agent", "accept", "accept-encoding", "connection"}
    | {"x-schemathesis-testcaseid"}
)


@dataclass
class Caller:
    """Sends inputs to ``base``, with a credential that no input holds, and reads back what was stored.

    ``known`` are values by name, such as ids of what the user has. ``read_back`` are addresses whose answers must stay
    200 and readable, for the token ``reader``, after each request that was accepted.
    """

    base: str
    token: str | None = None
    known: Mapping[str, str] = field(default_factory=dict)
    read_back: Sequence[str] = ()
    reader: str | None = None
    ca_file: str | None = None
    statuses: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = self.ca_file or True

    def send(self, found: Input) -> requests.Response:
        """Sends one input, as it is kept."""
        filled = found.filled(self.known)
        request = requests.Request(filled.method, self.base.rstrip("/") + filled.path, headers=dict(filled.headers))
        prepared = self._session.prepare_request(request)
        if filled.body:
            prepared.body = filled.body
            prepared.headers["Content-Length"] = str(len(filled.body))
        answer = self._sent(prepared, self.token)
        self.statuses[answer.status_code] += 1
        return answer

    def _sent(self, prepared: requests.PreparedRequest, token: str | None) -> requests.Response:
        if token:
            prepared.headers["Authorization"] = f"Bearer {token}"
        self._session.cookies.clear()
        return self._session.send(prepared, timeout=TIMEOUT, allow_redirects=False)

    def fault(self, found: Input, undescribed: Callable[[requests.Response], str] = lambda _: "") -> str:
        """What is wrong with the answer to ``found`` and with what is stored after it; "" where nothing is.

        ``undescribed`` says what of the answer is not as it is described.
        """
        try:
            answer = self.send(found)
        except requests.RequestException as error:
            return f"no answer: {masking.mask(str(error))}"
        return _of_server(answer) or undescribed(answer) or self.unreadable(answer, found)

    def unreadable(self, answer: requests.Response, found: Input) -> str:
        """What of the addresses to read back cannot be read after a request that was accepted."""
        if found.method in ("GET", "HEAD") or not answer.ok:
            return ""
        for url in self.read_back:
            request = self._session.prepare_request(requests.Request("GET", url))
            try:
                stored = self._sent(request, self.reader)
            except requests.RequestException as error:
                return f"stored, and {url} does not answer any more: {masking.mask(str(error))}"
            wrong = f"answers {stored.status_code}" if stored.status_code != 200 else unreadable_json(stored.content)
            if wrong:
                return f"stored, and {url} cannot be read any more: it {wrong}"
        return ""


def unreadable_json(content: bytes) -> str:
    """Why ``content`` is no JSON in the strict sense of RFC 8259 (no ``NaN``, no half of a pair); "" where it is."""

    def no_number(word: str) -> Any:
        raise ValueError(f"{word} is no number of JSON")

    try:
        json.dumps(json.loads(content.decode(), parse_constant=no_number), ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {error}"
    return ""


def _of_server(answer: requests.Response) -> str:
    return f"answers {answer.status_code}" if answer.status_code >= 500 else ""


class Operation:
    """One operation of a description."""

    def __init__(self, operation: Any, caller: Caller) -> None:
        self._operation = operation
        self._caller = caller
        self.path: str = operation.path
        self.name = f"{operation.method.upper()} {operation.path}"

    def inputs(self) -> st.SearchStrategy[tuple[Any, Input]]:
        """Requests, each with the case that judges its answer: as described, with values that the caller knows, or with
        a body that is broken.
        """

        @st.composite
        def drawn(draw: st.DrawFn) -> tuple[Any, Input]:
            case = draw(self._operation.as_strategy())
            if draw(st.booleans()):
                self._make_known(case)
            found = self._input(case)
            if isinstance(case.body, dict | list) and _is_json(found) and draw(st.integers(0, 2)) == 2:
                found = Input(draw(broken(case.body)), found.method, found.path, found.headers)
            return case, found

        return drawn()

    def fault(self, drawn: tuple[Any, Input]) -> str:
        """What is wrong with the answer to ``drawn``, by the description too; "" where nothing is."""
        case, found = drawn
        return self._caller.fault(found, partial(_undescribed, case))

    def _make_known(self, case: Any) -> None:
        known = self._caller.known
        for container in (case.path_parameters, case.headers, case.query, case.body):
            if isinstance(container, Mapping):
                for name in container:
                    if name in known:
                        container[name] = known[name]  # type: ignore[index]
        for header in self._operation.headers:
            if header.name in known:
                case.headers[header.name] = known[header.name]

    def _input(self, case: Any) -> Input:
        case_request = requests.Request(**_transport(case, self._caller.base))
        prepared = case_request.prepare()
        parts = urlsplit(str(prepared.url))
        base = urlsplit(self._caller.base).path.rstrip("/")
        path = parts.path.removeprefix(base) + (f"?{parts.query}" if parts.query else "")
        body = prepared.body or b""
        headers = {
            _text(name): _text(value) for name, value in prepared.headers.items() if name.lower() not in _OWN_HEADERS
        }
        found = Input(body.encode() if isinstance(body, str) else body, str(prepared.method), path, headers)
        return found.named(self._caller.known)


def operations(description: str, caller: Caller, leave_out: Sequence[str]) -> Iterator[Operation]:
    """The operations of the OpenAPI description at the address ``description``, in its order.

    Raises ``ValueError`` where something to be left out is not there.
    """
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    answer = requests.get(description, timeout=TIMEOUT, verify=caller.ca_file or True)
    answer.raise_for_status()
    schema = schemathesis.openapi.from_dict(answer.json(), config=SchemathesisConfig())
    found = [Operation(result, caller) for result in _described(schema)]
    if unknown := set(leave_out) - {operation.name for operation in found}:
        raise ValueError(f"{description} has no operation {sorted(unknown)[0]!r} to leave out")
    return (operation for operation in found if operation.name not in leave_out)


def _described(schema: Any) -> Iterator[Any]:
    for result in schema.get_all_operations():
        yield result.ok()


def _undescribed(case: Any, answer: requests.Response) -> str:
    try:
        case.validate_response(answer, checks=_checks())
    except BaseExceptionGroup as group:
        return "; ".join(_told(error) for error in group.exceptions)
    except AssertionError as error:
        return _told(error)
    return ""


def _checks() -> list[Callable[..., Any]]:
    from schemathesis.specs.openapi import checks

    return [
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]


def _told(error: BaseException) -> str:
    return masking.mask(" ".join(str(error).split()))


def _transport(case: Any, base: str) -> dict[str, Any]:
    names = ("method", "url", "headers", "files", "data", "params", "cookies", "json")
    told = case.as_transport_kwargs(base_url=base)
    return {name: value for name, value in told.items() if name in names}


def _is_json(found: Input) -> bool:
    return any(name.lower() == "content-type" and "json" in value for name, value in found.headers.items())


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
