"""A word, done: which requests, frames and commands it takes, and what their answers say. No I/O happens here.

`perform` returns a generator. It yields an `Action` and is sent what came of it (an `Answer` for a `Request`, a `Ran`
for a `Command`, a `FrameAnswer` for a `FrameCall`, a `Session` for a `NeedAdministrator`, anything for a `Pause`), and
returns an `Outcome`. `driving` has drivers for threads and asyncio.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urljoin

from lockstep.dialect import cookies, forms
from lockstep.dialect.accounts import made_up
from lockstep.dialect.dialect import Dialect
from lockstep.dialect.entries import Place
from lockstep.dialect.frames import FrameOut
from lockstep.dialect.messages import (
    Action,
    Answer,
    Command,
    FrameAnswer,
    FrameCall,
    NeedAdministrator,
    Outcome,
    Pause,
    Ran,
    Request,
    Session,
    Talk,
    end,
)
from lockstep.dialect.parts import Endpoint
from lockstep.dialect.paths import Reading, is_optional, look_up
from lockstep.dialect.refusals import classes, classes_of_frame
from lockstep.dialect.steps import Step
from lockstep.dialect.templates import MISSING, fields, fill, fill_url

MOST_REDIRECTS = 10
_SAFE = ("GET", "HEAD", "OPTIONS")
_NO_CREDENTIAL = {"unauthenticated", "invalid", "expired", "revoked"}
Part = Generator[Action, Any, Answer]


@dataclass(frozen=True)
class Speaker:
    """A dialect, with the values of the platform that runs (``{platform.…}``): what builds requests."""

    dialect: Dialect
    platform: Mapping[str, Any]

    def perform(self, word: str, session: Session, endpoint: str = "", /, **arguments: Any) -> Talk:
        """The word ``word`` of ``operations`` as ``session``, at an endpoint where its steps name none.

        ``arguments`` are further values for its templates. Raises ``NotDescribed`` where there is no such word.
        """
        arguments = made_up() | arguments
        if self.dialect.knows(word) and word in self.dialect.methods:
            return self._method(word, session, endpoint, arguments)
        return self.take(self.dialect.steps(word), session, endpoint, arguments)

    @property
    def endpoints(self) -> list[str]:
        """The endpoints that there are: those whose address needs nothing that this platform has not."""
        known = {"platform": self.platform}
        return [name for name, found in self.dialect.endpoints.items() if where_is_known(found.url, known)]

    def has_socket(self, endpoint: str) -> bool:
        """Whether sockets open at an endpoint, and their address needs nothing that this platform has not."""
        template = self.dialect.endpoint(endpoint).socket
        needed = [name for name in fields(template) if name.startswith("platform.")]
        return template is not None and all(
            where_is_known(f"{{{name}}}", {"platform": self.platform}) for name in needed
        )

    def who(self, endpoint: str, session: Session) -> Talk:
        """Who ``session`` is at an endpoint; ``read`` has ``user``. Raises ``NotDescribed``."""
        steps = self.dialect.endpoint(endpoint).who
        if not steps:
            raise self.dialect.missing(f"endpoints.{self.dialect.endpoint(endpoint).name}.who")
        return self.take(steps, session, endpoint, {})

    def administrator(self) -> Talk:
        """The administrator's sign-in, where there is one."""
        steps = self.dialect.administrator.sign_in if self.dialect.administrator else ()
        return self.take(steps, Session(), "", {})

    def take(self, steps: tuple[Step, ...], session: Session, endpoint: str, arguments: Mapping[str, Any]) -> Talk:
        """Steps one after the other, up to the first that is not answered as it should be."""
        outcome = Outcome(session)
        for step in steps:
            took = yield from self._step(step, outcome.session, endpoint, arguments)
            outcome = replace(took, read={**outcome.read, **took.read}, items=took.items or outcome.items)
            if not outcome.ok:
                break
        return outcome

    # --- one step

    def _step(self, step: Step, session: Session, endpoint: str, arguments: Mapping[str, Any]) -> Talk:
        if step.kind == "frame":
            return (yield from self._frame(step, session, endpoint, arguments))
        if step.kind == "given":
            values = fill(step.given, self.values(session, arguments), step.place.at("given"))
            return Outcome(session.with_values(values), values)
        if step.kind == "command":
            return (yield from self._command(step, session, arguments))
        if step.role != "administrator":
            return (yield from self._asked(step, session, session, endpoint, arguments))
        admin: Session = yield NeedAdministrator()
        outcome = yield from self._asked(step, session, admin, endpoint, arguments)
        if not outcome.ok and _NO_CREDENTIAL.intersection(outcome.classes) and self._renewable:
            admin = yield NeedAdministrator(renew=True)
            outcome = yield from self._asked(step, session, admin, endpoint, arguments)
        return outcome

    @property
    def _renewable(self) -> bool:
        return bool(self.dialect.administrator and self.dialect.administrator.sign_in)

    def _asked(
        self, step: Step, session: Session, speaking: Session, endpoint: str, arguments: Mapping[str, Any]
    ) -> Talk:
        """A request or page as ``speaking``, and the further pages of a list."""
        outcome = took = yield from self._asked_until(step, session, speaking, endpoint, arguments)
        while step.pages is not None and took.ok and len(took.items) >= step.pages.size:
            query = {**step.query, step.pages.parameter: "{page}"}
            further = {**arguments, "page": (last := took.items[-1]).get(step.pages.item)}
            took = yield from self._asked_until(replace(step, query=query), session, speaking, endpoint, further)
            if took.items and took.items[-1] == last:
                return replace(took, ok=False, why=f"{took.request} brings the same page again")
            outcome = replace(took, items=(*outcome.items, *took.items))
        return outcome

    def _asked_until(
        self, step: Step, session: Session, speaking: Session, endpoint: str, arguments: Mapping[str, Any]
    ) -> Talk:
        """A request or page as ``speaking``, until it is answered as it has to be."""
        began = time.monotonic()
        while True:
            exchange = _Exchange(self, step, session, speaking, endpoint, arguments)
            answer = yield from exchange.run()
            outcome = exchange.outcome(answer)
            until = step.until
            if until is None or not outcome.ok or until.when.hold(_data(answer), exchange.values):
                return outcome
            if time.monotonic() - began >= until.within:
                why = f"did not become {until.when} in {until.within:g} s; last seen: {answer}"
                return replace(outcome, ok=False, why=f"{outcome.request} {why}", late=True)
            yield Pause(until.every)

    def _command(self, step: Step, session: Session, arguments: Mapping[str, Any]) -> Talk:
        values = self.values(session, arguments)
        argv = tuple(str(fill(word, values, step.place)) for word in step.argv)
        ran: Ran = yield Command(argv)
        answer = Answer(200 if ran.code == 0 else 500, (), ran.output.encode())
        if ran.code != 0:
            why = f"{' '.join(argv)} ended with {ran.code}: {end(ran.output.strip()) or 'it wrote nothing'}"
            return Outcome(session, answer=answer, ok=False, why=why)
        read, missing = read_values(step.read, answer, values)
        why = f"{' '.join(argv)} wrote no {missing}" if missing else ""
        return Outcome(session.with_values(read), read, answer=answer, ok=not missing, why=why)

    def _frame(self, step: Step, session: Session, endpoint: str, arguments: Mapping[str, Any]) -> Talk:
        socket = self.dialect.needed_socket()
        frame = socket.out[step.frame] if isinstance(step.frame, str) else step.frame
        assert isinstance(frame, FrameOut)
        speaking: Session | None = session if step.role == "user" and session.is_signed_in else None
        if step.role == "administrator":
            speaking = yield NeedAdministrator()
        values = self.values(session, arguments)
        answer: FrameAnswer = yield FrameCall(frame, speaking, values, endpoint)
        read: dict[str, Any] = {}
        items: list[dict[str, Any]] | None = []
        missing = ""
        if answer.ok:
            read, missing = read_frame(frame, answer.frame)
            items = listed_in(answer.frame, step)
            if items is None:
                missing = missing or f"list at {step.each}"
        why = answer.why or (f"the answer to a frame has no {missing}" if missing else "")
        found: tuple[str, ...] = ()
        if not answer.ok:
            refusals = self.dialect.refusals
            found = classes(refusals, answer.answer) if answer.answer else classes_of_frame(refusals, answer.frame)
        return Outcome(
            session.with_values(read), read, tuple(items or ()), answer.answer, None, answer.ok and not missing,
            answer.refused or bool(found), found, why,
        )  # fmt: skip

    def _method(self, word: str, session: Session, endpoint: str, arguments: Mapping[str, Any]) -> Talk:
        client = Client(self, session, endpoint)
        values = self.values(session, arguments)
        talk = self.dialect.methods[word](client, values)
        sent: Any = None
        while True:
            try:
                action = talk.send(sent)
            except StopIteration as end:
                return client.outcome(end.value)
            if isinstance(action, NeedAdministrator | Pause | Command | FrameCall | Request):
                sent = yield action
                client.note(action, sent)
            else:
                raise TypeError(f"{word} of dialect.py yields {type(action).__name__}, not a request of its client")

    # --- what is sent

    def values(self, session: Session, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the fields of a template stand for: the platform's values, the session's, then ``arguments``."""
        return {"platform": self.platform, **session.values, **arguments}

    def base(self, endpoint: Endpoint, values: Mapping[str, Any]) -> str:
        """The address of an endpoint; raises ``NotDescribed`` where it needs what the platform in use has not."""
        if not where_is_known(endpoint.url, values):
            raise self.dialect.missing(f"endpoints.{endpoint.name}", f"the platform in use has no {endpoint.url}")
        return fill_url(endpoint.url, values, endpoint.place.at("url")).rstrip("/")

    def address(self, endpoint: Endpoint, path: str, values: Mapping[str, Any], place: Place) -> str:
        """A path at an endpoint; an address of its own stays as it is."""
        filled = fill_url(path, {**values, "base": self.base(endpoint, values)}, place)
        return filled if filled.startswith(("http://", "https://")) else self.base(endpoint, values) + filled

    def common_headers(self, endpoint: Endpoint, values: Mapping[str, Any]) -> dict[str, str]:
        """The headers of the dialect and of an endpoint."""
        given = {**self.dialect.headers, **endpoint.headers}
        return {name: str(fill(text, values, self.dialect.place.at("headers"))) for name, text in given.items()}

    def with_credential(
        self, request: Request, speaking: Session, role: str, where: str | None = None, jar: bool = True
    ) -> Request:
        """``request`` with what shows whose it is; ``where`` chooses ``header``, ``cookie`` or ``query``.

        Raises ``NotDescribed`` where the token cannot travel there.
        """
        if role == "administrator" and self.dialect.administrator and self.dialect.administrator.header:
            name, template = self.dialect.administrator.header
            place = self.dialect.administrator.place.at("header")
            if not where_is_known(template, {"platform": self.platform}):
                raise self.dialect.missing("administrator", f"the platform in use has no {name}")
            return _with_header(request, name, str(fill(template, {"platform": self.platform}, place)))
        credentials = self.dialect.credentials
        if credentials is None:
            return request
        if role != "none" and (where or credentials.places):
            request = self._with_token(request, speaking, where or next(iter(credentials.places)))
        if not credentials.jar or not jar:
            return request
        # The token may be the jar's own cookie: a name that is sent twice could be read either way.
        sent = {pair.partition("=")[0].strip() for pair in request.headers.get("Cookie", "").split(";")}
        kept = [cookie for cookie in speaking.cookies if cookie.name not in sent]
        if text := cookies.header(kept, request.url):
            request = _with_header(request, "Cookie", "; ".join(filter(None, (request.headers.get("Cookie"), text))))
        return self._with_csrf(request, speaking)

    def _with_token(self, request: Request, speaking: Session, where: str) -> Request:
        credentials = self.dialect.credentials
        assert credentials is not None
        if where not in credentials.places:
            raise self.dialect.missing(f"credentials.{where}")
        name, template = credentials.places[where]
        values = self.values(speaking, {})
        place = credentials.place.at(where)
        if not where_is_known(template, values):
            return request
        value = str(fill(template, values, place))
        if where == "header":
            return _with_header(request, name, value)
        if where == "cookie":
            known = request.headers.get("Cookie")
            return _with_header(request, "Cookie", "; ".join(filter(None, (known, f"{name}={value}"))))
        joint = "&" if "?" in request.url else "?"
        return replace(request, url=f"{request.url}{joint}{urlencode({name: value})}")

    def _with_csrf(self, request: Request, speaking: Session) -> Request:
        csrf = self.dialect.credentials.csrf if self.dialect.credentials else None
        if csrf is None or request.method in _SAFE:
            return request
        if csrf.cookie and csrf.header:
            value = next((known.value for known in speaking.cookies if known.name == csrf.cookie
                          and known.goes_to(request.url)), None)  # fmt: skip
            if value is not None:
                request = _with_header(request, csrf.header, value)
        if csrf.referer:
            base = self.base(self.dialect.endpoint(request.endpoint), self.values(speaking, {}))
            values = {**self.values(speaking, {}), "base": base}
            place = self.dialect.place.at("credentials").at("csrf").at("referer")
            request = _with_header(request, "Referer", fill_url(csrf.referer, values, place))
        return request


def where_is_known(template: str, values: Mapping[str, Any]) -> bool:
    """Whether a credential's template has its values; before a sign-in it has none, and nothing is sent."""
    return all(look_up(dict(values), name) not in (MISSING, None) or name in values for name in fields(template))


class _Exchange:
    """One request, or one page with its form and redirects."""

    def __init__(
        self, speaker: Speaker, step: Step, session: Session, speaking: Session, endpoint: str,
        arguments: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._speaker = speaker
        self._step = step
        self._session = session
        self._speaking = speaking
        self._endpoint = speaker.dialect.endpoint(step.where(endpoint))
        self.values = speaker.values(session, arguments)
        self._last: Request | None = None

    def run(self) -> Part:
        """The requests of the step; returns the last answer."""
        step = self._step
        url = self._speaker.address(self._endpoint, step.path, self.values, step.place)
        query = fill(step.query, self.values, step.place.at("query"))
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query, doseq=True)
        if step.kind != "page":
            kind, body = self._body()
            answer = yield from self._sent(step.method.upper(), url, body, kind)
        else:
            answer = yield from self._sent("GET", url, None, None)
            answer = yield from self._followed(answer, always=bool(step.body_kind))
            if step.body_kind:
                answer = yield from self._submitted(answer)
        return (yield from self._followed(answer))

    def outcome(self, answer: Answer) -> Outcome:
        """What the last answer means."""
        step, dialect = self._step, self._speaker.dialect
        session = self._session if step.role == "administrator" else self._speaking
        found = classes(dialect.refusals, answer)
        expected = answer.status is not None and any(answer.status in known for known in step.status)
        failed = step.failure is not None and step.failure.hold(_data(answer), self.values)
        other = step.answer is not None and not step.answer.hold(_data(answer), self.values)
        if not expected or failed or other:
            own = any(refusal.fits(answer) for refusal in step.refused)
            why = f"{self._last} was answered with {answer}"
            why += f", not with {step.answer}" if expected and other else ""
            refused = own if step.refused else bool(found)
            return Outcome(session, {}, (), answer, self._last, False, refused, found, why)
        read, missing = read_values(step.read, answer, {**self.values, **session.values})
        items = listed_in(answer.json, step)
        if items is None:
            missing = missing or f"list at {step.each}"
        why = f"{self._last} was answered with {answer}, where there is no {missing}" if missing else ""
        return Outcome(session.with_values(read), read, tuple(items or ()), answer, self._last, not missing, why=why)

    def _sent(self, method: str, url: str, body: bytes | None, kind: str | None) -> Part:
        step = self._step
        headers = self._speaker.common_headers(self._endpoint, self.values)
        if kind:
            headers["Content-Type"] = kind
        headers |= {
            name: str(fill(text, self.values, step.place.at("headers").at(name))) for name, text in step.headers.items()
        }
        request = Request(method, url, headers, body, self._endpoint.name, step.read)
        request = self._speaker.with_credential(request, self._speaking, step.role)
        self._last = request
        answer: Answer = yield request
        answer = replace(answer, url=url)
        if self._speaker.dialect.credentials is None or self._speaker.dialect.credentials.jar or step.kind == "page":
            kept = cookies.taken_over(self._speaking.cookies, answer.headers, url)
            self._speaking = replace(self._speaking, cookies=kept)
        return answer

    def _followed(self, answer: Answer, always: bool = False) -> Part:
        for _ in range(MOST_REDIRECTS):
            where = answer.header("location")
            if not (self._step.follow or always) or answer.status not in (301, 302, 303, 307, 308) or not where:
                return answer
            if self._last and answer.status in (307, 308) and self._last.method not in _SAFE:
                answer = yield from self._sent(self._last.method, urljoin(answer.url, where), self._last.body, None)
            else:
                answer = yield from self._sent("GET", urljoin(answer.url, where), None, None)
        return Answer(None, url=answer.url, error=f"more than {MOST_REDIRECTS} redirects")

    def _submitted(self, page: Answer) -> Part:
        given = fill(self._step.body, self.values, self._step.place.at("form"))
        form = forms.fitting(page.text, set(given))
        if form is None:
            return replace(page, status=None, error=f"no form with {' or '.join(given)} in {page}")
        content = {**form.fields, **{name: str(value) for name, value in given.items()}}
        url = urljoin(page.url, form.action or page.url)
        if form.method == "get":
            return (yield from self._sent("GET", f"{url.partition('?')[0]}?{urlencode(content)}", None, None))
        body = urlencode(content).encode()
        return (yield from self._sent("POST", url, body, "application/x-www-form-urlencoded"))

    def _body(self) -> tuple[str | None, bytes | None]:
        step = self._step
        if step.body_kind is None:
            return None, None
        filled = fill(step.body, self.values, step.place.at(step.body_kind))
        return encoded(step.body_kind, filled)


def encoded(kind: str, body: Any) -> tuple[str, bytes]:
    """Content type and bytes of a body: ``json``, ``form``, ``multipart`` or ``body`` (a text)."""
    if kind == "json":
        return "application/json", json.dumps(body, separators=(",", ":")).encode()
    if kind == "form":
        return "application/x-www-form-urlencoded", urlencode(body, doseq=True).encode()
    if kind == "body":
        return "text/plain; charset=utf-8", str(body).encode()
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in body.items()
    ]
    return f"multipart/form-data; boundary={mark}", ("".join(parts) + f"--{mark}--\r\n").encode()


def _with_header(request: Request, name: str, value: str) -> Request:
    return replace(request, headers={**request.headers, name: value})


def listed_in(answer: Any, step: Step) -> list[dict[str, Any]] | None:
    """The items of a step's list in an answer or frame; None where there should be a list and is none."""
    if step.each is None:
        return []
    found = look_up(answer, step.each)
    if not isinstance(found, list):
        return None
    paths = step.items
    return [
        {name: value for name, path in paths.items() if (value := look_up(answer, path, item)) is not MISSING}
        for item in found
    ]


def _data(answer: Answer) -> Any:
    return answer.json if answer.json is not MISSING else {}


def read_values(
    readings: Mapping[str, Reading], answer: Answer, values: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """What is read of an answer, and in words what is not there, "" where nothing is missing."""
    read: dict[str, Any] = {}
    missing = ""
    for name, reading in readings.items():
        value = _one_value(reading, answer, {**values, **read})
        if value is not MISSING and value is not None:
            read[name] = value
        elif not reading.optional:
            missing = missing or f"{name} ({reading.source} {reading.path})"
    return read, missing


def _one_value(reading: Reading, answer: Answer, values: Mapping[str, Any]) -> Any:
    source, path = reading.source, reading.path
    if source == "json":
        return look_up(_data(answer), path)
    if source == "header":
        return answer.header(path)
    if source == "redirect":
        return answer.redirect(path)
    if source == "field":
        return forms.field_value(answer.text, path)
    if source == "whole":
        return answer.text.strip() or None
    if source == "value":
        return fill(path, values, reading.place)
    if source == "cookie":
        found = (cookies.parsed(text, answer.url) for name, text in answer.headers if name.lower() == "set-cookie")
        return next((cookie.value for cookie in found if cookie and cookie.name == path), None)
    token, _, claim = path.partition(".")
    return claims(str(values.get(token, ""))).get(claim)


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT (RFC 7519), unverified; none where it is no JWT."""
    parts = token.split(".")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def read_frame(frame: FrameOut, answer: Any) -> tuple[dict[str, Any], str]:
    """What is read of the frame that answers ``frame``, and what is missing there, "" where nothing is."""
    read: dict[str, Any] = {}
    missing = ""
    for name, path in (frame.read or {}).items():
        value = look_up(answer, path)
        if value is not MISSING and value is not None:
            read[name] = value
        elif not is_optional(path):
            missing = missing or f"{name} ({path})"
    return read, missing


class Client:
    """What a word of ``dialect.py`` makes its requests with. Each is yielded, and its answer comes back:

    | def sign_in(client, values):
    |     answer = yield client.post("/login", json={"user": values["user"], "password": values["password"]})
    |     if answer.status != 200:
    |         return client.refused(answer)
    |     return {"access": answer.json["token"]}

    The same word runs in Robot, in threads and under asyncio, since it sends nothing by itself.
    """

    def __init__(self, speaker: Speaker, session: Session, endpoint: str) -> None:
        self._speaker = speaker
        self._endpoint = endpoint
        self._last: Request | None = None
        self._answer: Answer | None = None
        self.session = session

    def request(
        self, method: str, path: str, *, at: str = "", role: str = "user", json: Any = None, form: Any = None,
        body: str | None = None, headers: Mapping[str, str] | None = None,
    ) -> Request:  # fmt: skip
        """A request to a path of an endpoint, or to an address.

        ``role`` is ``user``, ``administrator`` (with a fixed credential) or ``none``.
        """
        endpoint = self._speaker.dialect.endpoint(at or self._endpoint)
        values = self._speaker.values(self.session, {})
        base = self._speaker.base(endpoint, values)
        url = path if path.startswith(("http://", "https://")) else base + path
        complete = self._speaker.common_headers(endpoint, values)
        content: bytes | None = None
        for kind, given in (("json", json), ("form", form), ("body", body)):
            if given is not None:
                complete["Content-Type"], content = encoded(kind, given)
        complete |= headers or {}
        request = Request(method.upper(), url, complete, content, endpoint.name)
        request = self._speaker.with_credential(request, self.session, role)
        if not self._keeps_cookies and (text := cookies.header(self.session.cookies, url)):
            request = _with_header(request, "Cookie", "; ".join(filter(None, (request.headers.get("Cookie"), text))))
        return request

    @property
    def _keeps_cookies(self) -> bool:
        """Whether cookies belong to the session; otherwise they are this word's alone."""
        credentials = self._speaker.dialect.credentials
        return credentials is not None and credentials.jar

    def get(self, path: str, **options: Any) -> Request:
        """As `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Request:
        """As `request`."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Request:
        """As `request`."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Request:
        """As `request`."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Request:
        """As `request`."""
        return self.request("DELETE", path, **options)

    def refused(self, answer: Answer, why: str = "") -> Outcome:
        """To be returned where the target said no."""
        found = classes(self._speaker.dialect.refusals, answer)
        text = why or f"{self._last} was answered with {answer}"
        return Outcome(self.session, {}, (), answer, self._last, False, bool(found), found, text)

    def note(self, action: Action, came: Any) -> None:
        """Keeps the cookies of an answer."""
        if isinstance(action, Request) and isinstance(came, Answer):
            self._last, self._answer = action, came
            kept = cookies.taken_over(self.session.cookies, came.headers, action.url)
            self.session = replace(self.session, cookies=kept)

    def outcome(self, returned: Any) -> Outcome:
        """What the word returned: an outcome, values that were read, a list of items, or nothing."""
        if isinstance(returned, Outcome):
            return returned
        session = self.session if self._keeps_cookies else replace(self.session, cookies=())
        if isinstance(returned, list | tuple):
            return Outcome(session, {}, tuple(returned), self._answer, self._last)
        read = dict(returned or {})
        return Outcome(session.with_values(read), read, (), self._answer, self._last)
