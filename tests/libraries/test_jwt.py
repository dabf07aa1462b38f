"""JWTLibrary: each forged token is the attack that its name says, and each assertion keyword can fail."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from JWTLibrary import JWTLibrary, tokens, verification
from JWTLibrary.attacks import ATTACKS, DEEP, GIANT
from JWTLibrary.listening import KeyListener
from JWTLibrary.material import Key
from JWTLibrary.symmetric import SecretKey
from robot.api.types import Secret

from tests.libraries.inner import INNER, run_inner

STRICT = verification.Expectation(issuer="https://a.test", audience="lockstep-api", type="at+jwt")


@dataclass(frozen=True)
class Platform:
    """A signing key, its JWKS as a file, and a genuine token."""

    key: Any
    pem_file: Path
    jwks_file: Path
    token: str

    @property
    def jwks(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.jwks_file.read_text())
        return document


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    directory = tmp_path_factory.mktemp("platform")
    key = ec.generate_private_key(ec.SECP256R1())
    pem = directory / "key.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    jwks = directory / "jwks.json"
    jwks.write_text(json.dumps({"keys": [tokens.public_jwk(key, "k1")]}))
    now = int(time.time())
    claims = {"iss": "https://a.test", "aud": "lockstep-api", "sub": "u1", "sid": "s1", "jti": "j1"}
    times = {"iat": now, "nbf": now, "exp": now + 300}
    payload = tokens.to_json({**claims, **times, "roles": ["user"], "email": "ünï@example.test"})
    return Platform(key, pem, jwks, tokens.signed({"typ": "at+jwt", "kid": "k1"}, payload, key))


def forge(platform: Platform, attack: str, **more: Any) -> str:
    return str(JWTLibrary().forge_token(platform.token, attack, key=str(platform.pem_file), jwks=platform.jwks, **more))


def test_the_genuine_token_is_valid(platform: Platform) -> None:
    assert verification.verify(platform.token, platform.jwks["keys"], STRICT)["sub"] == "u1"


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_strict_verifier_refuses_every_attack(platform: Platform, attack: str) -> None:
    forged = forge(platform, attack)
    assert forged != platform.token
    # Harmless to a verifier that has no limits, and no sessions to look for.
    if attack in ("giant token", "missing session", "other subject", "unknown session", "misshapen session"):
        return
    with pytest.raises(verification.RefusedError):
        verification.verify(forged, platform.jwks["keys"], STRICT)


@pytest.mark.parametrize("attack", [a.name for a in ATTACKS.values() if a.key is Key.REQUIRED])
def test_honest_tokens_with_one_thing_wrong_carry_the_real_signature(platform: Platform, attack: str) -> None:
    forged = forge(platform, attack)
    if attack != "critical extension":  # which every JOSE library refuses to look at
        assert tokens.was_signed_by(forged, platform.key)
    genuine, wrong = tokens.read(platform.token), tokens.read(forged)
    if attack == "utf-16 header":
        assert forged.split(".")[1:2] == platform.token.split(".")[1:2]
    if attack == "nan expiry":
        assert wrong.claims["exp"] != wrong.claims["exp"]
    different = [
        name
        for one, other in ((genuine.header, wrong.header), (genuine.claims, wrong.claims))
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name)
    ]
    expected = {
        "expired": {"exp", "iat", "nbf"},
        "not yet valid": {"exp", "nbf"},
        "critical extension": {"crit", "urn:example:unknown"},
        "duplicate claims": set(),
    }
    assert set(different) == expected.get(attack, set(different[:1]))


@pytest.mark.parametrize("attack", [a.name for a in ATTACKS.values() if a.key is Key.REQUIRED])
def test_without_the_real_key_they_are_not_made(platform: Platform, attack: str) -> None:
    with pytest.raises(ValueError, match="needs the platform's real signing key"):
        JWTLibrary().forge_token(platform.token, attack)


def test_a_key_that_is_not_the_real_one_is_found_out(platform: Platform, tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ValueError, match="did not sign the genuine token"):
        JWTLibrary().forge_token(platform.token, "expired", key=Secret(pem))


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE"])
def test_unsigned_tokens_are_unsigned_and_name_their_algorithm(platform: Platform, spelling: str) -> None:
    forged = forge(platform, f"alg {spelling}")
    assert tokens.read(forged).header["alg"] == spelling
    assert forged.endswith(".")


@pytest.mark.parametrize(("attack", "end"), [("", b"\n"), (" without newline", b"")])
def test_a_confused_verifier_would_take_the_public_key_as_secret(platform: Platform, attack: str, end: bytes) -> None:
    forged = forge(platform, f"hs256 with public key{attack}")
    message, _, signature = forged.rpartition(".")
    secret = tokens.public_pem(platform.key).rstrip(b"\n") + end
    assert tokens.decode(signature) == hmac.digest(secret, message.encode(), hashlib.sha256)


def test_the_public_key_may_come_from_the_jwks_alone(platform: Platform) -> None:
    by_jwks = JWTLibrary().forge_token(platform.token, "hs256 with public key", jwks=str(platform.jwks_file))
    assert by_jwks == forge(platform, "hs256 with public key")
    with pytest.raises(ValueError, match="give jwks="):
        JWTLibrary().forge_token(platform.token, "hs256 with public key")


@pytest.mark.parametrize("attack", ["foreign jku", "foreign x5u", "foreign jwk"])
def test_who_follows_the_header_would_accept_the_attackers_key(platform: Platform, attack: str) -> None:
    library = JWTLibrary()
    forged = library.forge_token(platform.token, attack, url="http://127.0.0.1:9/keys")
    header = tokens.read(forged).header
    assert header[attack.split()[1]] in ("http://127.0.0.1:9/keys", library.get_attacker_jwks()["keys"][0])
    assert verification.verify(forged, library.get_attacker_jwks()["keys"], STRICT)["sub"] == "u1"


def test_sizes_are_as_announced(platform: Platform) -> None:
    assert len(forge(platform, "giant token")) > GIANT
    raw = forge(platform, "deep json").split(".")[1]
    assert tokens.decode(raw).count(b"[") >= DEEP


def test_duplicate_claims_are_both_in_the_text(platform: Platform) -> None:
    assert tokens.decode(forge(platform, "duplicate claims").split(".")[1]).count(b'"sub"') == 2


def test_by_moves_the_times(platform: Platform) -> None:
    from datetime import timedelta

    library, key = JWTLibrary(), str(platform.pem_file)
    expired = library.forge_token(platform.token, "expired", key=key, by=timedelta(seconds=3))
    early = library.forge_token(platform.token, "not yet valid", key=key, by=timedelta(seconds=1))
    assert time.time() - tokens.read(expired).claims["exp"] == pytest.approx(3, abs=1)
    assert verification.verify(early, platform.jwks["keys"], STRICT)["sub"] == "u1", "inside of the leeway"


def test_attacks_are_listed_by_need_and_row() -> None:
    library = JWTLibrary()
    with_key, without = library.list_attacks(needs_key=True), library.list_attacks(needs_key=False)
    assert set(with_key) | set(without) == set(library.list_attacks())
    assert "expired" in with_key
    assert "alg nOnE" in without
    assert library.list_attacks(row="J02") == ["alg none", "alg None", "alg NONE", "alg nOnE"]
    with pytest.raises(ValueError, match="unknown attack 'nome'; known are: flipped"):
        library.forge_token("a.b.c", "nome")


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_other_curves_get_their_algorithm(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    text = tokens.signed({"kid": "k"}, b"{}", key)
    assert jwt.get_unverified_header(text)["alg"] == tokens.algorithm_of(key)
    assert tokens.was_signed_by(text, key)


@pytest.fixture
def jwks_url(platform: Platform) -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = platform.jwks_file.read_bytes() if self.path == "/jwks" else b"gone"
            self.send_response(200 if self.path == "/jwks" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_keywords_from_outside(platform: Platform, jwks_url: str, tmp_path: Path) -> None:
    variables = {
        "TOKEN": platform.token,
        "KEY": str(platform.pem_file),
        "JWKS": str(platform.jwks_file),
        "JWKS_URL": jwks_url,
        "KEYS": str(tmp_path / "keys"),
    }
    run = run_inner(INNER / "jwt", tmp_path, variables=variables)
    run.all_as_declared()
    assert platform.token not in run.output
    assert stat.S_IMODE((tmp_path / "keys" / "k7.pem").stat().st_mode) == 0o600


NOW = int(time.time())
CLAIMS = {"sub": "u1", "jti": "j1", "iat": NOW, "nbf": NOW, "exp": NOW + 7200}


def made(platform: Platform, payload: bytes | dict[str, Any], header: bytes | None = None) -> str:
    head = header or b'{"alg":"ES256","typ":"at+jwt","kid":"k1"}'
    return tokens.signed_bytes(head, payload if isinstance(payload, bytes) else tokens.to_json(payload), platform.key)


def refusal(platform: Platform, text: str) -> str:
    with pytest.raises(verification.RefusedError) as refused:
        verification.verify(text, platform.jwks["keys"], verification.Expectation(type="at+jwt"))
    return str(refused.value)


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 10**400, -(10**400), 10**4200, "1", str(NOW + 300), True, None, [NOW]]
)
def test_times_are_numbers_that_a_calendar_has(platform: Platform, name: str, value: object) -> None:
    reason = refusal(platform, made(platform, {**CLAIMS, name: value}))
    assert f"its {name} is no number of seconds" in reason or "no JSON number" in reason or "cannot be read" in reason


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "9" * 5000])
def test_numbers_are_finite_wherever_they_stand(platform: Platform, number: str) -> None:
    payload = tokens.to_json(CLAIMS)[:-1] + f',"x":{{"y":[{number}]}}}}'.encode()
    assert "its payload cannot be read" in refusal(platform, made(platform, payload))


@pytest.mark.parametrize("name", ["exp", "iat", "sub", "jti"])
def test_an_access_token_has_what_rfc_9068_demands(platform: Platform, name: str) -> None:
    assert f'"{name}" claim' in refusal(platform, made(platform, {k: v for k, v in CLAIMS.items() if k != name}))


def test_another_kind_of_token_may_do_without(platform: Platform) -> None:
    text = made(platform, {"exp": NOW + 7200}, b'{"alg":"ES256","typ":"JWT","kid":"k1"}')
    assert verification.verify(text, platform.jwks["keys"], verification.Expectation(type="JWT")) == {"exp": NOW + 7200}


@pytest.mark.parametrize(("name", "value"), [("sub", 7), ("jti", 7), ("iss", ["a"]), ("aud", 7), ("aud", [7])])
def test_names_are_texts(platform: Platform, name: str, value: object) -> None:
    assert f"its {name} is n" in refusal(platform, made(platform, {**CLAIMS, name: value}))


@pytest.mark.parametrize("part", ["header", "payload"])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: text.encode("utf-16"), "is not UTF-8"),
        (lambda text: text.encode("utf-16-le"), "cannot be read"),
        (lambda text: b"\xef\xbb\xbf" + text.encode(), "cannot be read"),
        (lambda text: text.encode()[:-1] + b',"x":"\xff"}', "is not UTF-8"),
        (lambda text: text.encode()[:-1] + b',"x":1,"x":1}', "the name 'x' is there twice"),
        (lambda text: text.encode()[:-1] + b',"x":[{"y":1,"y":2}]}', "the name 'y' is there twice"),
        (lambda text: f"[{text}]".encode(), "is no JSON object"),
    ],
)
def test_header_and_claims_are_json_that_reads_one_way(platform: Platform, part: str, spoil: Any, reason: str) -> None:
    head = '{"alg":"ES256","typ":"at+jwt","kid":"k1"}'
    payload = tokens.to_json(CLAIMS)
    text = made(platform, payload, spoil(head)) if part == "header" else made(platform, spoil(payload.decode()))
    assert f"its {part} {reason}" in refusal(platform, text) or reason in refusal(platform, text)


def test_a_signature_by_a_secret_has_one_spelling() -> None:
    text = tokens.signed({"typ": "JWT"}, tokens.to_json({"exp": NOW + 7200}), SecretKey(b"k" * 32, "HS256"))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]
    JWTLibrary().token_should_be_valid(text, secret=b"k" * 32, type="JWT")
    JWTLibrary().token_should_be_invalid(other, secret=b"k" * 32, type="JWT", reason="it has another spelling")


def test_each_part_has_one_spelling(platform: Platform) -> None:
    head, claims, signature = platform.token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) ^ 1]
    for wrong, reason in (
        (f"{head}.{claims}.{signature}==", "its signature is padded"),
        (f"{head}=.{claims}.{signature}", "its header is padded"),
        (f"{head}.{claims}.{signature[:-1]}{last}", "Invalid crypto padding"),
        (f"{head}.{claims}.{signature}\n", "its signature is not base64url"),
        (f" {head}.{claims}.{signature}", "its header is not base64url"),
        (f"{head}.{claims}.{signature[:8]} {signature[8:]}", "its signature is not base64url"),
    ):
        assert reason in refusal(platform, wrong)


@pytest.mark.parametrize("name", ["kid", "typ", "alg"])
@pytest.mark.parametrize("value", [None, ["k1"], 7, {"a": 1}])
def test_header_parameters_are_texts(platform: Platform, name: str, value: object) -> None:
    header = tokens.to_json({"alg": "ES256", "typ": "at+jwt", "kid": "k1", name: value})
    assert f"its {name} is no text" in refusal(platform, made(platform, CLAIMS, header))


def test_a_wait_for_an_expiry_that_is_none_ends_at_once(platform: Platform) -> None:
    for value in (float("nan"), 10**400, "soon"):
        with pytest.raises(AssertionError, match="no usable exp"):
            JWTLibrary().wait_until_token_has_expired(made(platform, {**CLAIMS, "exp": value}))


def test_attacks_that_the_reference_must_refuse_are_listed() -> None:
    wanted = {
        "null kid", "list kid", "numeric kid", "text expiry", "nan expiry", "infinite expiry", "huge expiry",
        "huge issue time", "numeric subject", "other subject", "unknown session", "misshapen session", "utf-16 header",
    }  # fmt: skip
    assert wanted <= set(JWTLibrary().list_attacks())


def test_the_other_subject_may_be_a_real_one(platform: Platform) -> None:
    assert tokens.read(forge(platform, "other subject", other_user="u2")).claims["sub"] == "u2"


def test_the_attacker_s_address_serves_the_attacker_s_keys_and_notes_who_asks(platform: Platform) -> None:
    library = JWTLibrary()
    with KeyListener(library.get_attacker_jwks()) as listener:
        forged = library.forge_token(platform.token, "foreign jku", url=listener.url)
        header = tokens.read(forged).header
        assert (header["jku"], listener.asked) == (listener.url, [])
        with urlopen(header["jku"]) as answer:
            keys = json.load(answer)
        assert jwt.decode(forged, jwt.PyJWKSet.from_dict(keys)[header["kid"]], ["ES256"], options={"verify_aud": False})
        assert listener.asked == ["GET /keys"]
