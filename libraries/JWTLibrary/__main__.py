"""Verifies a token by hand, in a process of its own: ``python -m JWTLibrary verify --jwks KEYS < token``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from .verification import Expectation, RefusedError, load_jwks, verify

REFUSED, UNUSABLE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints ``{"pid", "claims"}`` of a valid token, or ``{"pid", "refused"}``.

    Exit code: 0 valid, 1 refused, 2 nothing could be judged.
    The token is read from standard input: what stands on a command line can be read by everybody.
    """
    options = _options(arguments)
    expected = Expectation(options.issuer, options.audience, type=options.type)
    try:
        claims = verify(sys.stdin.read().strip(), load_jwks(options.jwks), expected)
    except RefusedError as refusal:
        print(json.dumps({"pid": os.getpid(), "refused": str(refusal)}))
        return REFUSED
    except (OSError, ValueError) as error:
        print(f"the keys cannot be read: {error}", file=sys.stderr)
        return UNUSABLE
    print(json.dumps({"pid": os.getpid(), "claims": claims}))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m JWTLibrary", description="Verify tokens.")
    verifying = parser.add_subparsers(required=True, metavar="verify").add_parser("verify", help="verify one token")
    verifying.add_argument("--jwks", required=True, metavar="FILE|URL", help="the keys")
    verifying.add_argument("--issuer", help="who must have issued it")
    verifying.add_argument("--audience", help="whom it must be for")
    verifying.add_argument("--type", default="at+jwt", help="its typ (at+jwt)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
