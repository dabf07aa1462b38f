"""What a service counts about itself, as it shows it to Prometheus (text exposition format 0.0.4)."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping

from lockstep import reasons

_TIMEOUT = 2.0
_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?(?:\s+(?P<value>\S+)(?:\s+-?\d+)?)?$")
_LABEL = re.compile(r'(?P<name>[a-zA-Z_]\w*)="(?P<value>(?:[^"\\]|\\.)*)"')


def read(text: str, selector: str) -> float:
    """The sum of the samples that fit ``selector``, which is a name, or ``name{label="value", …}``.

    Raises AssertionError, with the samples of that name, where none fits; ValueError where the selector is none.
    """
    wanted = _SAMPLE.match(selector)
    if wanted is None:
        raise ValueError(f'{selector!r} is no metric: write name or name{{label="value"}}')
    same_name = [
        line for line in text.splitlines() if (sample := _SAMPLE.match(line)) and sample["name"] == wanted["name"]
    ]
    fitting = [line for line in same_name if _labels(wanted).items() <= _labels(_SAMPLE.match(line)).items()]
    if not fitting:
        raise AssertionError(f"there is no metric {selector}; there is {'; '.join(same_name) or 'none of that name'}")
    return sum(float(sample["value"]) for line in fitting if (sample := _SAMPLE.match(line)))


def _labels(sample: re.Match[str] | None) -> Mapping[str, str]:
    written = (sample["labels"] if sample else None) or ""
    return {label["name"]: label["value"] for label in _LABEL.finditer(written)}


def ask(url: str, ca_file: str | None) -> str:
    """One ``GET /metrics``; AssertionError where it is not answered with 200."""
    try:
        trust = ssl.create_default_context(cafile=ca_file) if url.startswith("https") else None
        with urllib.request.urlopen(f"{url}/metrics", timeout=_TIMEOUT, context=trust) as answer:  # noqa: S310 - from the descriptor
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError) as error:
        raise AssertionError(f"{url}/metrics gives nothing: {reasons.text(error)}") from None
