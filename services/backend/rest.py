"""The user's REST endpoints: who he is, his conversations and their messages (docs/protocol.md §3.1)."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from services.backend import allocation, capabilities, frames, messages
from services.backend.allocation import Draft
from services.backend.conversations import not_found
from services.backend.parts import Authenticated, ConversationId, Here, admit_address
from services.backend.preconditions import IfMatch, etag, idempotency_key, wanted_versions
from services.common import instants
from services.common.json_bodies import Router
from services.common.problems import Problem

router = Router(tags=["conversations"])


def _storable(text: str) -> str:
    if not frames.is_storable(text):
        raise ValueError("holds a character that cannot be stored")
    return text


def _short_enough(text: str) -> str:
    if len(text.encode()) > frames.MAX_BODY:
        raise ValueError(f"has more than {frames.MAX_BODY} bytes")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]


class NewConversation(BaseModel):
    """The body of ``POST /api/conversations``."""

    title: Annotated[Text, Field(min_length=1, max_length=200)]
    assistant: bool = False


class NewTitle(BaseModel):
    """The body of ``PATCH /api/conversations/{id}``."""

    title: Annotated[Text, Field(min_length=1, max_length=200)]


class NewMessage(BaseModel):
    """The body of ``POST /api/conversations/{id}/messages``."""

    body: Annotated[Text, Field(min_length=1), AfterValidator(_short_enough)]
    client_msg_id: Annotated[Text | None, Field(min_length=1, max_length=frames.MAX_CLIENT_MSG_ID)] = None


@router.get("/api/me", summary="Who the token names, and how its session was found live")
async def me(here: Here, caller: Authenticated) -> dict[str, Any]:
    """The user as the main DB knows him."""
    return {
        **caller.user.public(),
        "session": {
            "id": caller.token.session_id,
            "client_id": caller.token.client_id,
            "expires_at": instants.rfc3339_of_epoch(caller.token.expires_at),
        },
        "session_check": caller.session_check,
        "served_by": here.settings.instance,
    }


@router.get(
    "/api/capabilities",
    summary="Limits, windows, close codes and features; needs no token",
    dependencies=[Depends(admit_address)],
)
async def get_capabilities(here: Here) -> dict[str, Any]:
    """What a client may rely on."""
    return capabilities.describe(here.settings, shared_quotas=here.quotas.shared)


@router.get("/api/conversations", summary="Own conversations, oldest first")
async def list_conversations(
    here: Here,
    caller: Authenticated,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> dict[str, Any]:
    """A page, and in ``next`` what to give as ``after`` for the one that follows (null at the end)."""
    found = await here.conversations.list(caller.user.id, str(after) if after else None, limit)
    following = found[-1].id if len(found) == limit else None
    return {"conversations": [conversation.as_json() for conversation in found], "next": following}


@router.post("/api/conversations", status_code=201, summary="Make a conversation", responses={200: {}, 409: {}})
async def create_conversation(
    here: Here, caller: Authenticated, new: NewConversation, response: Response, key: Key = None
) -> dict[str, Any]:
    """201; 200 with the first one when its ``Idempotency-Key`` is repeated."""
    made, fresh = await here.conversations.create(caller.user.id, new.title, new.assistant, idempotency_key(key))
    if fresh:
        here.notices.events([caller.user.id])
    else:
        response.status_code = 200
    response.headers["ETag"] = etag(made.version)
    response.headers["Location"] = f"/api/conversations/{made.id}"
    return made.as_json()


@router.get("/api/conversations/{conversation_id}", summary="One conversation")
async def get_conversation(
    here: Here, caller: Authenticated, conversation_id: ConversationId, response: Response
) -> dict[str, Any]:
    """ETag is its version."""
    found = await here.conversations.get(caller.user.id, conversation_id)
    response.headers["ETag"] = etag(found.version)
    return found.as_json()


@router.patch("/api/conversations/{conversation_id}", summary="Rename", responses={412: {}, 428: {}})
async def rename_conversation(
    here: Here,
    caller: Authenticated,
    conversation_id: ConversationId,
    new: NewTitle,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Only on top of a version that ``If-Match`` names; else 412 with the current value."""
    bases = wanted_versions(if_match)
    renamed = await here.conversations.rename(caller.user.id, conversation_id, new.title, bases)
    if renamed is None:
        raise await _changed(here, caller, conversation_id)
    here.notices.events([caller.user.id])
    response.headers["ETag"] = etag(renamed.version)
    return renamed.as_json()


async def _changed(here: Here, caller: Authenticated, conversation_id: str) -> Problem:
    """412 with the current value; 404 where there is none."""
    current = await here.conversations.get(caller.user.id, conversation_id)
    validator = {"ETag": etag(current.version)}
    return Problem(412, "version_conflict", "it has changed", headers=validator, current=current.as_json())


@router.delete(
    "/api/conversations/{conversation_id}", status_code=204, summary="Delete with all messages", responses={412: {}}
)
async def delete_conversation(
    here: Here, caller: Authenticated, conversation_id: ConversationId, if_match: IfMatch = None
) -> None:
    """204, 404 where there is none, 412 where ``If-Match`` is sent and names another version."""
    bases = wanted_versions(if_match) if if_match is not None else None
    if not await here.conversations.delete(caller.user.id, conversation_id, bases):
        raise await _changed(here, caller, conversation_id)
    here.hub.drop_channel(conversation_id)
    here.notices.events([caller.user.id])


@router.get("/api/conversations/{conversation_id}/messages", summary="Messages, strictly by seq")
async def list_messages(
    here: Here,
    caller: Authenticated,
    conversation_id: ConversationId,
    after: Annotated[int, Query(ge=0, le=frames.MAX_SEQ)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> dict[str, Any]:
    """Those after seq ``after``."""
    conversation = await here.conversations.get(caller.user.id, conversation_id)
    found = await messages.read_after(here.database, conversation_id, after, limit)
    last_seq = max(conversation.last_seq, found[-1].seq if found else 0)
    return {"messages": [one.as_json() for one in found], "last_seq": last_seq, "epoch": conversation.epoch}


@router.post(
    "/api/conversations/{conversation_id}/messages",
    status_code=201,
    summary="Say something",
    responses={200: {}, 409: {}},
)
async def create_message(
    here: Here,
    caller: Authenticated,
    conversation_id: ConversationId,
    new: NewMessage,
    response: Response,
    key: Key = None,
) -> dict[str, Any]:
    """201 after its commit; 200 with the first one when ``Idempotency-Key`` or ``client_msg_id`` is repeated."""
    draft = Draft(
        conversation_id=conversation_id,
        user_id=caller.user.id,
        sender=caller.user.id,
        role="user",
        client_msg_id=new.client_msg_id or str(uuid.uuid4()),
        body=new.body,
        idempotency_key=idempotency_key(key),
    )
    place, message = await here.writer.write(draft)
    if place.outcome == allocation.NOT_FOUND:
        raise not_found()
    if place.outcome == allocation.CONFLICT or message is None:
        raise Problem(409, "idempotency_conflict", "this key or client_msg_id was used for another message")
    if place.outcome == allocation.DUPLICATE:
        response.status_code = 200
    return message.as_json()
