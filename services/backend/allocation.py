"""Which seq each message of a commit group gets: pure, so that every mix of new, repeated and clashing can be tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

DUPLICATE, CONFLICT, NEW, NOT_FOUND, EARLY = "duplicate", "conflict", "new", "not_found", "early"


class Draft(NamedTuple):
    """A message before it has a seq. ``sender`` is a user's id, or ``assistant``; ``user_id`` the one who must own.

    An answer has the ``answer_id`` under which it is owed, and the seq of the message that it answers.
    """

    conversation_id: str
    user_id: str
    sender: str
    role: str
    client_msg_id: str
    body: str
    idempotency_key: str | None = None
    answer_id: str | None = None
    reply_to_seq: int = 0


class Conversation(NamedTuple):
    """A locked row of ``conversations``."""

    user_id: str
    epoch: str
    last_seq: int
    assistant: bool


class Stored(NamedTuple):
    """What the log already holds under a name."""

    seq: int
    body: str


class Place(NamedTuple):
    """What becomes of a draft: ``outcome`` is new, duplicate (``seq`` of the first), conflict, not_found, or early.

    An answer is early while the answer to an earlier message of its conversation is owed.
    """

    outcome: str
    seq: int = 0


Name = tuple[str, str, str, str]


def names(draft: Draft) -> list[Name]:
    """The names under which a repetition of ``draft`` is known."""
    found = [(draft.conversation_id, draft.sender, "id", draft.client_msg_id)]
    if draft.idempotency_key is not None:
        found.append((draft.conversation_id, draft.sender, "key", draft.idempotency_key))
    return found


def allocate(
    drafts: Sequence[Draft],
    conversations: Mapping[str, Conversation],
    stored: Mapping[Name, Stored],
    owed: Mapping[str, int],
) -> tuple[list[Place], dict[str, int]]:
    """A place for each draft, in their order, and the new ``last_seq`` of each conversation that grew.

    ``owed`` is the first message of each conversation whose answer is owed and not among ``drafts``.
    """
    known = dict(stored)
    heads: dict[str, int] = {}
    places: list[Place] = []
    for draft in drafts:
        conversation = conversations.get(draft.conversation_id)
        if conversation is None or conversation.user_id != draft.user_id:
            places.append(Place(NOT_FOUND))
            continue
        earlier = [known[name] for name in names(draft) if name in known]
        if earlier:
            places.append(_repetition(draft, earlier))
            continue
        if draft.answer_id is not None and draft.reply_to_seq > owed.get(draft.conversation_id, draft.reply_to_seq):
            places.append(Place(EARLY))
            continue
        seq = heads.get(draft.conversation_id, conversation.last_seq) + 1
        heads[draft.conversation_id] = seq
        known.update(dict.fromkeys(names(draft), Stored(seq, draft.body)))
        places.append(Place(NEW, seq))
    return places, heads


def _repetition(draft: Draft, earlier: Sequence[Stored]) -> Place:
    first = earlier[0]
    if any(one.body != draft.body or one.seq != first.seq for one in earlier):
        return Place(CONFLICT)
    return Place(DUPLICATE, first.seq)
