"""Robot Framework library that reads, verifies, makes and forges JSON Web Tokens."""

from __future__ import annotations

from lockstep.listeners import LISTENERS
from robot.api.deco import library

from JWTLibrary.elsewhere import Elsewhere
from JWTLibrary.forging import Forging
from JWTLibrary.reading import Reading

__version__ = "1.0.0"


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class JWTLibrary(Reading, Forging, Elsewhere):
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
    | FOR    ${attack}    IN    @{{ $JWTLibrary.list_attacks(needs_key=False) }}
    """
