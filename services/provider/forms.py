"""Parameters of OAuth requests: each at most once, an empty one counts as absent (RFC 6749 §3.1, §3.2)."""

from __future__ import annotations

from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 50


def parameters(encoded: str) -> dict[str, str]:
    """The parameters of a query string or form body; ``ValueError`` where one came twice."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MAX_FIELDS):
        if name in found:
            raise ValueError(f"parameter {name!r} came more than once")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def form_parameters(content_type: str, body: bytes) -> dict[str, str]:
    """The parameters of a form; raises ``ValueError`` for another media type or text that is not UTF-8."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise ValueError(f"the body must be {FORM}")
    return parameters(body.decode())
