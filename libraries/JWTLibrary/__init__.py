"""Robot Framework library that reads, verifies, makes and forges JSON Web Tokens."""

from __future__ import annotations

from lockstep.listeners import LISTENERS
from robot.api.deco import library

from JWTLibrary.claims import ClaimNames
from JWTLibrary.elsewhere import Elsewhere
from JWTLibrary.forging import Forging
from JWTLibrary.guessing import Guessing
from JWTLibrary.naming import Naming
from JWTLibrary.reading import Reading

__version__ = "1.0.0"


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class JWTLibrary(Reading, Naming, Guessing, Forging, Elsewhere):
    """Reads, verifies, makes and forges JSON Web Tokens (RFC 7519) in compact form.

    A token may be a text or a ``Secret``. In the log it appears as ``<token 1a2b3c4d>``: the first eight hex digits of
    its SHA-256, the same in all places.

    = Verifying =

    ``jwks`` is a URL, a file, or the document itself. Only the algorithms of ``algorithms`` are accepted, ``exp`` is
    required and judged without leeway, the key is found by ``kid`` alone; ``jwk``, ``jku`` and ``x5u`` are ignored.
    `Verify Token In Another Process` lets a new process do it, which knows nothing but the keys' file, as
    ``python -m JWTLibrary verify --jwks FILE < token`` does by hand.

    = Forging =

    `Forge Token` makes the attack of a name from a genuine token; `List Attacks` names them all.

    Most attacks need no key of the platform. The others are honest tokens with one thing wrong: only the platform's
    real signing key makes them worth sending, since without it the bad signature alone gets them refused. For these
    ``key`` is the private key as PEM (text, ``Secret`` or path of a file); where a target is in use, its signing key is
    the default. The library checks that this key really signed the genuine token.

    | ${forged} =    `Forge Token`    ${ACCESS_TOKEN}    wrong audience    key=${KEY_FILE}
    | ${forged} =    `Forge Token`    ${ACCESS_TOKEN}    alg nOnE
    | ${attacks} =    `List Attacks`    token=${ACCESS_TOKEN}    needs_key=${False}

    = Secrets =

    Where one symmetric key signs and verifies (HS256, HS384, HS512; RFC 7518 §3.2) it is given as ``secret``: a text,
    whose UTF-8 is the key, a ``Secret``, or bytes. From then on it is masked; no message shows it, or a part of it.
    `Token Secret Should Not Be Weak` tries the secrets that attackers try first.

    | `Token Should Be Valid`    ${ACCESS_TOKEN}    secret=${SECRET}    algorithms=['HS512']    type=JWT
    | ${forged} =    `Forge Token`    ${ACCESS_TOKEN}    expired    secret=${SECRET}

    = Claim Names =

    Platforms name some claims otherwise. The names are given with the import, or to a keyword as ``claims``; those left
    out are ``user`` sub, ``session`` sid, ``roles`` roles, ``issuer`` iss, ``audience`` aud, ``expiry`` exp and
    ``issued`` iat. A name with dots is a path where no claim is named so: ``realm_access.roles``.

    | Library    JWTLibrary    user=id    session=session    roles=role
    | `Get Token User`    ${ACCESS_TOKEN}    ==    ${user.id}
    """

    def __init__(self, user: str = "sub", session: str = "sid", roles: str = "roles", **claims: str) -> None:
        """The names of the claims for the user, the session, the roles and others. See `Claim Names`."""
        names = ClaimNames.read({"user": user, "session": session, "roles": roles, **claims})
        Naming.__init__(self, names)
        Forging.__init__(self)
