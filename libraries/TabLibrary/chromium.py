"""A real Chromium, driven by the Browser library: found, started, and ended with the robot."""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lockstep.applicability import not_applicable
from PlatformLibrary.embedded.system import die_with_parent

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NAMED = "LOCKSTEP_CHROMIUM"
EXTRA = "requirements-browser.txt"
"""Where the Browser library is pinned, with the Node.js that it brings along."""
_PACKAGES = ("Browser", "BrowserBatteries")
_VERBS = Path(__file__).with_name("tabs.js")
_CALL = "lockstepTab"
_COLOUR = re.compile(r"\x1b\[\d*m")
# Pages with sockets are kept for Back since Chromium 149; the driver turns that off by itself.
_LEFT_OUT = ["--disable-back-forward-cache"]


def program() -> str | None:
    """The Chromium that is named (``LOCKSTEP_CHROMIUM``), or that this machine has."""
    named = os.environ.get(NAMED)
    return shutil.which(named) if named else next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def needed() -> str:
    """The program; ends the test, or the suite whose setup runs, as NA where it or its driver is not installed."""
    if lacking := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
        not_applicable(
            "browser.driver",
            f"{lacking[0]} is not installed; ./run browser installs it where there is a Chromium, or: "
            f".venv/bin/python -m pip install -r {EXTRA}",
        )
    if (found := program()) is None:
        named = os.environ.get(NAMED)
        what = f"{NAMED}={named} is no program" if named else f"there is no {' or '.join(PROGRAMS[:3])} on PATH"
        not_applicable("browser.chromium", f"{what}; on Debian: apt-get install chromium; or name one by {NAMED}")
    return found


class Chromium:
    """One browser process; each profile in it has cookies of its own."""

    def __init__(self, origin: str, ca_file: str | None) -> None:
        self.origin = origin
        self._node: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._downloads = tempfile.mkdtemp(prefix="lockstep-tabs-")
        self._library: Any = None
        atexit.register(self.close)
        try:
            self._start(needed(), ca_file)
        except BaseException:
            self.close()
            raise

    def _start(self, executable: str, ca_file: str | None) -> None:
        import BrowserBatteries
        from Browser import Browser, SupportedBrowsers
        from Browser.utils.data_types import PlaywrightLogTypes

        home = Path(BrowserBatteries.__file__).parent / "bin"
        self._port = _free_port()
        # The driver ends with this robot, however that ends, and the browser with its driver.
        self._node = subprocess.Popen(
            [str(home / "node"), str(home / "wrapper" / "index.js"), "127.0.0.1", str(self._port)],
            cwd=home / "wrapper", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": self._downloads, "PLAYWRIGHT_BROWSERS_PATH": "0"},
            preexec_fn=die_with_parent(),
        )  # fmt: skip
        self._library = Browser(
            enable_playwright_debug=PlaywrightLogTypes.disabled,
            playwright_process_host="127.0.0.1",
            playwright_process_port=self._port,
        )
        arguments = ["--disable-gpu", "--disable-dev-shm-usage"]
        if ca_file and (key := _trusted(self.origin, ca_file)):
            arguments.append(f"--ignore-certificate-errors-spki-list={key}")
        self._library.new_browser(
            SupportedBrowsers.chromium, executablePath=executable, args=arguments, ignoreDefaultArgs=_LEFT_OUT
        )
        self._library.init_js_extension(_VERBS)

    def call(self, verb: str, **options: Any) -> Any:
        """What the verb of ``tabs.js`` returns; raises ``AssertionError`` with the driver's reason.

        The library's own way writes a line into the log for each call, and a wait has many.
        """
        from Browser.generated.playwright_pb2 import Request

        arguments = [["verb", verb], ["options", options], ["browser", "RESERVED"]]
        asked = Request().KeywordCall(name=_CALL, arguments=json.dumps({"arguments": arguments}))
        try:
            with self._library.playwright.grpc_channel() as stub:
                parts = [answer.bodyPart or answer.json for answer in stub.CallExtensionKeyword(asked)]
        except AssertionError as error:
            raise AssertionError(_said(str(error))) from None
        return json.loads("".join(parts) or "null")

    def close(self) -> None:
        """End the browser and its driver; what they have written goes with them."""
        atexit.unregister(self.close)
        if self._library is not None:
            with contextlib.suppress(Exception):
                self.call("end")
            self._library = None
        if self._node is not None:
            self._node.kill()
            self._node.wait()
            self._node = None
        shutil.rmtree(self._downloads, ignore_errors=True)


def _said(text: str) -> str:
    """The driver's reason in one line: what it says first, and what it has waited for."""
    lines = [_COLOUR.sub("", line).strip(" -") for line in text.splitlines()]
    waited = next((line for line in lines if line.startswith("waiting for")), "")
    return f"{lines[0]} ({waited})" if waited else lines[0] if lines else text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _trusted(origin: str, ca_file: str) -> str | None:
    """The digest of the key of the server's certificate, which this run's CA has signed (the browser knows no file)."""
    where = urlsplit(origin)
    if where.scheme != "https" or not where.hostname:
        return None
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection((where.hostname, where.port or 443), 10) as plain,
        context.wrap_socket(plain, server_hostname=where.hostname) as secured,
    ):
        certificate = secured.getpeercert(binary_form=True)
    assert certificate is not None
    key = x509.load_der_x509_certificate(certificate).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return base64.b64encode(digest).decode()
