"""One finding of a run, told to whoever owns the platform: promise, standard, evidence, and how to see it again."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from lockstep import masking
from lockstep.dialect import Dialect
from lockstep.dialect.entries import Place, Source
from lockstep.dialect.promises import Promises

from launcher import requirements
from launcher.console import LaunchError
from launcher.targets import forecast, reached
from launcher.targets.vocabulary import normal

MEANINGS = (
    "FAIL: a promise was broken. XFAIL: the same, and known before. WEAKER: it held as declared, below what the"
    " standard recommends. UNBOUNDED: nothing is declared that could be broken; what was seen is said."
)
_REQUEST = re.compile(
    r"(?P<method>[A-Z]+) Request : url=(?P<url>\S+) .*?headers=(?P<headers>\{.*?\}) *\n *body=(?P<body>.*)", re.DOTALL
)
_RESPONSE = re.compile(
    r"[A-Z]+ Response : url=\S+ .*?status=(?P<status>\d+).*?headers=(?P<headers>\{.*?\}) *\n *body=(?P<body>.*)",
    re.DOTALL,
)
_FRAME = re.compile(r"FRAME Sent : url=(?P<url>\S+) *\n *frame=(?P<frame>.*)", re.DOTALL)
_CAME = re.compile(r"FRAME Received : url=\S+ *\n *how=(?P<how>.*?) *\n *frame=(?P<frame>.*)", re.DOTALL)
_BY_FRAME = "FRAME"
_UNASKED = ("user-agent", "accept-encoding", "accept", "connection", "content-length", "x-test-id", "host")
_SUBJECTS = {
    "the spent refresh token": "reuse",
    "after the reuse": "reuse",
    "the refresh token": "refresh",
    "the socket": "sockets",
    "access": "access",
    "refresh": "refresh",
}
_MASKED = re.compile(r"\*\*\*|<token [0-9a-f]{8}>")
_VARIABLE = re.compile(r"[$@&]\{")
_WIDE = 160
_SOCKET_WORDS = {
    "opensocket": "", "joinroom": "subscribe", "sendmessage": "send", "sendmessages": "send",
    "socketshouldrecogniseuser": "who_am_i", "socketshouldbeopen": "ping", "reconnectsocket": "resume",
}  # fmt: skip
"""Keywords that send a frame of the dialect; "" opens a socket."""


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, as the log has them; or a word's frame on a socket of its own (``FRAME``)."""

    at: datetime
    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    status: str = "no answer"
    answer: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is the same where it was only asked again."""
        return self.method, self.url, self.body, self.status


@dataclass
class Step:
    """One keyword of the library in a test, with what it sent."""

    name: str
    args: Sequence[str]
    at: datetime
    seconds: float
    failed: bool
    exchanges: list[Exchange] = field(default_factory=list)


@dataclass(frozen=True)
class Platform:
    """What is known of the target: its dialect, where that can be read."""

    name: str
    dialect: Dialect | None

    @classmethod
    def of(cls, target: str) -> Platform:
        """Of a target that need not run now; without a dialect the promises are the defaults."""
        try:
            dialect, _ = reached.read(target)
        except LaunchError:
            return cls(target, None)
        for secret in dialect.secrets:
            masking.register(secret)
        return cls(dialect.name, dialect)

    @property
    def promises(self) -> Promises:
        """What it declares, or the defaults."""
        return self.dialect.promises if self.dialect else Promises.from_yaml({}, Place(Source("")))


def title(test: Mapping[str, Any]) -> str:
    """A test by its name and id."""
    return f"{str(test['name']).rpartition('.')[2]} ({test['id']})"


def told(number: int, test: Mapping[str, Any], result: Any, platform: Platform) -> str:
    """One finding."""
    lines = [f"## {number}. {test['verdict']}: {title(test)}", "", "| | |", "|---|---|"]
    for name, value in _facts(test, result, platform).items():
        lines.append(f"| {name} | {cell(value)} |")
    if result is not None and (steps := list(_steps(result))):
        lines += ["", "What was done, and when:", "", "```", *_evidence(steps), "```"]
        lines += ["", "The smallest repetition:", "", "```bash", *_repetition(steps, platform), "```"]
    return "\n".join([*lines, ""])


def cell(text: str) -> str:
    """A text as it stands in a cell of a Markdown table."""
    return text.replace("<", "&lt;").replace("|", r"\|")


def _facts(test: Mapping[str, Any], result: Any, platform: Platform) -> dict[str, str]:
    reason = masking.mask(" ".join(str(test["reason"] or "").split())) or "no reason given"
    found = {"seen": reason}
    promises = [_promise(name, platform.promises) for name in judged(str(test["id"]), reason)]
    if promises:
        found["promise"] = "; ".join(dict.fromkeys(text for text, _ in promises))
    references = dict.fromkeys(reference for _, reference in promises)
    source = re.search(r"Sources?: (.+?)\.?$", result.parent.doc) if result is not None else None
    tags = list(map(str, result.tags)) if result is not None else []
    known = requirements.read()
    asked = [tag.removeprefix("req:") for tag in tags if tag.startswith("req:")]
    if rows := [f"{key}: {known[key].text}" for key in asked if key in known]:
        found["requirement"] = "; ".join(rows)
    found["standard"] = "; ".join(references) or (source[1] if source else "the project's own")
    return found


@cache
def _needs() -> Mapping[str, frozenset[str]]:
    return {test.id: frozenset(test.needs.judged) for test in forecast.read()}


def judged(key: str, reason: str) -> list[str]:
    """The promises that a test is judged by; where its message names one part, that one."""
    names = sorted(_needs().get(key, ()))
    text = reason.removeprefix("weaker: ").removeprefix("unbounded: ")
    subject = next((part for start, part in _SUBJECTS.items() if text.startswith(start)), "")
    ours = [name for name in names if name.endswith(f".{subject}")]
    return ours or names


def _promise(name: str, promises: Promises) -> tuple[str, str]:
    """A promise with what is declared, and the standard behind it."""
    plain = name.removeprefix("promises.")
    if plain.startswith("ends."):
        ending = promises.endings.get(plain.removeprefix("ends."))
        if ending is None:
            return f"`{name}`", "the project's own"
        declared = str(ending.everywhere)
        places = ", ".join(f"{endpoint} {bound}" for endpoint, bound in ending.at.items())
        same = not places and ending.everywhere == ending.recommended
        more = "the recommendation" if same else f"recommended: {ending.recommended}"
        return f"`{name}`: {places or declared} ({more})", ending.reference
    choice = promises.choices[plain]
    more = "the recommendation" if choice.value == choice.default else f"recommended: {choice.default}"
    return f"`{name}`: {choice.value} ({more})", choice.reference


# --- what the log has


def _steps(result: Any) -> Iterator[Step]:
    """The keywords of libraries in a test, in their order, up to the one that failed."""
    for keyword in _keywords(result):
        exchanges: list[Exchange] = []
        for message in keyword.messages:
            _take(message, exchanges)
        yield Step(
            keyword.name,
            tuple(masking.mask(arg) for arg in map(str, keyword.args) if not _VARIABLE.search(arg)),
            keyword.start_time,
            keyword.elapsed_time.total_seconds(),
            bool(keyword.failed),
            exchanges,
        )
        if keyword.failed:
            return


def _keywords(item: Any) -> Iterator[Any]:
    places = (
        [item.parent.setup, item.setup, *item.body] if hasattr(item, "longname") or hasattr(item, "tags") else item.body
    )
    for inner in places:
        if inner is None or not hasattr(inner, "body"):
            continue
        if getattr(inner, "owner", None) == "TargetLibrary":
            yield inner
        else:
            yield from _keywords_below(inner)


def _keywords_below(item: Any) -> Iterator[Any]:
    for inner in getattr(item, "body", ()):
        if getattr(inner, "owner", None) == "TargetLibrary":
            yield inner
        elif hasattr(inner, "body"):
            yield from _keywords_below(inner)


def _take(message: Any, exchanges: list[Exchange]) -> None:
    text = masking.mask(str(message.message))
    if asked := _REQUEST.match(text):
        body = asked["body"].strip()
        plain = "" if body == "None" else _literal(body)
        exchanges.append(Exchange(message.timestamp, asked["method"], asked["url"], _mapping(asked["headers"]), plain))
    elif (came := _RESPONSE.match(text)) and exchanges:
        answer = " ".join(came["body"].split())
        exchanges[-1] = replace(exchanges[-1], status=came["status"], answer=answer)
    elif sent := _FRAME.match(text):
        exchanges.append(Exchange(message.timestamp, _BY_FRAME, sent["url"], {}, sent["frame"].strip()))
    elif (came := _CAME.match(text)) and exchanges:
        exchanges[-1] = replace(exchanges[-1], status=came["how"], answer=came["frame"].strip())


def _literal(text: str) -> str:
    """The bytes of a request as a text: RequestsLibrary shows them as Python has them."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _mapping(text: str) -> dict[str, str]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _evidence(steps: Sequence[Step]) -> list[str]:
    lines = []
    for step in steps:
        mark = "  FAIL" if step.failed else ""
        lines.append(
            f"{step.at:%H:%M:%S.%f}"[:-3]
            + f"  {step.name}  {'  '.join(step.args)}".rstrip()
            + f"  {step.seconds:.3f} s{mark}"
        )
        for exchange, count, last in _grouped(step.exchanges):
            again = f"  ({count} times, last at {last:%H:%M:%S.%f}"[:-3] + ")" if count > 1 else ""
            line = f"{exchange.at:%H:%M:%S.%f}"[:-3] + f"    {exchange.method} {exchange.url}  {exchange.status}{again}"
            lines.append(line)
            if exchange.method == _BY_FRAME:
                lines.append(f"                > {_short(exchange.body)}")
            if exchange.answer:
                mark = "< " if exchange.method == _BY_FRAME else ""
                lines.append(f"                {mark}{_short(exchange.answer)}")
    return lines


def _short(text: str) -> str:
    return f"{text[:_WIDE]}{'…' if len(text) > _WIDE else ''}"


def _grouped(exchanges: Sequence[Exchange]) -> Iterator[tuple[Exchange, int, datetime]]:
    """Exchanges, those that were only repeated together with how often and until when."""
    index = 0
    while index < len(exchanges):
        last = index
        while last + 1 < len(exchanges) and exchanges[last + 1].key == exchanges[index].key:
            last += 1
        yield exchanges[index], last - index + 1, exchanges[last].at
        index = last + 1


# --- how to see it again


def _repetition(steps: Sequence[Step], platform: Platform) -> list[str]:
    """The same requests and frames as lines of a shell; what is secret is a variable."""
    lines: list[str] = []
    for step in steps:
        frames = _frames(step, platform)
        if not (step.exchanges or frames or step is steps[-1]):
            continue
        lines.append(f"# {step.name}" + (f": {' '.join(step.args)}" if step.args else ""))
        for exchange, count, _ in _grouped(step.exchanges):
            times = f", {count} times" if count > 1 else ""
            if exchange.method == _BY_FRAME:
                lines.append(f"websocat {_quoted(_MASKED.sub(_variable('TOKEN'), exchange.url))}{_handshake(platform)}")
                lines += _first_frame(platform, exchange)
                lines.append(f"#   > {_plain(_without_secrets(exchange.body))}    # {exchange.status}{times}")
            else:
                lines += [f"{_curl(exchange)}    # {exchange.status}{times}"]
            lines += [f"#   {text}" for text in _kept(exchange, platform)]
        lines += frames
    used = sorted({name for line in lines for name in re.findall(r"\$([A-Z]+)", line) if not line.startswith("#")})
    return [*([f"# Set {', '.join(used)} first, or as the answers say them."] if used else []), *lines]


def _curl(exchange: Exchange) -> str:
    words = ["curl", "-i"]
    if exchange.method != "GET":
        words += ["-X", exchange.method]
    has_jar = False
    for name, value in exchange.headers.items():
        if name.lower() in _UNASKED:
            continue
        if name.lower() == "cookie":
            has_jar = True
        else:
            words += ["-H", _quoted(f"{name}: {_MASKED.sub(_variable('TOKEN'), value)}")]
    words += ["-b", "jar", "-c", "jar"] if has_jar else ["-c", "jar"] if exchange.method == "POST" else []
    if exchange.body:
        words += ["-d", _quoted(_without_secrets(exchange.body))]
    return " ".join([*words, _quoted(_MASKED.sub(_variable("SECRET"), exchange.url))])


def _without_secrets(body: str) -> str:
    """A body with variables in the place of its secrets, named by their fields."""

    def variable(match: re.Match[str]) -> str:
        name = re.sub(r"[^A-Z]", "", match["name"].upper())
        return f"{match['before']}{_variable(name or 'SECRET')}"

    named = r"(?P<before>[\"']?(?P<name>[\w-]+)[\"']?\s*[:=]\s*[\"']?)(?:\*\*\*|<token [0-9a-f]{8}>)"
    return _MASKED.sub(_variable("SECRET"), re.sub(named, variable, body))


_MARK = "\ue000"
"""Stands before a variable's name, which nothing that was sent can be taken for."""


def _variable(name: str) -> str:
    return f"{_MARK}{name}"


def _quoted(text: str) -> str:
    """A word of a shell; variables are filled in, and nothing else."""
    escaped = re.sub(r"([\"\\`$])", r"\\\1", text)
    return f'"{_plain(escaped)}"'


def _plain(text: str) -> str:
    return text.replace(_MARK, "$")


def _kept(exchange: Exchange, platform: Platform) -> Iterator[str]:
    """What the dialect reads of an answer, so that whoever repeats it knows what a variable stands for."""
    dialect = platform.dialect
    path = re.sub(r"^https?://[^/]+", "", exchange.url).partition("?")[0]
    if exchange.method == _BY_FRAME and dialect is not None:
        yield from _kept_of_frame(exchange, dialect)
        return
    for steps in dialect.operations.values() if dialect else ():
        for step in steps:
            template = step.path.partition("?")[0]
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            if step.kind == "request" and step.method == exchange.method.lower() and re.fullmatch(pattern, path):
                reads = [
                    f"{name} is {known.path if known.source == 'json' else f'{known.source} {known.path}'}"
                    for name, known in step.read.items()
                    if known.source != "value"
                ]
                if reads:
                    yield f"of the answer: {', '.join(reads)}"
                return


def _kept_of_frame(exchange: Exchange, dialect: Dialect) -> Iterator[str]:
    """What the dialect reads of the answer to a word's frame."""
    if (steps := _sending(exchange, dialect)) and (frame := dialect.frame(steps[0])) and frame.read:
        yield f"of the answer: {', '.join(f'{name} is {path}' for name, path in frame.read.items())}"


def _sending(exchange: Exchange, dialect: Dialect) -> Sequence[Any]:
    """The step that sends the frame of an exchange, in a list; empty where none is known."""
    try:
        sent = json.loads(exchange.body)
    except ValueError:
        return ()
    steps = [step for known in dialect.operations.values() for step in known]
    steps += [step for endpoint in dialect.endpoints.values() for step in endpoint.who]
    return [step for step in steps if (frame := dialect.frame(step)) and _fits(frame.send, sent)][:1]


def _fits(template: Any, sent: Any) -> bool:
    """Whether a frame may have been made from a template."""
    if isinstance(template, dict):
        known = sent if isinstance(sent, dict) else {}
        return isinstance(sent, dict) and all(
            _fits(entry, known.get(name)) for name, entry in template.items() if "?}" not in str(entry)
        )
    if isinstance(template, list):
        return (
            isinstance(sent, list)
            and len(sent) == len(template)
            and all(_fits(*pair) for pair in zip(template, sent, strict=True))
        )
    return template == sent or (isinstance(template, str) and "{" in template and sent is not None)


def _first_frame(platform: Platform, exchange: Exchange) -> list[str]:
    """The frame that shows whose the socket is, before that of a word that is done as the user."""
    dialect = platform.dialect
    if dialect is None or dialect.socket is None or dialect.socket.authentication != "frame":
        return []
    steps = _sending(exchange, dialect)
    if steps and steps[0].role == "none":
        return []
    return [f"#   > {_plain(_shell(json.dumps(dialect.socket.out['authenticate'].send)))}"]


def _handshake(platform: Platform) -> str:
    return _credential(platform.dialect) if platform.dialect else ""


def _frames(step: Step, platform: Platform) -> list[str]:
    """The socket of a step: how it is opened, or the frame that is sent on it, in the dialect's words."""
    word = _SOCKET_WORDS.get(normal(step.name))
    dialect = platform.dialect
    if word is None or dialect is None or dialect.socket is None:
        return []
    facts = dialect.socket
    if word == "":
        opened = next((endpoint for endpoint in dialect.endpoints.values() if endpoint.socket), None)
        if opened is None or opened.socket is None:
            return []
        base = f"ws{opened.url.removeprefix('http')}"
        shown = [f"websocat {_quoted(_shell(opened.socket.replace('{base}', base)))}{_credential(dialect)}"]
        if facts.authentication == "frame":
            shown.append(f"#   > {_plain(_shell(json.dumps(facts.out['authenticate'].send)))}")
        return shown
    return [f"#   > {_plain(_shell(json.dumps(facts.out[word].send)))}"] if word in facts.out else []


def _credential(dialect: Dialect) -> str:
    facts, credentials = dialect.socket, dialect.credentials
    if facts is None or facts.authentication not in ("header", "cookie") or credentials is None:
        return ""
    if facts.authentication == "header" and "header" in credentials.places:
        name, template = credentials.places["header"]
        return f" -H {_quoted(_shell(f'{name}: {template}'))}"
    return ' -H "Cookie: $COOKIE"'


def _shell(template: str) -> str:
    """A template with a shell's variables in the place of its fields."""
    return re.sub(r"\{([a-z_]+)\??\}", lambda found: _variable(found[1].upper().replace("_", "")), template)
