"""Keywords for roles: who may change them, and that a change counts everywhere within the promised time."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import Any

from lockstep.dialect import NotDescribed, Outcome, Session
from lockstep.dialect.performing import claims
from lockstep.dialect.steps import Step
from lockstep.masking import mask
from robot.api import logger

from .base import Base, same
from .described import word
from .ending import Ending
from .profiles import Profiles


class Rights(Base):
    """Change Role, Rights Should Follow Role, Users Should Not Give Themselves Rights."""

    @word("account")
    def change_role(self, session: Session) -> Session:
        """Gives the user the role ``roles.reduced``, which the returned session knows; NA on a given account."""
        self.must_be_ours(session, "change_role")
        role = self._reduced
        changed = self.stage.needed("change_role", session, role=role).session
        return changed.with_values({"role": role})

    @property
    def _reduced(self) -> str:
        roles = self.stage.dialect.roles
        if roles is None:
            raise self.stage.dialect.missing("roles")
        return roles.reduced

    @word("promise", "assertion")
    def rights_should_follow_role(self, session: Session, room: Any = None) -> None:
        """Passes when each endpoint goes by the new role within ``promises.ends.change_role.rights``.

        It shows the role, where its ``who`` reads ``role``, and refuses as ``forbidden`` what the role takes away
        (``roles.takes``). ``room`` is what those words are about; it holds messages already.
        """
        assert isinstance(self, Ending)
        promise = self.stage.dialect.promises.ending("change_role", "rights")
        roles = self.stage.dialect.roles
        if roles is None:
            raise self.stage.dialect.missing("roles")
        showing = [
            name
            for name in self.stage.endpoints
            if "role" in self.stage.dialect.read_by(self.stage.dialect.endpoint(name).who)
        ]
        taken = [name for name in roles.takes if self.stage.dialect.knows(name)]
        if not showing and not taken:
            raise NotDescribed("roles.takes", "no endpoint shows a role, and it takes nothing that is asked for")
        since = time.monotonic()
        for endpoint in showing:
            self._ends(
                f"the former role at {endpoint}", "change_role", promise, endpoint, since, session,
                lambda endpoint=endpoint: self._shows_role(endpoint, session),  # type: ignore[misc]
            )  # fmt: skip
        for name in taken:
            self._ends(
                f"the right to {name}", "change_role", promise, "", since, session,
                lambda name=name: self._is_taken(name, session, room),  # type: ignore[misc]
            )  # fmt: skip

    def _shows_role(self, endpoint: str, session: Session) -> bool:
        outcome = self.stage.who(endpoint, session)
        if not outcome.ok:
            raise AssertionError(f"{endpoint} does not recognise {session!r}: {mask(outcome.why)}")
        return same(outcome.read.get("role"), session.role)

    def _is_taken(self, name: str, session: Session, room: Any) -> bool:
        outcome = self.stage.perform(name, session, room=room, text="not allowed", key=str(uuid.uuid4()))
        if outcome.ok and not outcome.items and name == "history":
            # Some targets hide what may not be read.
            return True
        if not outcome.ok and not outcome.refused and "forbidden" not in outcome.classes:
            raise AssertionError(f"{name} was not refused in the dialect's words, but: {mask(outcome.why)}")
        return not outcome.ok

    @word("promise", "assertion")
    def socket_should_follow_role(self, socket: str, session: Session, room: Any) -> None:
        """Passes when an open socket may no longer send, within ``promises.ends.change_role.sockets``.

        NA where the role takes no right to send, or nothing is sent on sockets.
        """
        assert isinstance(self, Ending)
        roles, found = self.stage.dialect.roles, self.socket(socket)
        if roles is None or "send" not in roles.takes:
            raise self.stage.dialect.missing("roles.takes", "the role takes no right to send")
        if "send" not in found.line.facts.out:
            raise self.stage.dialect.missing("socket.send")
        promise = self.stage.dialect.promises.ending("change_role", "sockets")

        def has_ended() -> bool:
            asked = found.line.asking("send", room=room, text="not allowed", key=str(uuid.uuid4()))
            return not found.play(asked).ok

        endpoint = found.line.endpoint.name
        what = f"the right to send on the socket at {endpoint}"
        self._ends(what, "change_role", promise, endpoint, time.monotonic(), session, has_ended)

    @word("token", "assertion")
    def token_should_have_role(self, session: Session) -> None:
        """Passes when the access token names the role that the session knows (``token.claims.roles``).

        Where tokens are opaque, nothing is asked.
        """
        facts = self.stage.dialect.token
        if facts.form != "jwt":
            logger.info("tokens are opaque: their roles are the endpoints' affair")
            return
        claim = facts.claims.get("roles", "roles")
        known = claims(str(session.access)).get(claim)
        if known is None:
            raise AssertionError(f"the token has no claim {claim}, which is declared to hold the roles")
        roles = known if isinstance(known, list) else [known]
        if not any(same(role, session.role) for role in roles):
            raise AssertionError(f"the token's {claim} is {known}, not {session.role}")

    @word("account", "assertion")
    def users_should_not_give_themselves_rights(self, session: Session) -> None:
        """Tries as the user what only an administrator may, and a profile with rights in it (OWASP API3:2023).

        Passes when the role cannot be changed so, and each endpoint shows what it did before.
        """
        before = {name: self._shown(name, session) for name in self.stage.endpoints}
        role = self._reduced
        steps = tuple(replace(step, role="user") for step in self.stage.dialect.steps("change_role"))
        outcome = self._tried(steps, session, role)
        if outcome.ok:
            raise AssertionError(f"{session!r} could change their own role as an administrator does")
        status = outcome.answer.status if outcome.answer else None
        if not outcome.refused and (status is None or status >= 500):
            raise AssertionError(f"the change of the own role was not refused, but: {mask(outcome.why)}")
        if self.stage.dialect.knows("change_profile") and "change_profile" in self.stage.dialect.operations:
            rights = self._sent(steps[-1])
            profile = tuple(self._with_rights(step, rights) for step in self.stage.dialect.steps("change_profile"))
            self._tried(profile, session, role)
        for name, shown in before.items():
            if (now := self._shown(name, session)) != shown:
                raise AssertionError(f"a user has given themselves rights: {name} shows {now}, and showed {shown}")

    def _sent(self, step: Step) -> dict[str, Any]:
        """The mapping that a step sends, in its body or frame; empty where it sends something else."""
        frame = self.stage.dialect.frame(step)
        sent = frame.send if frame else step.body
        return sent if isinstance(sent, dict) else {}

    def _with_rights(self, step: Step, rights: dict[str, Any]) -> Step:
        """A step of a profile's change that sends the rights of another one, too."""
        if not (sent := self._sent(step)):
            return step
        frame = self.stage.dialect.frame(step)
        if frame:
            return replace(step, role="user", frame=replace(frame, send={**rights, **sent}))
        return replace(step, role="user", body={**rights, **sent})

    def _tried(self, steps: Any, session: Session, role: str) -> Outcome:
        assert isinstance(self, Profiles)
        arguments = {"role": role, **self._new_profile()}
        kept = {name: session.values[name] for name in ("name", "email") if name in session.values}
        return self.stage.driver.drive(self.stage.speaker.take(steps, session, "", {**arguments, **kept}))

    def _shown(self, endpoint: str, session: Session) -> dict[str, Any]:
        outcome = self.stage.who(endpoint, session)
        if not outcome.ok:
            raise AssertionError(f"{endpoint} does not recognise {session!r}: {mask(outcome.why)}")
        return dict(outcome.read)
