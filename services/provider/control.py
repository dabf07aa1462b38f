"""What tests set and read: users, faults, request counts. Only for holders of the service credential."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from services.common.http import service_credential
from services.common.json_bodies import Router
from services.common.problems import Problem
from services.provider.faults import Fault, Faults
from services.provider.registry import Registry, User
from services.provider.settings import Settings

Subject = Annotated[str, Path(min_length=1, max_length=255)]


class UserBody(BaseModel):
    """The settable part of a user."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
    name: str = Field(max_length=200)
    email_verified: bool = True


def router(settings: Settings, registry: Registry, faults: Faults, requests: Counter[str]) -> Router:
    """The routes under ``/control``."""
    routes = Router(prefix="/control", dependencies=[Depends(service_credential(settings))])

    @routes.put("/users/{sub}")
    async def put_user(sub: Subject, body: UserBody, response: Response) -> User:
        user = User(sub, body.email, body.name, body.email_verified)
        response.status_code = 201 if registry.put_user(user) else 200
        return user

    @routes.delete("/users/{sub}", status_code=204)
    async def delete_user(sub: Subject) -> None:
        if registry.users.pop(sub, None) is None:
            raise Problem(404, "not_found", "there is no such user")

    @routes.put("/faults", status_code=204)
    async def put_faults(fault: Fault) -> None:
        faults.put(fault)

    @routes.delete("/faults", status_code=204)
    async def clear_faults(email: str | None = None) -> None:
        faults.clear(email)

    @routes.get("/requests")
    async def request_counts() -> dict[str, int]:
        return dict(requests)

    return routes
