"""``./run up``: start a platform for use by hand, until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import httpx
from PlatformLibrary.profile import write_remote_profile

from launcher import attended, interrupts
from launcher.console import LaunchError, paint, say
from launcher.host import Host, HostLostError
from launcher.parsing import Parser
from launcher.paths import LAUNCHER, RESULTS

_PASSWORD_BYTES = 12


def main(argv: Sequence[str]) -> int:
    """Start the platform, say how to use it, and wait; Ctrl-C is then the ordinary end, with exit code 0.

    Raises ``LaunchError`` where the platform does not start, or ends by itself.
    """
    parser = Parser(prog="./run up", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path(os.environ.get("LOCKSTEP_RESULTS") or RESULTS),
                        metavar="DIR", help="its logs go to up/ in there (results/)")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="start a process again that has ended by itself")
    status = "in a second terminal: what runs, where, and what has ended; 1 where nothing is up"
    parser.add_argument("--status", action="store_true", help=status)
    asked = parser.parse_args(argv)
    folder = asked.results.absolute() / "up"
    if asked.status:
        return attended.show(folder)
    folder.mkdir(parents=True, exist_ok=True)
    profile = folder / "target.yaml"
    # Nobody controls a shared platform.
    host = Host(folder, {"shared": not asked.keep})
    code, is_up = 0, False
    try:
        descriptor = host.ready()
        write_remote_profile(descriptor, profile)
        operator = _operator_file(descriptor)
        _introduce(descriptor, _make_login(descriptor), profile, operator)
        attendant = attended.Attendant(host, descriptor, folder, keep=asked.keep)
        for line in attendant.table():
            say(f"  {line}")
        is_up = True
        host.wait_for_its_end(attendant.look)
    except KeyboardInterrupt:
        code = interrupts.stopping(is_up=is_up)
    except HostLostError as error:
        raise LaunchError(f"{error}; nothing is left.", code=1) from error
    finally:
        host.close()
        profile.unlink(missing_ok=True)
        (folder / attended.FILE).unlink(missing_ok=True)
    say("Stopped; nothing is left.")
    return code


def _make_login(descriptor: Mapping[str, Any]) -> dict[str, str]:
    """A user with a password, known to the provider too, so that both ways of logging in work."""
    login = {"email": "you@example.test", "name": "You", "password": secrets.token_urlsafe(_PASSWORD_BYTES)}
    trusted = ssl.create_default_context(cafile=descriptor["ca_file"])
    with httpx.Client(verify=trusted, timeout=10) as client:
        _expect(client.post(f"{descriptor['auth_url']}/auth/signup", json=login), 201)
        identity = {"email": "guest@example.test", "name": "Guest", "email_verified": True}
        bearer = {"Authorization": f"Bearer {descriptor['service_token']}"}
        made = client.put(f"{descriptor['provider_url']}/control/users/guest", json=identity, headers=bearer)
        _expect(made, 200, 201, 204)
    return login


def _expect(response: httpx.Response, *statuses: int) -> None:
    if response.status_code not in statuses:
        raise LaunchError(f"{response.request.url} answered {response.status_code}: {response.text[:500]}", code=1)


def _operator_file(descriptor: Mapping[str, Any]) -> Path:
    """The service credential for suites from outside: in the platform's own folder, which goes with it."""
    path = Path(descriptor["dir"]) / "operator.env"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write(f"export LOCKSTEP_SERVICE_TOKEN={descriptor['service_token']}\n")
    return path


def _introduce(descriptor: Mapping[str, Any], login: Mapping[str, str], profile: Path, operator: Path) -> None:
    rows = {
        "open": descriptor["public_url"],
        "login": "guest@example.test at the provider's page (no password)",
        "by API": f"{login['email']} with password {login['password']}: POST {descriptor['auth_url']}/auth/login",
        "auth": descriptor["auth_url"],
        "backend": " ".join(descriptor["backend_urls"]),
        "socket": descriptor["socket_url"],
        "auth DB": descriptor["auth_db_url"],
        "main DB": descriptor["main_db_url"],
        "Redis": descriptor["redis_url"],
        "CA": descriptor["ca_file"],
        "logs": f"tail -F {quote(str(Path(descriptor['dir']) / 'logs'))}/*.log",
        # In any folder of any terminal.
        "suites": f". {quote(str(operator))} && {quote(str(LAUNCHER))} critical --target {quote(str(profile))}",
    }
    say(paint("\nThe platform is up. Ctrl-C stops it.\n", "bold"))
    for label, value in rows.items():
        say(f"  {label:<8} {value}")
