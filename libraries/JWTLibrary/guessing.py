"""The keyword that tries the secrets that attackers try first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lockstep import masking
from robot.api.deco import keyword

from JWTLibrary import tokens
from JWTLibrary.symmetric import LENGTHS, SecretKey, Text, secret_key
from JWTLibrary.tokens import Token

WORDS = (
    "secret", "secrets", "s3cr3t", "s3cret", "mysecret", "my-secret", "my_secret", "topsecret", "top-secret",
    "supersecret", "super-secret", "super_secret", "verysecret", "your-secret", "your-secret-key", "your_secret_key",
    "secretkey", "secret-key", "secret_key", "mysecretkey", "my-secret-key", "my_secret_key", "jwtsecret",
    "jwt-secret", "jwt_secret", "jwtkey", "jwt-key", "jwt_key", "jwt", "token", "token-secret", "access-secret",
    "refresh-secret", "auth", "auth-secret", "session", "session-secret", "app-secret", "appsecret", "api-secret",
    "hmac", "hs256", "hs384", "hs512", "key", "mykey", "privatekey", "private-key", "private", "signing-key",
    "your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret", "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-384-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long", "shhhhh", "shhhhhhared-secret",
    "keyboard cat", "password", "passw0rd", "p@ssw0rd", "password1", "password123", "pass", "admin", "admin123",
    "root", "user", "guest", "changeme", "change-me", "change_me", "change-this", "change_this_secret", "changeit",
    "replaceme", "replace-me", "replace-with-random-value", "replace-with-secure-random-value", "default", "example",
    "sample", "demo", "test", "testing", "test-secret", "tests", "dev", "dev-secret", "development", "local",
    "localhost", "staging", "production", "prod", "letmein", "welcome", "qwerty", "abc123", "abcdef", "asdf", "foo",
    "bar", "foobar", "hello", "helloworld", "hello world", "todo", "xxx", "none", "null", "nil", "undefined", "false",
    "true", "0", "1", "123", "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890",
    "0123456789abcdef", "00000000000000000000000000000000",
)  # fmt: skip
"""Secrets out of tutorials, templates and lists of common passwords; each is tried in lower, upper and title case."""


class Guessing:
    """The keyword that attacks the secret of a platform's tokens, away from the platform."""

    @keyword(tags=("assertion", "verifying"))
    def token_secret_should_not_be_weak(
        self, token: Text, secret: Text | bytes | None = None, words: list[str] | Path | None = None
    ) -> int:
        """Passes when no common word is the secret that signed ``token`` (HS256, HS384 or HS512).

        Tried are the empty secret, some hundred common ones, the texts among the token's own claims, and ``words``, a
        list or a file with one on each line. With ``secret``, which must have signed the token, it must also have as
        many bytes as its algorithm's hash: 32, 48 or 64 (RFC 7518 §3.2). Returns how many secrets were tried. Nothing
        is sent to anybody, and the message does not say which word it was.

        | `Token Secret Should Not Be Weak`    ${ACCESS_TOKEN}
        | `Token Secret Should Not Be Weak`    ${ACCESS_TOKEN}    secret=${SECRET}    words=${CURDIR}/words.txt
        """
        text = masking.reveal(token)
        read = tokens.read(text)
        algorithm = str(read.header.get("alg"))
        if algorithm not in LENGTHS:
            raise ValueError(f"the token is signed with {algorithm}, which has no secret that could be guessed")
        if secret is not None:
            _check_length(secret_key(secret, algorithm), text)
        guesses = {guess.encode() for guess in _guesses(read, _listed(words))}
        if any(tokens.was_signed_by(text, SecretKey(guess, algorithm)) for guess in sorted(guesses)):
            raise AssertionError(
                f"the secret that signed the token is among the {len(guesses)} that were guessed: anyone who guesses "
                "it, too, signs tokens for any user (RFC 8725 §3.5)"
            )
        return len(guesses)


def has_secret(token: str) -> bool:
    """Whether a secret signed ``token``, by its own word (HS256, HS384 or HS512)."""
    return str(tokens.read(token).header.get("alg")) in LENGTHS


def signed_with_common_secrets(token: str) -> list[str]:
    """``token`` signed again by HS256, once with each of the common secrets."""
    read = tokens.read(token)
    header = tokens.encode(tokens.to_json({**read.header, "alg": "HS256"}))
    message = f"{header}.{read.raw_claims}"
    keys = [SecretKey(word.encode(), "HS256") for word in WORDS]
    return [f"{message}.{tokens.encode(key.sign(message.encode()))}" for key in keys]


def _check_length(key: SecretKey, text: str) -> None:
    if not tokens.was_signed_by(text, key):
        raise ValueError("the secret given did not sign the token, so nothing would be said of the right one")
    least = LENGTHS[key.algorithm]
    if len(key.secret) < least:
        raise AssertionError(f"the secret is shorter than the {least} bytes that {key.algorithm} needs (RFC 7518 §3.2)")


def _guesses(token: Token, words: Sequence[str]) -> Iterator[str]:
    yield from ("", "\0")
    for word in (*WORDS, *words):
        yield from (word, word.lower(), word.upper(), word.title())
    yield from _texts(token.claims)


def _texts(value: Any) -> Iterator[str]:
    """Each text in some claims, alone."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _texts(entry)


def _listed(words: list[str] | Path | None) -> list[str]:
    if isinstance(words, str | Path):
        try:
            return [line for line in Path(words).read_text(encoding="utf-8").splitlines() if line]
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise ValueError(f"the list of words {words} cannot be read: {reason}") from None
    return [str(word) for word in words or ()]
