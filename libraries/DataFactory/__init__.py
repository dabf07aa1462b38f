"""Robot Framework library that makes users, identities, conversations and messages from one printed seed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from lockstep import masking, target
from lockstep.http import CallError, Service
from lockstep.listeners import LISTENERS
from lockstep.target import Descriptor
from robot.api import logger
from robot.api.deco import keyword, library
from robot.api.types import Secret

from DataFactory.randomness import Randomness, chosen_seed
from DataFactory.records import Conversation, Message, ProviderIdentity, User

__version__ = "1.0.0"
__all__ = ["Conversation", "DataFactory", "Message", "ProviderIdentity", "User"]
LARGEST_BATCH = 1000
FREE_EMAIL_ATTEMPTS = 5
AT_ONCE = 8


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False, listener=LISTENERS)
class DataFactory:
    """Makes users, provider identities, conversations and messages: realistic, and repeatable from one seed.

    | ${user} =    `Create User`
    | Log    ${user.name} <${user.email}> has the id ${user.id}
    | ${chat} =    `Create Conversation`    ${user}    messages=20
    | @{crowd} =    `Create Load Users`    100

    = Seed =

    The seed is the argument ``seed``, else the environment variable ``LOCKSTEP_SEED``, else a new one; it is printed.
    Each test draws from a stream of its own, made of the seed and the test's long name: parallel suites get different
    data, and the same test with the same seed gets the same data again, also when it is run alone.

    = Where the data is made =

    At the services of the target in use (PlatformLibrary), or at those named when the library is imported:

    | Library    DataFactory    auth_url=http://127.0.0.1:8001    backend_url=http://127.0.0.1:8002

    What needs the service credential says so; it is ``service_token``.

    Tokens and passwords are ``Secret``; no log shows them. A service that refuses fails the keyword with its answer.
    """

    def __init__(
        self,
        seed: str | None = None,
        auth_url: str | None = None,
        backend_url: str | None = None,
        provider_url: str | None = None,
        service_token: Secret | str | None = None,
        ca_file: str | None = None,
    ) -> None:
        found, made_up = chosen_seed(seed)
        self._random = Randomness(found)
        self._announce = made_up
        self._given = (
            Descriptor.from_dict(
                {
                    "target": "named at import",
                    "auth_url": auth_url,
                    "backend_urls": [backend_url] if backend_url else [],
                    "provider_url": provider_url,
                    "service_token": masking.reveal(service_token) if service_token else None,
                    "ca_file": ca_file,
                }
            )
            if auth_url or backend_url or provider_url
            else None
        )
        self._services: dict[tuple[str, str], Service] = {}

    @keyword(tags=("seed",))
    def get_seed(self) -> str:
        """The seed of this run; printed when it is first asked for and was not given."""
        if self._announce:
            self._announce = False
            logger.info(f"DataFactory seed: {self._random.seed} (LOCKSTEP_SEED={self._random.seed} repeats it)")
            logger.console(f"DataFactory seed: {self._random.seed}")
        return self._random.seed

    @keyword(tags=("users",))
    def create_user(
        self,
        client_id: str = "web",
        email: str | None = None,
        name: str | None = None,
        password: Secret | str | None = None,
        device: str | None = None,
    ) -> User:
        """Signs a new user up at auth, logs him in as ``client_id``, and returns him with his tokens.

        What is not given is drawn: a name in some script, an address on example.test, a password of 144 bits.
        """
        self.get_seed()
        chosen_name = name or self._random.person_name()
        chosen_password = masking.secret(masking.reveal(password) if password else self._random.password())
        address = self._sign_up(email, chosen_name, chosen_password)
        return self._log_in(address, chosen_password, client_id, device)

    def _sign_up(self, email: str | None, name: str, password: Secret) -> str:
        for attempt in range(FREE_EMAIL_ATTEMPTS):
            address = email or self._random.email(name)
            try:
                self._auth.call("POST", "/auth/signup", {"email": address, "password": password.value, "name": name})
            except CallError as error:
                # A target that lives longer than one run has met this seed before.
                if email or error.code != "email_taken" or attempt == FREE_EMAIL_ATTEMPTS - 1:
                    raise
            else:
                return address
        raise AssertionError("unreachable")

    @keyword(tags=("users",))
    def log_in_again(self, user: User, client_id: str | None = None, device: str | None = None) -> User:
        """A further login of ``user``: the same user with the tokens and ``session_id`` of a new session.

        | ${phone} =    `Log In Again`    ${user}    client_id=mobile    device=phone
        """
        if user.password is None:
            raise ValueError(f"{user.email} was made in a batch and has no password to log in with")
        return self._log_in(user.email, user.password, client_id or user.client_id, device)

    def _log_in(self, email: str, password: Secret, client_id: str, device: str | None) -> User:
        body = {"email": email, "password": password.value, "client_id": client_id}
        answer = self._auth.call("POST", "/auth/login", {**body, **({"device": device} if device else {})})
        return User.from_login(answer, client_id, password)

    @keyword(tags=("users", "service credential"))
    def create_load_users(
        self, count: int, client_id: str = "web", plan: str = "bulk", prefix: str | None = None
    ) -> list[User]:
        """``count`` users with tokens, made in batches by the service credential, without passwords.

        A login by password costs auth about 100 ms; a whole batch of 1,000 costs about as much as a few of them.
        """
        self.get_seed()
        made: list[User] = []
        while len(made) < count:
            body = {
                "count": min(LARGEST_BATCH, count - len(made)),
                "prefix": prefix or f"load-{self._random.stream.getrandbits(48):012x}",
                "plan": plan,
                "client_id": client_id,
                "login": True,
            }
            answer = self._admin("POST", "/admin/users/batch", body)
            if len(answer["users"]) != body["count"]:
                raise CallError(f"auth made {len(answer['users'])} users of a batch of {body['count']}")
            made += [User.from_login({**entry, "user": entry}, client_id, None) for entry in answer["users"]]
        return made

    @keyword(tags=("provider", "service credential"))
    def create_provider_identity(
        self, sub: str | None = None, email: str | None = None, name: str | None = None, email_verified: bool = True
    ) -> ProviderIdentity:
        """Makes somebody known to the OpenID provider, with whom a login there can be played through.

        With the ``sub`` of an identity that exists, that one gets the new e-mail and name.
        """
        self.get_seed()
        chosen_name = name or self._random.person_name()
        identity = ProviderIdentity(
            sub or self._random.uuid(), email or self._random.email(chosen_name), chosen_name, email_verified
        )
        body = {"email": identity.email, "name": identity.name, "email_verified": email_verified}
        self._provider.call("PUT", f"/control/users/{identity.sub}", body)
        return identity

    @keyword(tags=("conversations",))
    def create_conversation(
        self, user: User, title: str | None = None, assistant: bool = False, messages: int = 0
    ) -> Conversation:
        """A conversation of ``user`` at backend, with ``messages`` messages of his in it."""
        self.get_seed()
        body = {"title": title or self._random.title(), "assistant": assistant}
        made = self._call_as(user, "POST", "/api/conversations", body)
        conversation = Conversation(made["id"], made["title"], made["epoch"], made["assistant"], made["last_seq"])
        said = self.add_messages(user, conversation, messages) if messages else []
        return replace(conversation, messages=tuple(said), last_seq=said[-1].seq if said else made["last_seq"])

    @keyword(tags=("conversations",))
    def create_conversations(self, user: User, count: int = 5, messages: int = 20) -> list[Conversation]:
        """What somebody has after some weeks: ``count`` conversations with ``messages`` messages each."""
        return [self.create_conversation(user, messages=messages) for _ in range(count)]

    @keyword(tags=("conversations",))
    def create_conversation_for_each(self, users: list[User], assistant: bool = False) -> list[Conversation]:
        """An empty conversation for each of ``users``, in their order; several are made at a time."""
        self.get_seed()
        titles = [self._random.title() for _ in users]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return list(
                threads.map(lambda user, title: self.create_conversation(user, title, assistant), users, titles)
            )

    @keyword(tags=("conversations",))
    def add_messages(self, user: User, conversation: Conversation | str, count: int = 1) -> list[Message]:
        """``count`` further messages of ``user``; each is stored when this returns."""
        path = f"/api/conversations/{conversation if isinstance(conversation, str) else conversation.id}/messages"
        return [self._add_message(user, path) for _ in range(count)]

    def _add_message(self, user: User, path: str) -> Message:
        key = self._random.uuid()
        body = {"body": self._random.message(), "client_msg_id": key}
        made = self._call_as(user, "POST", path, body, {"Idempotency-Key": key})
        return Message(made["seq"], made["client_msg_id"], made["sender"], made["role"], made["body"])

    @keyword(tags=("values",))
    def get_random_message(self) -> str:
        """A text of the sort that users write, in some language."""
        return self._random.message()

    @keyword(tags=("values",))
    def get_random_messages(self, count: int) -> list[str]:
        """``count`` such texts."""
        return [self._random.message() for _ in range(count)]

    @keyword(tags=("values",))
    def get_random_uuid(self) -> str:
        """An id that nothing has; the form of all ids of the platform."""
        return self._random.uuid()

    @keyword(tags=("values",))
    def get_random_password(self) -> Secret:
        """A password of 144 bits, masked in the log."""
        return masking.secret(self._random.password())

    @keyword(tags=("values",))
    def list_forged_ids(self) -> list[str]:
        """Ids that must be answered as unknown or malformed, never with another's data and never with an error 500:
        a well-formed one that nobody has, the nil id, no UUID, blank, a path, SQL, a template, a very long one.
        """
        unknown = self._random.uuid()
        return [
            unknown,
            unknown.upper(),
            "00000000-0000-0000-0000-000000000000",
            "not-an-id",
            "%20",
            "..%2f..%2fetc%2fpasswd",
            "1'%20OR%20'1'='1",
            "%7B%7B7*7%7D%7D",
            "%00",
            "%F0%9F%94%91",
            "-1",
            "9" * 40,
            "a" * 4000,
        ]

    @property
    def _target(self) -> Descriptor:
        return self._given or target.current()

    @property
    def _auth(self) -> Service:
        found = self._target
        return self._service("auth", found.auth_url or str(found.needed("public_url")), None)

    def _admin(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        found = self._target
        service = self._service("auth", str(found.needed("auth_url")), str(found.needed("service_token")))
        return service.call(method, path, body)

    @property
    def _provider(self) -> Service:
        found = self._target
        return self._service("provider", str(found.needed("provider_url")), str(found.needed("service_token")))

    def _call_as(
        self, user: User, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Any:
        found = self._target
        url = found.backend_urls[0] if found.backend_urls else str(found.needed("public_url"))
        service = self._service("backend", url, None)
        return service.call(method, path, body, token=user.access_token, headers=headers)

    def _service(self, name: str, url: str, token: str | None) -> Service:
        key = (url, token or "")
        if key not in self._services:
            self._services[key] = Service(name, url, token, self._target.ca_file)
        return self._services[key]
