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

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from JWTLibrary import JWTLibrary, tokens, verification
from JWTLibrary.attacks import ATTACKS, DEEP, GIANT
from JWTLibrary.material import Key
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
    # Harmless to a verifier without limits of its own; their size and their repetition are what is wrong with them.
    if attack in ("giant token", "duplicate claims", "missing subject", "missing session"):
        return
    with pytest.raises(verification.RefusedError):
        verification.verify(forged, platform.jwks["keys"], STRICT)


@pytest.mark.parametrize("attack", [a.name for a in ATTACKS.values() if a.key is Key.REQUIRED])
def test_honest_tokens_with_one_thing_wrong_carry_the_real_signature(platform: Platform, attack: str) -> None:
    forged = forge(platform, attack)
    if attack != "critical extension":  # which every JOSE library refuses to look at
        assert tokens.was_signed_by(forged, platform.key)
    genuine, wrong = tokens.read(platform.token), tokens.read(forged)
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
