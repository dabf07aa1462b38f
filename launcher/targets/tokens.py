"""Comparing a real access token with what the dialect says of it, and looking people up in the target's stores."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jwt
from lockstep.dialect import DialectError, Request, Session
from lockstep.dialect.performing import claims
from lockstep.dialect.stores import StoreAwayError, look_up
from lockstep.dialect.templates import fill, fill_url

from launcher.targets.findings import FAILS, WORKS, Finding
from launcher.targets.suspects import Suspect
from launcher.targets.trying import Person, Trying
from launcher.targets.words import SLACK


def token(trying: Trying, session: Session) -> None:
    """Whether a token is what the part ``token`` says: form, header, claims, key, and its life."""
    facts, text = trying.dialect.token, str(session.values.get("access", ""))
    place = trying.dialect.place.at("token")
    if not text or ("token",) not in trying.dialect.place.source.lines:
        return
    trying.marks.read("token")
    known = claims(text)
    if facts.form == "jwt" and not known:
        wrong: Suspect | None = Suspect(place.at("form"), "the access token is no JWT: `form: opaque`?")
    elif facts.form == "opaque":
        wrong = (
            Suspect(place.at("form"), f"the access token is a JWT with {', '.join(known)}: `form: jwt`?")
            if known
            else None
        )
    else:
        wrong = next(_wrong(trying, session, text, known), None)
    if wrong is not None:
        trying.findings.put(Finding("token", FAILS, wrong.advice, (), wrong))
        return
    says = f"a JWT, {jwt.get_unverified_header(text).get('alg')}" if known else "opaque"
    trying.findings.put(Finding("token", WORKS, says, (), None, [f"{name} = {value}" for name, value in known.items()]))


def _wrong(trying: Trying, session: Session, text: str, known: dict[str, Any]) -> Iterator[Suspect]:
    facts, place = trying.dialect.token, trying.dialect.place.at("token")
    values = trying.speaker.values(session, {})
    header = jwt.get_unverified_header(text)
    if facts.algorithms and header.get("alg") not in facts.algorithms:
        yield Suspect(place.at("algorithms"), f"the token has {header.get('alg')}")
    if facts.type and header.get("typ") != facts.type:
        yield Suspect(place.at("type"), f"the token has {header.get('typ')}")
    for name in ("issuer", "audience"):
        wanted = getattr(facts, name)
        claim = facts.claims.get(name, {"issuer": "iss", "audience": "aud"}[name])
        if wanted is not None:
            expected, given = fill(wanted, values, place.at(name)), known.get(claim)
            if expected != given and not (isinstance(given, list) and expected in given):
                yield Suspect(place.at(name), f"the token has {claim} {given}, not {expected}")
    for name, claim in facts.claims.items():
        if claim not in known and f"claims.{name}" in _written(trying):
            yield Suspect(place.at("claims").at(name), f"the token has no {claim}; it has {', '.join(known)}")
        elif claim not in known and name == "user":
            yield Suspect(
                place, f"the token has no {claim}; it has {', '.join(known)}: `claims: {{user: …}}`, or `form: opaque`"
            )
        elif (
            name in ("user", "session")
            and claim in known
            and str(known[claim]) != str(session.values.get(name, known[claim]))
        ):
            yield Suspect(place.at("claims").at(name), f"{claim} is {known[claim]}, not {session.values[name]}")
    yield from _life(trying, known)
    yield from _signature(trying, text, header, values)


def _written(trying: Trying) -> set[str]:
    lines = trying.dialect.place.source.lines
    return {".".join(map(str, path[1:])) for path in lines if path[:1] == ("token",)}


def _life(trying: Trying, known: dict[str, Any]) -> Iterator[Suspect]:
    facts, limit = trying.dialect.token, trying.dialect.limits.get("access_ttl")
    expiry = known.get(facts.claims.get("expiry", "exp"))
    if limit is None or not isinstance(expiry, int | float):
        return
    trying.marks.read("limits", "access_ttl")
    issued = known.get(facts.claims.get("issued", "iat"))
    life = expiry - (issued if isinstance(issued, int | float) else time.time())
    if abs(life - limit) > SLACK and issued is not None:
        yield Suspect(trying.dialect.place.at("limits").at("access_ttl"), f"the token lives for {life:g} s")


def _signature(trying: Trying, text: str, header: dict[str, Any], values: dict[str, Any]) -> Iterator[Suspect]:
    facts, place = trying.dialect.token, trying.dialect.place.at("token")
    key: Any = facts.key
    where = place.at("key")
    if facts.keys is not None:
        where = place.at("keys")
        url = fill_url(facts.keys, values, where)
        answer = trying.talker.request(Request("GET", url))
        try:
            keys = {known.get("kid"): known for known in json.loads(answer.body)["keys"]}
            found = keys.get(header.get("kid")) or (next(iter(keys.values())) if len(keys) == 1 else None)
            if found is None:
                yield Suspect(where, f"no key {header.get('kid')} there")
                return
            key = jwt.PyJWK(found).key
        except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError):
            yield Suspect(where, f"no published keys (JWKS) there: {answer}")
            return
    if key is None:
        return
    options: Any = dict.fromkeys(("verify_aud", "verify_exp", "verify_iat", "verify_nbf", "verify_iss"), False)
    try:
        jwt.decode(text, key, algorithms=[str(header.get("alg"))], options=options)
    except jwt.PyJWTError as error:
        yield Suspect(where, f"the token's signature does not fit this key: {error}")


def stores(trying: Trying, person: Person) -> None:
    """Whether a user and a session are found in each store, as it is described."""
    user = person.session.values.get("user")
    known = {"user": user, "traces": user, "session": person.session.values.get("session")}
    find(trying, known)


def find(trying: Trying, known: Mapping[str, Any]) -> None:
    """Whether these are found in each store that says how; ``known`` has an id for each kind."""
    for name, store in trying.dialect.stores.items():
        trying.marks.read("stores", name, "url")
        for kind in store.find:
            if known.get(kind) is None:
                continue
            trying.marks.read("stores", name, kind)
            finding = f"stores.{name}.{kind}"
            try:
                found = look_up(trying.speaker, name, kind, known[kind])
            except (StoreAwayError, DialectError) as error:
                entry = "url" if isinstance(error, StoreAwayError) else kind
                trying.findings.put(Finding(finding, FAILS, str(error), (), Suspect(store.place.at(entry), str(error))))
                continue
            why = f"{kind} {known[kind]} is not found there"
            trying.findings.put(
                Finding(finding, WORKS, f"{kind} {known[kind]}: {len(found)}") if found or kind == "traces"
                else Finding(finding, FAILS, why, (), Suspect(store.place.at(kind), why))
            )  # fmt: skip
