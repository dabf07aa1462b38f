"""JWTLibrary with symmetric keys and a platform's own names of claims: honest tokens, forged ones, weak secrets."""

from __future__ import annotations

import hmac
import json
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from JWTLibrary import JWTLibrary, claims, tokens, verification
from JWTLibrary.attacks import ATTACKS
from JWTLibrary.claims import MISSING, ClaimNames
from JWTLibrary.guessing import WORDS
from JWTLibrary.material import Key
from JWTLibrary.symmetric import LENGTHS, secret_key
from robot.api.types import Secret

from tests.libraries.inner import INNER, run_inner

SECRET = "a-5ecret-of-64-bytes-for-tests-only-0123456789abcdefghijklmnopqrs"
NAMES = {"user": "id", "session": "session", "roles": "role"}


def token_of(secret: str = SECRET, algorithm: str = "HS256", **more: Any) -> str:
    """As a platform makes it: by PyJWT, so that two implementations meet."""
    now = int(time.time())
    given = {"id": "u1", "session": "s1", "role": "editor", "iss": "shop", "iat": now, "exp": now + 300, **more}
    return jwt.encode({k: v for k, v in given.items() if v is not None}, secret, algorithm)


@pytest.mark.parametrize("algorithm", LENGTHS)
def test_another_implementation_and_this_one_agree(algorithm: str) -> None:
    library = JWTLibrary()
    made = library.make_token({"id": "u1"}, secret=SECRET, algorithm=algorithm, lifetime=timedelta(minutes=5))
    assert jwt.decode(made, SECRET, [algorithm], options={"verify_aud": False})["id"] == "u1"
    theirs = token_of(algorithm=algorithm)
    assert library.verify_token(theirs, secret=Secret(SECRET), algorithms=[algorithm], type="JWT")["id"] == "u1"
    assert library.verify_token(theirs, secret=SECRET.encode(), algorithms=[*LENGTHS], type="JWT")["id"] == "u1"
    changed = library.change_token(theirs, secret=SECRET, role="admin", session=None)
    read = jwt.decode(changed, SECRET, [algorithm])
    assert (read["role"], read["id"], "session" in read) == ("admin", "u1", False)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (lambda: token_of("another-secret-of-32-bytes-or-more"), "its signature does not match"),
        (lambda: token_of(algorithm="HS384"), "its algorithm 'HS384' is not one of HS256"),
        (lambda: token_of(exp=int(time.time()) - 1), "it has expired"),
        (lambda: token_of(exp=None), "a required claim is missing"),
        (lambda: token_of(iss="other"), "it is from another issuer"),
        (lambda: token_of(aud="other"), "it is for another audience"),
        (lambda: token_of(nbf=int(time.time()) + 60), "it is not valid yet"),
        (lambda: token_of(iat=int(time.time()) + 60), "it is not valid yet"),
        (lambda: token_of()[:-4], "its signature does not match"),
    ],
)
def test_a_token_is_judged_as_strictly_as_with_a_key_pair(spoilt: Any, reason: str) -> None:
    library = JWTLibrary()
    audience = "shop" if "audience" in reason else None
    with pytest.raises(AssertionError, match=f"the token is not valid: {reason}"):
        library.verify_token(spoilt(), secret=SECRET, issuer="shop", audience=audience, type="JWT")


def test_a_short_secret_verifies_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    key = secret_key("tiny")
    made = tokens.signed({}, json.dumps({"exp": time.time() + 60}).encode(), key)
    verification.verify(made, [key], verification.Expectation(algorithms=("HS256",)))
    assert not [warning for warning in recwarn if "HMAC" in str(warning.message)]


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "giant token"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_a_strict_verifier_refuses_what_is_forged_from_such_a_token(attack: str, algorithm: str) -> None:
    library = JWTLibrary(**NAMES)
    genuine = library.make_token(
        {"id": "u1", "session": "s1", "role": "editor", "iss": "shop", "aud": "all"},
        secret=SECRET, algorithm=algorithm, kid="k", lifetime=timedelta(minutes=5),
    )  # fmt: skip
    if attack.startswith("hs256 with public key"):
        with pytest.raises(ValueError, match=f"would show nothing: .* signed with {algorithm}, which has no public"):
            library.forge_token(genuine, attack, secret=SECRET)
        return
    forged = library.forge_token(genuine, attack, secret=SECRET)
    assert forged != genuine
    if attack in ("duplicate claims", "missing subject", "missing session", "unknown kid", "blank kid", "missing kid"):
        assert jwt.decode(forged, SECRET, [algorithm], audience="all"), "only the one thing is wrong"
        return
    expected = verification.Expectation("shop", "all", (algorithm,), "at+jwt")
    with pytest.raises(verification.RefusedError):
        verification.verify(forged, verification.load_secret(SECRET, [algorithm]), expected)


@pytest.mark.parametrize("attack", [a.name for a in ATTACKS.values() if a.key is Key.REQUIRED])
def test_honest_tokens_with_one_thing_wrong_are_signed_with_the_secret(attack: str) -> None:
    library = JWTLibrary(**NAMES)
    genuine = library.make_token(
        {"id": "u1", "session": "s1", "iss": "shop", "aud": "all"}, secret=SECRET, lifetime=timedelta(minutes=5)
    )
    forged = library.forge_token(genuine, attack, secret=SECRET)
    assert tokens.was_signed_by(forged, secret_key(SECRET))
    with pytest.raises(ValueError, match=r"give key=<PEM or path> or secret=<text>"):
        library.forge_token(genuine, attack)
    with pytest.raises(ValueError, match="the secret given did not sign the genuine token"):
        library.forge_token(genuine, attack, secret="x" * 40)


def test_another_key_is_of_the_same_kind() -> None:
    library = JWTLibrary(**NAMES)
    for genuine, header in [
        (token_of(algorithm="HS384"), "HS384"),
        (tokens.signed({"kid": "k"}, b"{}", rsa.generate_private_key(65537, 2048)), "RS256"),
        (tokens.signed({"kid": "k"}, b"{}", ec.generate_private_key(ec.SECP384R1())), "ES384"),
    ]:
        forged = library.forge_token(genuine, "foreign key")
        assert tokens.read(forged).header == tokens.read(genuine).header | {"alg": header}
        assert tokens.read(forged).signature != tokens.read(genuine).signature


def test_a_secret_that_the_attacker_chooses_goes_by_the_algorithm_of_the_platform() -> None:
    forged = JWTLibrary(**NAMES).forge_token(token_of(algorithm="HS512"), "hs256 with empty secret")
    assert tokens.was_signed_by(forged, secret_key(b"\0", "HS512")), "HMAC pads with zeros: one zero is as empty"


def test_names_of_claims_decide_what_is_spoilt() -> None:
    library = JWTLibrary(**NAMES)
    genuine = token_of()
    read = tokens.read(library.forge_token(genuine, "tampered claims"))
    assert (read.claims["id"], read.raw_signature) == (
        "00000000-0000-4000-8000-000000000000",
        tokens.read(genuine).raw_signature,
    )
    assert "sub" not in read.claims
    assert tokens.read(library.forge_token(genuine, "tampered roles")).claims["role"] == "admin"
    assert "session" not in tokens.read(library.forge_token(genuine, "missing session", secret=SECRET)).claims
    by_call = JWTLibrary().forge_token(genuine, "tampered claims", claims={"user": "id"})
    assert by_call == library.forge_token(genuine, "tampered claims")


@pytest.mark.parametrize(
    ("before", "after"), [(["user"], ["user", "admin"]), ("user", "admin"), (False, True), ([], ["admin"])]
)
def test_more_roles_keep_the_form_of_the_claim(before: Any, after: Any) -> None:
    forged = JWTLibrary().forge_token(token_of(roles=before), "tampered roles")
    assert tokens.read(forged).claims["roles"] == after


def test_a_number_stays_a_number_and_a_path_leads_inside() -> None:
    genuine = token_of(id=41, realm={"roles": ["user"]})
    library = JWTLibrary(user="id", roles="realm.roles")
    assert tokens.read(library.forge_token(genuine, "tampered claims")).claims["id"] == 42
    assert tokens.read(library.forge_token(genuine, "tampered roles")).claims["realm"] == {"roles": ["user", "admin"]}
    assert library.get_token_roles(genuine) == ["user"]


def test_attacks_that_could_show_nothing_are_neither_listed_nor_made() -> None:
    library = JWTLibrary(**NAMES)
    genuine = token_of()  # typ JWT, no kid, no aud
    listed = library.list_attacks(token=genuine)
    left_out = set(ATTACKS) - set(listed)
    assert left_out == {
        "hs256 with public key", "hs256 with public key without newline", "unknown kid", "blank kid", "missing kid",
        "wrong audience", "missing audience", "wrong type", "missing type", "null kid", "list kid", "numeric kid",
        "other audiences",
    }  # fmt: skip
    for attack in left_out:
        with pytest.raises(ValueError, match=f"the attack '{attack}' would show nothing: the genuine token"):
            library.forge_token(genuine, attack, secret=SECRET)
    for attack in listed:
        assert library.forge_token(genuine, attack, secret=SECRET) != genuine
    assert set(JWTLibrary().list_attacks(token=genuine)) == set(listed) - {
        "tampered claims", "tampered roles", "missing subject", "missing session", "duplicate claims",
        "numeric subject", "other subject", "unknown session", "misshapen session",
    }  # fmt: skip


@pytest.mark.parametrize("secret", ["", "secret", "SECRET", "changeme", "keyboard cat", "shop", "u1"])
def test_a_weak_secret_is_found(secret: str) -> None:
    weak = tokens.signed({}, tokens.to_json(tokens.read(token_of()).claims), secret_key(secret.encode() or b"\0"))
    with pytest.raises(AssertionError, match="the secret that signed the token is among the") as failure:
        JWTLibrary().token_secret_should_not_be_weak(weak)
    assert secret == "" or f"'{secret}'" not in str(failure.value)


def test_a_good_secret_is_not_found_and_the_tries_are_counted() -> None:
    library = JWTLibrary()
    tried = library.token_secret_should_not_be_weak(token_of())
    assert tried > len(WORDS)
    assert library.token_secret_should_not_be_weak(token_of(), words=["no such word"]) > tried


def test_own_words_are_tried_from_a_list_and_a_file(tmp_path: Path) -> None:
    library, file = JWTLibrary(), tmp_path / "words.txt"
    file.write_text("first\nacme-2026-chat-service-signing-secret\n", encoding="utf-8")
    weak = token_of("acme-2026-chat-service-signing-secret")
    library.token_secret_should_not_be_weak(weak)
    for words in (file, ["acme-2026-chat-service-signing-secret"]):
        with pytest.raises(AssertionError, match="is among"):
            library.token_secret_should_not_be_weak(weak, words=words)
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        library.token_secret_should_not_be_weak(weak, words=tmp_path / "gone.txt")


@pytest.mark.parametrize(("algorithm", "least"), LENGTHS.items())
def test_a_short_secret_is_weak(algorithm: str, least: int) -> None:
    long = (os.urandom(least).hex())[:least]
    made = {size: tokens.signed({}, b"{}", secret_key(long[:size], algorithm)) for size in (least, least - 1)}
    library = JWTLibrary()
    library.token_secret_should_not_be_weak(made[least], secret=long)
    with pytest.raises(AssertionError, match=f"shorter than the {least} bytes that {algorithm} needs"):
        library.token_secret_should_not_be_weak(made[least - 1], secret=long[:-1])
    with pytest.raises(ValueError, match="did not sign the token"):
        library.token_secret_should_not_be_weak(made[least], secret="another")


def test_a_token_of_a_key_pair_has_no_secret_to_guess() -> None:
    token = tokens.signed({"kid": "k"}, b"{}", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ValueError, match="signed with ES256, which has no secret that could be guessed"):
        JWTLibrary().token_secret_should_not_be_weak(token)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda lib, s: lib.make_token({}, secret=s, key="k.pem"), "give key= or secret=, not both"),
        (lambda lib, s: lib.make_token({}, secret=s, algorithm="RS256"), "algorithm 'RS256' has no secret; HS256,"),
        (lambda lib, s: lib.make_token({}, secret=""), "the secret is empty"),
        (lambda lib, s: lib.make_token({}, secret=f"-----BEGIN {s}"), "the secret is a PEM"),
        (lambda lib, s: lib.make_token({}, key=s), "cannot be read: No such file or directory; a symmetric key is"),
        (lambda lib, s: lib.make_token({}, key=s * 9), "the signing key cannot be read: File name too long;"),
        (lambda lib, s: lib.make_token({}, key=s + "\0"), "the signing key cannot be read: no path;"),
        (lambda lib, s: lib.verify_token(token_of(), s), "No such file or directory; a secret is given as secret="),
        (lambda lib, s: lib.verify_token(token_of()), "give jwks or secret=, one of them"),
        (lambda lib, s: lib.verify_token(token_of(), "x", secret=s), "give jwks or secret=, one of them"),
        (lambda lib, s: lib.verify_token(token_of(), secret=s, algorithms=["ES256"]), "not ES256"),
        (lambda lib, s: lib.forge_token(token_of(), "alg none", claims={"usr": s}), "no claim is known as 'usr';"),
        (
            lambda lib, s: lib.verify_token(
                tokens.signed({"kid": "k"}, b"{}", ec.generate_private_key(ec.SECP256R1())),
                {"keys": [{"kid": "k", "kty": "secretly", "d": s}]}, type=None,
            ),
            "the key 'k' of the JWKS cannot be used: kty 'secretly'",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused_without_the_secret(call: Any, message: str) -> None:
    with pytest.raises(ValueError) as failure:  # noqa: PT011
        call(JWTLibrary(), SECRET)
    assert message in str(failure.value)
    assert SECRET not in str(failure.value)


def test_a_key_signs_with_its_own_algorithm_only(tmp_path: Path) -> None:
    library = JWTLibrary()
    files = library.make_signing_key(tmp_path, "k1")
    assert tokens.read(library.make_token({}, key=files["key"], algorithm="ES256")).header["alg"] == "ES256"
    with pytest.raises(ValueError, match="this key signs with ES256, not HS256"):
        library.make_token({}, key=files["key"], algorithm="HS256")


def test_the_public_key_alone_makes_the_confusion(tmp_path: Path) -> None:
    library = JWTLibrary()
    key = rsa.generate_private_key(65537, 2048)
    genuine = tokens.signed({"kid": "k"}, b"{}", key)
    file = tmp_path / "public.pem"
    file.write_bytes(tokens.public_pem(key))
    forged = library.forge_token(genuine, "hs256 with public key", public_key=str(file))
    assert tokens.read(forged).header["alg"] == "HS256"
    assert forged == library.forge_token(genuine, "hs256 with public key", public_key=file.read_text())
    message, _, signature = forged.rpartition(".")
    assert tokens.decode(signature) == hmac.digest(tokens.public_pem(key), message.encode(), "sha256")
    file.write_text("no key")
    with pytest.raises(ValueError, match="the public key cannot be read as PEM"):
        library.forge_token(genuine, "hs256 with public key", public_key=str(file))


def test_a_secret_is_in_no_representation() -> None:
    assert SECRET not in repr(secret_key(SECRET)) + str(secret_key(SECRET))


def test_claims_are_found_by_name_before_path() -> None:
    nested = {"a.b": 1, "a": {"b": 2, "c": {"d": None}}}
    assert [claims.get(nested, name) for name in ("a.b", "a.c.d", "a.x", "x.y")] == [1, None, MISSING, MISSING]
    assert claims.changed(nested, {"a.c.d": 3, "a.b": None, "new.one": 4}) == {
        "a": {"b": 2, "c": {"d": 3}},
        "new.one": 4,
    }
    assert nested["a"] == {"b": 2, "c": {"d": None}}
    with pytest.raises(ValueError, match="the claim for 'user' needs a name"):
        ClaimNames.read({"user": ""})


def test_keywords_from_outside(tmp_path: Path) -> None:
    payload = tokens.to_json(tokens.read(token_of()).claims)
    token, weak = token_of(), tokens.signed({"typ": "JWT"}, payload, secret_key("changeme"))
    run = run_inner(
        INNER / "jwt_secrets", tmp_path, "--loglevel", "TRACE", variables={"TOKEN": token, "WEAK": weak}, SHOP=SECRET
    )
    run.all_as_declared()
    for text in (run.output, run.log, run.console):
        assert SECRET not in text
        assert "a-literal-0123456789" not in text
        assert token not in text
