"""A socket of an attacker ends at its time limit, also where TLS has sent something and the platform nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme
from QuotaLibrary.sockets import Closable
from websockets.sync.client import connect

WITHIN = 10.0


def test_a_handshake_without_answer_ends_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as plain, served.wrap_socket(plain, server_side=True):
                ended.wait(60)

        def open_one() -> None:
            with pytest.raises(TimeoutError):
                connect(
                    f"wss://127.0.0.1:{listener.getsockname()[1]}/", ssl=trusting, open_timeout=0.5, proxy=None,
                    create_connection=Closable,
                )  # fmt: skip

        server = threading.Thread(target=serve, daemon=True)
        client = threading.Thread(target=open_one, daemon=True)
        server.start()
        client.start()
        client.join(WITHIN)
        hangs = client.is_alive()
        ended.set()
        server.join(WITHIN)
    assert not hangs
