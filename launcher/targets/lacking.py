"""What a target lacks for a need of a test, after a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lockstep.dialect import Dialect
from lockstep.dialect.steps import WORDS
from PlatformLibrary.profile import Profile

from launcher.targets.findings import FAILS, UNTRIED, Findings
from launcher.targets.vocabulary import WHERE_DECLARED, Need

_COARSER = ("invalid", "unauthenticated")


class Lacking:
    """Says what is missing for a need, by what a dialect describes, what of it works, and what the run may control."""

    def __init__(self, dialect: Dialect, findings: Findings, profile: Profile, cause: str = "") -> None:
        """``cause`` is what nothing else could be tried for, where nobody could be signed in."""
        self._cause = cause
        self._dialect = dialect
        self._findings = findings
        self._profile = profile
        self.reasons: dict[str, str] = {}
        """Why, for each name that was missing."""

    @property
    def has_sockets(self) -> bool:
        """Whether an endpoint is described to have a socket."""
        described = self._dialect.socket is not None and "socket" not in self._dialect.absent
        return described and any(endpoint.socket for endpoint in self._dialect.endpoints.values())

    def __call__(self, need: Need) -> str:
        """The name that is missing, "" where one of the need is there."""
        reasons = {name: self._why(name) for name in sorted(need)}
        if not all(reasons.values()):
            return ""
        name, why = next(iter(reasons.items()))
        if self._cause and why.startswith("not tried"):
            name, why = self._cause, self._failing(self._cause) or "nobody is signed in"
        self.reasons[name] = why
        return name

    def _why(self, name: str) -> str:
        if "*" in name:
            # Which one it is, only the run knows.
            return ""
        if name.startswith(WHERE_DECLARED):
            lacks = self._missing(name.removeprefix(WHERE_DECLARED))
            return lacks if lacks.startswith("absent") else ""
        part, _, rest = name.partition(".")
        by_part: Mapping[str, Callable[[str], str]] = {
            "operations": self._operation,
            "endpoints": self._endpoint,
            "socket": self._socket,
            "refusals": self._refusal,
            "limits": self._limit,
            "stores": self._stores,
            "token": self._token,
            "accounts": self._accounts,
            "expiry": self._expiry,
            "private_platform": self._private,
            "control": self._control,
            "roles": self._roles,
            "credentials": self._credentials,
        }
        if part in by_part:
            return by_part[part](rest)
        return self._missing(name) if name in self._dialect.absent else ""

    def _missing(self, name: str) -> str:
        reason = self._dialect.missing(name).reason
        return reason if reason.startswith("absent") else "not described"

    def _failing(self, name: str) -> str:
        """Why something that is described is of no use, as far as a check knows."""
        found = self._findings.by_name.get(name)
        if found is not None and found.verdict == FAILS:
            return "fails"
        if found is not None and found.verdict == UNTRIED and name.startswith("operations."):
            return f"not tried: {found.says}"
        return ""

    def _operation(self, rest: str) -> str:
        word, _, entry = rest.partition(".read.")
        if word not in WORDS:
            # What a word lacks for an account, which only the run knows.
            return ""
        if not self._dialect.knows(word):
            return self._missing(f"operations.{word}")
        steps = self._dialect.operations.get(word, ())
        reads = word in self._dialect.methods or any(step.reads(entry) or entry in step.given for step in steps)
        if entry and not reads:
            return self._missing(f"operations.{word}.read.{entry}")
        return self._failing(f"operations.{word}")

    def _endpoint(self, rest: str) -> str:
        endpoints = self._dialect.endpoints.values()
        if rest == "who":
            asking = [endpoint for endpoint in endpoints if endpoint.who]
            if not asking:
                return self._missing("endpoints.who")
            return self._of_endpoints([endpoint.name for endpoint in asking], "who")
        return "" if any(endpoint.instance for endpoint in endpoints) else self._missing("endpoints.instance")

    def _of_endpoints(self, names: Sequence[str], what: str) -> str:
        bad = [name for name in names if not self._findings.is_good(f"endpoints.{name}.{what}")]
        if not bad:
            return ""
        failing = [name for name in bad if self._findings.verdict(f"endpoints.{name}.{what}") == FAILS]
        return f"fails at {', '.join(failing)}" if failing else f"not tried at {', '.join(bad)}"

    def _socket(self, rest: str) -> str:
        socket = self._dialect.socket
        if socket is None or "socket" in self._dialect.absent or f"socket.{rest}" in self._dialect.absent:
            return self._missing(f"socket.{rest}" if rest else "socket")
        if not rest:
            names = [endpoint.name for endpoint in self._dialect.endpoints.values() if endpoint.socket]
            return self._of_endpoints(names, "socket") if names else self._missing("socket")
        kind, _, reason = rest.partition(".")
        if kind == "refused":
            there = reason in socket.refused and f"refusals.{reason}" not in self._dialect.absent
        elif kind == "closes":
            there = reason in socket.closes
        elif kind == "resume":
            there = socket.resume != "none"
        else:
            there = rest in socket.out or bool(getattr(socket, rest, None))
        return self._failing(f"socket.{rest}") if there else self._missing(f"socket.{rest}")

    def _refusal(self, rest: str) -> str:
        described = next((name for name in (rest, *_COARSER) if name in self._dialect.refusals), None)
        return self._failing(f"refusals.{described}") if described else self._missing(f"refusals.{rest}")

    def _limit(self, rest: str) -> str:
        return "" if rest in self._dialect.limits else self._missing(f"limits.{rest}")

    def _stores(self, kind: str) -> str:
        names = [name for name, store in self._dialect.stores.items() if kind in store.find]
        if not names or "stores" in self._dialect.absent:
            return self._missing(f"stores.{kind}")
        return next(filter(None, (self._failing(f"stores.{name}.{kind}") for name in names)), "")

    def _token(self, rest: str) -> str:
        token = self._dialect.token
        if token.form != "jwt" or "token" in self._dialect.absent:
            return self._missing("token") if "token" in self._dialect.absent else "tokens are opaque"
        if rest == "keys" and not (token.keys or token.key):
            return self._missing("token.keys")
        return self._failing("token")

    def _accounts(self, _: str) -> str:
        return self._failing("accounts") if self._dialect.accounts else self._missing("accounts")

    def _expiry(self, _: str) -> str:
        known = self._dialect.token.form == "jwt" or {"access_ttl", "short_access_ttl"} & self._dialect.limits.keys()
        return "" if known else "no JWT, and no limits.access_ttl"

    def _private(self, _: str) -> str:
        can = self._profile.kind == "embedded" or "control.restart" in self._profile.capabilities
        return "" if can else "one platform for all suites, and control.restart is not described"

    def _roles(self, _: str) -> str:
        return "" if self._dialect.roles else self._missing("roles")

    def _credentials(self, rest: str) -> str:
        jar = bool(self._dialect.credentials and self._dialect.credentials.jar)
        return "" if jar or rest != "jar" else "no session lives in cookies"

    def _control(self, _: str) -> str:
        adapter = self._profile.control.get("adapter", "none") if self._profile.kind != "embedded" else "embedded"
        return "" if adapter != "none" else self._missing("control")
