"""A dialect as a whole: what the words of the portable suites are on one target."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockstep.dialect.browser import Browser
from lockstep.dialect.entries import Entries, Place, known, mapped, read_file, read_text, secrets_by_name, shown, text
from lockstep.dialect.errors import DialectError, NotDescribed, nearest
from lockstep.dialect.frames import FrameOut
from lockstep.dialect.parts import (
    Accounts,
    Administrator,
    ControlFacts,
    Credentials,
    Endpoint,
    Logs,
    Roles,
    Store,
    Token,
    limits,
)
from lockstep.dialect.promises import Promises
from lockstep.dialect.refusals import CLASSES, Alternatives, alternatives
from lockstep.dialect.socket import OUT, Socket
from lockstep.dialect.steps import WORDS, Step, StepReader
from lockstep.dialect.templates import fields
from lockstep.home import target_folders

VERSION = 1
FILE, METHODS_FILE = "target.yaml", "dialect.py"
CODECS = ("encode", "decode")
"""Functions of ``dialect.py`` beside the words: from a frame to a text or bytes, and from those to a list of frames."""
GIVEN = (
    "platform", "base", "unique", "secret", "device", "name", "email", "new_password", "role", "session", "token",
    "room", "text", "key", "id", "position", "epoch", "sender", "document", "version", "call", "client", "subscription",
)  # fmt: skip
"""Values that a word may have though nothing reads them: its arguments, and those of each socket."""
Method = Callable[..., Any]


@dataclass(frozen=True)
class Dialect:
    """All that a file, and the ``dialect.py`` beside it, say of a target; see docs/dialect.md for each entry."""

    name: str
    path: Path
    place: Place = field(repr=False)
    endpoints: Mapping[str, Endpoint]
    headers: Mapping[str, str]
    credentials: Credentials | None
    administrator: Administrator | None
    accounts: Accounts | None
    operations: Mapping[str, tuple[Step, ...]]
    refusals: Mapping[str, Alternatives]
    roles: Roles | None
    logs: Logs
    token: Token
    socket: Socket | None
    browser: Browser | None
    stores: Mapping[str, Store]
    limits: Mapping[str, float]
    control: ControlFacts
    promises: Promises
    absent: Mapping[str, str]
    methods: Mapping[str, Method] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> Path:
        """Where relative paths of the dialect start."""
        return self.path.parent

    @property
    def secrets(self) -> frozenset[str]:
        """Texts that no output may show: what the environment gave for credentials, accounts and keys."""
        places = ("administrator", "accounts", "credentials")
        found = frozenset().union(*(self.place.at(name).secrets() for name in places))
        return found | self.place.at("token").at("key").secrets() | secrets_by_name(self.place.source)

    def missing(self, lacks: str, reason: str = "") -> NotDescribed:
        """What ends a test that needs ``lacks``, a dotted name such as ``operations.refresh``."""
        if reason:
            return NotDescribed(lacks, reason)
        for name in (lacks, lacks.rpartition(".")[2], lacks.split(".")[0]):
            if name in self.absent:
                return NotDescribed(lacks, f"absent: {self.absent[name]}")
        return NotDescribed(lacks, f"not described in {self.place.source.file}")

    def knows(self, word: str) -> bool:
        """Whether there is a step or a method for a word of ``operations``."""
        return (word in self.operations or word in self.methods) and word not in self.absent

    def serving(self, word: str) -> tuple[str, ...]:
        """The endpoints at which a word of ``operations`` may be done; raises ``NotDescribed``."""
        steps = self.operations.get(word, ()) if word in self.methods else self.steps(word)
        return next((step.at for step in reversed(steps) if step.at), (next(iter(self.endpoints)),))

    def steps(self, word: str) -> tuple[Step, ...]:
        """The steps of a word; raises ``NotDescribed``."""
        if word in self.absent or word not in self.operations:
            raise self.missing(f"operations.{word}")
        return self.operations[word]

    def frame(self, step: Step) -> FrameOut | None:
        """The frame that a step sends, one of ``socket.out`` where it is named so; None where it sends none."""
        if isinstance(step.frame, str):
            return self.socket.out.get(step.frame) if self.socket else None
        return step.frame

    def sends(self, steps: Iterable[Step], name: str) -> bool:
        """Whether a body or frame of these steps has a place for the value ``name``."""
        sent = [frame.send if (frame := self.frame(step)) else step.body for step in steps]
        return any(name in fields(template, optional=True) for template in sent)

    def needs(self, steps: Iterable[Step]) -> frozenset[str]:
        """The names of the values without which a request or frame of these steps cannot be sent."""
        sent = [[step.path, step.query, step.headers, step.body] for step in steps]
        sent += [[frame.send] for step in steps if (frame := self.frame(step))]
        return frozenset(fields(sent))

    def read_by(self, steps: Iterable[Step]) -> frozenset[str]:
        """The names of what these steps read, of answers and frames, and of what they give."""
        frames = {name for step in steps if (frame := self.frame(step)) for name in frame.read or ()}
        return frozenset({name for step in steps for name in (*step.read, *step.given)} | frames)

    def endpoint(self, name: str = "") -> Endpoint:
        """An endpoint, the first one where no name is given; raises ``NotDescribed``."""
        if not name:
            return next(iter(self.endpoints.values()))
        if name not in self.endpoints:
            raise self.missing(f"endpoints.{name}")
        return self.endpoints[name]

    def needed_socket(self) -> Socket:
        """The socket; raises ``NotDescribed``."""
        if self.socket is None or "socket" in self.absent:
            raise self.missing("socket")
        return self.socket

    def needed_browser(self) -> Browser:
        """The page; raises ``NotDescribed``."""
        if self.browser is None or "browser" in self.absent:
            raise self.missing("browser")
        return self.browser

    def limit(self, name: str) -> float:
        """A limit in seconds, bytes or requests; raises ``NotDescribed``."""
        if name not in self.limits:
            raise self.missing(f"limits.{name}")
        return self.limits[name]

    def refusal(self, name: str) -> Alternatives:
        """What a class of refusals looks like; raises ``NotDescribed``."""
        if name not in self.refusals:
            raise self.missing(f"refusals.{name}")
        return self.refusals[name]


def parse(value: Any, place: Place, path: Path, methods: Mapping[str, Method] | None = None) -> Dialect:
    """A dialect from what its file holds; raises ``DialectError`` for the first thing that is wrong."""
    entries = Entries(value, place, "a mapping that begins with `dialect: 1`")
    entries.take("dialect", _version)
    endpoints = entries.take("endpoints", mapped(Endpoint.from_yaml))
    if not endpoints:
        raise place.at("endpoints").wrong("no endpoint: nothing could be reached")
    own = dict(methods or {})
    found = Dialect(
        name=entries.take("name", text, path.parent.name if path.name == FILE else path.stem),
        path=path,
        place=place,
        endpoints=endpoints,
        headers=entries.take("headers", mapped(text), {}),
        credentials=entries.take("credentials", Credentials.from_yaml, None),
        administrator=entries.take("administrator", Administrator.from_yaml, None),
        accounts=entries.take("accounts", Accounts.from_yaml, None),
        operations=entries.take("operations", known(WORDS, _steps), {}),
        refusals=entries.take("refusals", known(CLASSES, alternatives), {}),
        roles=entries.take("roles", Roles.from_yaml, None),
        logs=entries.take("logs", Logs.from_yaml, Logs()),
        token=entries.take("token", Token.from_yaml, Token(place)),
        socket=entries.take("socket", Socket.from_yaml, None),
        browser=entries.take("browser", Browser.from_yaml, None),
        stores=entries.take("stores", mapped(Store.from_yaml), {}),
        limits=entries.take("limits", limits, {}),
        control=entries.take("control", ControlFacts.from_yaml, ControlFacts()),
        promises=entries.take(
            "promises",
            lambda part, where: Promises.from_yaml(part, where, tuple(endpoints)),
            Promises.from_yaml({}, place.at("promises")),
        ),
        absent=entries.take("absent", _absent, {}),
        methods=own,
    )
    entries.end()
    _check(found)
    _check_access(found, value)
    _check_values(found)
    return found


def _check_values(found: Dialect) -> None:
    """Each value that a word of operations needs is read, or given, by something."""
    if found.methods or found.accounts is None or not found.accounts.made:
        # Methods read what they like, and given accounts have what their file says.
        return
    every = [step for word in found.operations.values() for step in word]
    known = {*GIVEN, *found.accounts.made, *found.read_by(every)}
    if found.administrator:
        known |= found.read_by(found.administrator.sign_in)
    for step in every:
        for name in sorted({name.split(".")[0] for name in found.needs((step,))} - known):
            raise step.place.wrong(f"{{{name}}} has no value: no word of operations reads {name}{nearest(name, known)}")


def _check_access(found: Dialect, value: Any) -> None:
    """What is read as `access` is what tests change: it has to travel."""
    travels = found.credentials is None or found.credentials.places or "access" in fields(value, optional=True)
    if travels or found.methods:
        return
    step = next((step for step in found.operations.get("sign_in", ()) if "access" in step.read), None)
    if step is not None:
        why = "it travels nowhere: say where in credentials (cookie: NAME beside jar), or read it under another name"
        raise step.place.at("read").at("access").wrong(why)


def _check(found: Dialect) -> None:
    """What no part sees alone: names of other parts."""
    steps = [step for word in found.operations.values() for step in word]
    steps += found.administrator.sign_in if found.administrator else ()
    for endpoint in found.endpoints.values():
        steps += [*endpoint.who, *endpoint.ready]
        if endpoint.socket and found.socket is None:
            raise endpoint.place.at("socket").wrong("the part socket is missing, which says how it is spoken to")
    for step in steps:
        for name in step.at:
            if name not in found.endpoints:
                raise step.place.at("at").wrong(f"{shown(name)} is no endpoint{nearest(name, found.endpoints)}")
        if step.role == "administrator" and found.administrator is None:
            raise step.place.wrong("it is done as administrator, and the part administrator is missing")
        if step.role == "user" and step.kind in ("request", "page") and found.credentials is None:
            raise step.place.wrong("it is done as the user, and the part credentials is missing")
        if isinstance(step.frame, str) and (found.socket is None or step.frame not in found.socket.out):
            raise step.place.at("frame").wrong(f"{shown(step.frame)} is none of socket.out")
    if found.roles:
        for name in found.roles.takes:
            needed = found.needs(found.operations.get(name, ()))
            for lacking in sorted(needed & {"id", "new_password", "role", "token"}):
                why = f"{name} needs {{{lacking}}}, and is tried with {{room}}, {{text}} and {{key}} only"
                raise found.roles.place.at("takes").wrong(why)
    if found.browser and found.browser.at and found.browser.at not in found.endpoints:
        where, name = found.browser.place.at("at"), found.browser.at
        raise where.wrong(f"{shown(name)} is no endpoint{nearest(name, found.endpoints)}")
    instances = {endpoint.instance for endpoint in found.endpoints.values() if endpoint.instance}
    for name in found.promises.outage.without:
        if name not in (known := {*instances, *found.control.stores}):
            where = found.place.at("promises").at("outage").at("without").at(name)
            raise where.wrong(f"neither an instance nor one of control.stores{nearest(name, known)}")
    if found.socket and found.socket.framing == "own" and not all(name in found.methods for name in CODECS):
        raise (
            found.place.at("socket")
            .at("framing")
            .wrong(f"framing is own: {METHODS_FILE} beside {FILE} needs the functions encode and decode")
        )


def _version(value: Any, place: Place) -> int:
    if value != VERSION or isinstance(value, bool):
        raise place.wrong(f"this release reads dialects of version {VERSION}, not {shown(value)}")
    return VERSION


def _steps(value: Any, place: Place) -> tuple[Step, ...]:
    return StepReader(WORDS[str(place.path[-1])]).steps(value, place)


PARTS = (
    "roles",
    "socket",
    "browser",
    "token",
    "stores",
    "control",
    "second_account",
    "second_replica",
    "private_platform",
    "private_rooms",
)


def _absent(value: Any, place: Place) -> dict[str, str]:
    """Word to reason: an operation, a frame (``socket.resume``), a class of refusals, or a part."""
    known = {*WORDS, *PARTS, *(f"socket.{word}" for word in OUT), *(f"refusals.{name}" for name in CLASSES)}
    entries = Entries(value, place)
    for name in entries.names:
        if name not in known:
            raise place.at(name).wrong(f"unknown word{nearest(name, known)}")
    return entries.each(text)


# --- files


def is_dialect(path: Path) -> bool:
    """Whether a file is of this form (``dialect: 1`` at its top), and no profile of the old one."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return any(line.startswith("dialect:") for line in lines)


def folders() -> list[Path]:
    """Where targets are looked for by name: ``LOCKSTEP_TARGETS``, the working directory's, the project's."""
    return target_folders()


def find(target: str) -> Path:
    """The dialect of a target, given by name or by the path of its file or folder.

    By name it is ``<name>/target.yaml``, or ``<name>.yaml`` where that is of this form. Raises ``DialectError``.
    """
    if target.endswith((".yaml", ".yml")) or os.sep in target:
        path = Path(target).expanduser()
        return _of_path(path / FILE if path.is_dir() else path)
    for folder in folders():
        for path in (folder / target / FILE, folder / f"{target}.yaml"):
            if path.is_file() and is_dialect(path):
                return path
    known = names()
    raise DialectError(
        f"there is no dialect of a target {target!r}{nearest(target, known)}, or give a path"
        if known
        else f"there is no dialect of a target {target!r}, nor of any other; give a path"
    )


def _of_path(path: Path) -> Path:
    if not path.is_file():
        raise DialectError(f"there is no target {path}")
    if not is_dialect(path):
        beside = path.parent / path.stem / FILE
        if beside.is_file():
            return beside
        raise DialectError(f"{path}:1: `dialect: {VERSION}` is missing: this is no dialect; docs/dialect.md shows one")
    return path


def names() -> list[str]:
    """The targets that have a dialect, by name."""
    found = set()
    for folder in folders():
        found |= {path.parent.name for path in folder.glob(f"*/{FILE}")}
        found |= {path.stem for path in folder.glob("*.yaml") if is_dialect(path)}
    return sorted(found)


def load(path: Path) -> Dialect:
    """The dialect of a file, with the methods of the ``dialect.py`` beside a ``target.yaml``."""
    value, place = read_file(path)
    methods = _methods(path.parent / METHODS_FILE) if path.name == FILE else {}
    return parse(value, place, path, methods)


def loads(yaml_text: str, path: Path | None = None, methods: Mapping[str, Method] | None = None) -> Dialect:
    """The dialect of a text, as if it stood in the file ``path``."""
    where = path or Path("target.yaml")
    value, place = read_text(yaml_text, str(where))
    return parse(value, place, where, methods)


def _methods(path: Path) -> dict[str, Method]:
    """The public functions of a ``dialect.py``: words, and the codecs of its framing."""
    if not path.is_file():
        return {}
    spec = importlib.util.spec_from_file_location(f"lockstep_dialect_{path.parent.name.replace('-', '_')}", path)
    if spec is None or spec.loader is None:
        raise DialectError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise DialectError(f"{path}: {type(error).__name__}: {error}") from error
    found: dict[str, Method] = {
        name: entry
        for name, entry in vars(module).items()
        if inspect.isfunction(entry) and entry.__module__ == module.__name__ and not name.startswith("_")
    }
    for name, method in found.items():
        if name not in WORDS and name not in CODECS:
            line = inspect.getsourcelines(method)[1]
            raise DialectError(f"{path}:{line}: {name}: unknown word{nearest(name, [*WORDS, *CODECS])}")
        if name in WORDS and not inspect.isgeneratorfunction(method):
            line = inspect.getsourcelines(method)[1]
            raise DialectError(f"{path}:{line}: {name}: a word is a generator: it yields requests (docs/dialect.md)")
    return found
