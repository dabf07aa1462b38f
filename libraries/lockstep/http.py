"""Calls of a service's JSON endpoints on behalf of a keyword, each carrying the id of the running test."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter
from robot.api.types import Secret

from lockstep import masking, reasons, test_identity
from lockstep.applicability import Absent, present
from lockstep.waiting import shorten

TIMEOUT = 30.0


class CallError(RuntimeError):
    """A call was answered with another status than the keyword needs, or not at all.

    ``status`` is ``None`` without an answer; ``code`` is the problem's stable word or the OAuth error, or "".
    """

    def __init__(self, message: str, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class AbsentService(BaseAdapter):
    """Sends nothing: the target in use lacks what is asked, so whoever asks ends as NA."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        present(request.url)
        raise CallError(f"{request.url} is no address")

    def close(self) -> None:
        """There is nothing to close."""


def end_calls_of_absent(session: requests.Session, url: str) -> None:
    """Let calls by ``session`` end as NA, where the target in use lacks the service that ``url`` should lead to."""
    if isinstance(url, Absent):
        session.mount(url, AbsentService())


class Service:
    """One service, called without retries and without following redirects."""

    def __init__(self, name: str, url: str, token: str | None = None, ca_file: str | None = None) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._token = token
        self._session = requests.Session()
        self._session.verify = ca_file or True
        self._session.trust_env = False

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str | Secret | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200, 201, 204),
    ) -> Any:
        """The decoded answer (``None`` without a body); raises `CallError` for any status not in ``expect``.

        ``token`` is the bearer token; without it, the service credential is used where there is one.
        """
        bearer = masking.reveal(token) if token else self._token
        complete = {**test_identity.headers(), **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        try:
            answer = self._session.request(
                method,
                self.url + path,
                json=body,
                headers={**complete, **(headers or {})},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise CallError(
                f"{method} {path} got no answer from {self.name} at {self.url}: {masking.mask(reasons.text(error))}"
            ) from None
        if answer.status_code not in expect:
            raise self._unexpected(method, path, answer)
        return _decoded(answer)

    def _unexpected(self, method: str, path: str, answer: requests.Response) -> CallError:
        document = _decoded(answer)
        problem = document if isinstance(document, dict) else {}
        code = str(problem.get("code") or problem.get("error") or "")
        shown = shorten(masking.mask(answer.text)) or "(no body)"
        return CallError(
            f"{method} {path} was answered by {self.name} with {f'{answer.status_code} {code}'.strip()}: {shown}",
            answer.status_code,
            code,
        )

    def close(self) -> None:
        self._session.close()


def _decoded(answer: requests.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return answer.text
