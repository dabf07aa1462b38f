"""Which line of a dialect is likely to be wrong, by what a target answered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockstep.dialect import Answer, Dialect, Outcome
from lockstep.dialect.entries import Place
from lockstep.dialect.errors import nearest
from lockstep.dialect.frames import FrameOut
from lockstep.dialect.paths import Reading, is_optional, look_up
from lockstep.dialect.refusals import Alternatives, Refusal
from lockstep.dialect.socket import Socket
from lockstep.dialect.steps import Step
from lockstep.dialect.templates import MISSING

_MOST_PATHS = 8


@dataclass(frozen=True)
class Suspect:
    """A line that may be wrong, and what to look at there."""

    place: Place
    advice: str

    def __str__(self) -> str:
        return f"{self.place}: {self.place.dotted}: {self.advice}"


def of_step(dialect: Dialect, step: Step, endpoint: str, outcome: Outcome, read: Mapping[str, Any]) -> Suspect | None:
    """The line behind a request, page or command that was not answered as the step says; None for a frame."""
    if step.kind == "frame":
        return None
    if step.kind == "command":
        return Suspect(step.place.at("command"), "the program did not do it")
    answer, key = outcome.answer, "page" if step.kind == "page" else step.method
    if answer is None or answer.status is None:
        return _without_answer(dialect, step, endpoint, answer, key)
    if not any(answer.status in known for known in step.status):
        return _by_status(dialect, step, answer, key)
    if step.failure is not None and "where there is no" not in outcome.why and "did not become" not in outcome.why:
        return Suspect(step.place.at("failure"), "these conditions hold for the answer")
    if "did not become" in outcome.why:
        return Suspect(step.place.at("until"), "the answer never became so")
    missing = next((known for name, known in step.read.items() if name not in read and not known.optional), None)
    if missing is not None:
        return _unread(missing, answer, step.place.at(key))
    if step.each is not None:
        return Suspect(step.place.at("each"), f"no list stands there; {_paths_in(answer)}")
    return Suspect(step.place, "the answer is not as the step describes it")


def _without_answer(dialect: Dialect, step: Step, endpoint: str, answer: Answer | None, key: str) -> Suspect:
    error = answer.error if answer else ""
    if error.startswith("no form"):
        return Suspect(step.place.at("form"), "the page has no form with these fields; or the page is another one")
    if not step.path.startswith(("/", "http://", "https://", "{")):
        return Suspect(step.place.at(key), f"a path begins with a slash: /{step.path}")
    if "redirects" in error:
        return Suspect(step.place.at(key), error)
    if "timed out" in error or "TimeoutError" in error:
        return Suspect(step.place.at(key), "no answer came in time")
    found = dialect.endpoint(step.where(endpoint))
    return Suspect(found.place.at("url"), f"nothing answers there: {error or 'no reason given'}")


def _by_status(dialect: Dialect, step: Step, answer: Answer, key: str) -> Suspect:
    status = answer.status or 0
    path = step.place.at(key)
    if status in (404, 405, 501):
        return Suspect(path, f"{status}: is {step.method.upper()} {step.path} the right path and method?")
    if 200 <= status < 300:
        return Suspect(step.place.at("status"), f"the answer has {status}")
    if 300 <= status < 400:
        return Suspect(
            path, f"a redirect to {answer.header('location')}: another path, `follow: yes` or `status: {status}`?"
        )
    if status in (401, 403):
        return _not_allowed(dialect, step, status)
    if status in (400, 409, 415, 422) and step.body_kind:
        return Suspect(step.place.at(step.body_kind), f"{status}: the target does not take this {step.body_kind}")
    if status == 429:
        return Suspect(path, "429: too many requests; wait, or raise the quota for this run")
    if status >= 500:
        return Suspect(path, f"{status}: the target itself failed")
    return Suspect(path, f"{status}: the target does not take this request")


def _not_allowed(dialect: Dialect, step: Step, status: int) -> Suspect:
    if step.role == "administrator" and dialect.administrator is not None:
        return Suspect(
            dialect.administrator.place, f"{status}: the administrator may not do this, or is not recognised"
        )
    if step.role == "user":
        where = step.place.at("as") if ("as" in _entries(step)) else step.place
        return Suspect(where, f"{status}: the user may not do this; `as: administrator`, or another header?")
    where = step.place.at(step.body_kind) if step.body_kind else step.place
    return Suspect(where, f"{status}: refused; are these the right fields, or `as: user`?")


def _entries(step: Step) -> set[str]:
    size = len(step.place.path)
    lines = step.place.source.lines
    return {str(path[size]) for path in lines if len(path) == size + 1 and path[:size] == step.place.path}


def _unread(missing: Reading, answer: Answer, path: Place) -> Suspect:
    name = missing.place.path[-1]
    if missing.source == "json":
        if answer.json is MISSING:
            kind = answer.header("content-type") or "no content type"
            return Suspect(path, f"the answer is no JSON but {kind}, so there is no {name}: is this the right path?")
        return Suspect(missing.place, f"no {missing.path} in the answer; {_near(missing.path, answer)}")
    if missing.source in ("header", "cookie"):
        names = sorted({known for known, _ in answer.headers})
        if missing.source == "cookie":
            names = [text.partition("=")[0] for known, text in answer.headers if known == "set-cookie"]
        return Suspect(missing.place, f"no {missing.source} {missing.path} in the answer{nearest(missing.path, names)}")
    return Suspect(missing.place, f"the answer has no {missing.source} {missing.path}")


def paths(data: Any, before: str = "") -> Iterator[str]:
    """The paths of all values in decoded JSON; of a list the first entry's."""
    entries: Sequence[tuple[Any, Any]] = ()
    if isinstance(data, dict):
        entries = list(data.items())
    elif isinstance(data, list):
        entries = list(enumerate(data[:1]))
    elif before:
        yield before
    for name, entry in entries:
        yield from paths(entry, f"{before}.{name}" if before else str(name))


def _near(path: str, answer: Answer) -> str:
    found = list(paths(answer.json))
    last = path.rpartition(".")[2]
    same = [known for known in found if known.rpartition(".")[2] == last]
    return f"did you mean {same[0]}?" if same else _listed(found)


def _paths_in(answer: Answer) -> str:
    return _listed(list(paths(answer.json)))


def _listed(found: list[str]) -> str:
    if not found:
        return "it is empty"
    more = f" and {len(found) - _MOST_PATHS} more" if len(found) > _MOST_PATHS else ""
    return f"it has {', '.join(found[:_MOST_PATHS])}{more}"


def of_refusal(known: Alternatives, answer: Answer) -> Suspect | None:
    """The line of the refusal that is nearest to an answer and yet does not fit; None where one fits."""
    wrong = [_misfit(refusal, answer) for refusal in known]
    if not wrong or any(not found for found in wrong):
        return None
    return min(wrong, key=len)[0]


def _misfit(refusal: Refusal, answer: Answer) -> list[Suspect]:
    found = []
    place = refusal.place
    if refusal.status and not any(answer.status in known for known in refusal.status):
        found.append(Suspect(place.at("status"), f"the answer has {answer.status}"))
    if refusal.location and not refusal.location.search(answer.header("location") or ""):
        found.append(Suspect(place.at("location"), f"the answer goes to {answer.header('location') or 'nowhere'}"))
    for name, wanted in refusal.headers:
        given = answer.header(name)
        if given is None:
            names = sorted({known for known, _ in answer.headers})
            found.append(Suspect(place.at("header"), f"the answer has no header {name}{nearest(name, names)}"))
        elif not wanted.search(given):
            found.append(Suspect(place.at("header").at(name), f"the answer has {name}: {given}"))
    if refusal.code_at:
        code = look_up(answer.json, refusal.code_at)
        if code is MISSING:
            found.append(Suspect(place.at("code_at"), f"no {refusal.code_at} in the answer; {_paths_in(answer)}"))
        elif code not in refusal.codes:
            found.append(Suspect(place.at("codes"), f"the answer has {code}"))
    return found


def of_frame(out: FrameOut, why: str, came: Sequence[Any], socket: Socket | None = None) -> Suspect:
    """The line behind a frame that was not answered as it should be, by the decoded frames that came after it."""
    shown = f"; came: {json.dumps(came[-1], ensure_ascii=False)}" if came else "; nothing came"
    place = out.place
    if why.startswith("no answer"):
        fitting = [frame for frame in came if any(known.hold(frame, {}) for known in out.answer)]
        if fitting and socket is not None and socket.call is not None:
            return _of_call(socket, fitting[-1])
        return Suspect(place.at("answer"), f"no such frame came{shown}")
    if "was refused" in why:
        return Suspect(place.at("send"), f"the target refused the frame{shown}")
    for name in _reads_of(place):
        if f"has no {name} " in why:
            return Suspect(place.at("read").at(name), f"nothing stands there{shown}")
    # A frame that could not be filled says it after the place of the dialect, which has colons of its own.
    said = why.rpartition(": ")[2] if why.startswith(f"{place.source.file}:") else why.partition(":")[0]
    return Suspect(place, f"{said}{shown}")


def _of_call(socket: Socket, frame: Any) -> Suspect:
    """An answer came, and not with the id of its call where the dialect looks for it."""
    path = socket.call.answer if socket.call else ""
    found = look_up(frame, path)
    why = f"nothing stands at {path}" if found is MISSING else f"{found} at {path} is not the id of the call"
    return Suspect(socket.place.at("call").at("in"), f"{why} of {json.dumps(frame, ensure_ascii=False)}")


def _reads_of(place: Place) -> list[str]:
    size = len(place.path) + 1
    start = (*place.path, "read")
    return [str(path[size]) for path in place.source.lines if len(path) == size + 1 and path[:size] == start]


def optional_and_absent(readings: Mapping[str, Reading], read: Mapping[str, Any]) -> list[Reading]:
    """What a step may read and did not find."""
    return [known for name, known in readings.items() if known.optional and name not in read]


def optional_paths(paths_by_name: Mapping[str, str], read: Mapping[str, Any]) -> list[str]:
    """As `optional_and_absent`, for paths into a frame."""
    return [name for name, path in paths_by_name.items() if is_optional(path) and name not in read]
