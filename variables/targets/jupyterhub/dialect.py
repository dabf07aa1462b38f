"""What facts cannot say of JupyterHub: the sign-in fills in a form, and asks for a token with the cookies of that."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from http.cookies import SimpleCookie
from typing import Any

Word = Generator[Any, Any, Any]
_SHORT = 8
_NOTE = "portable"


def sign_in(client: Any, values: Mapping[str, Any]) -> Word:
    """A token of an hour, on the page's word that the password is right."""
    return (yield from _signed_in(client, values, 3600))


def sign_in_short(client: Any, values: Mapping[str, Any]) -> Word:
    """A token of seconds."""
    return (yield from _signed_in(client, values, _SHORT))


def sessions(client: Any, values: Mapping[str, Any]) -> Word:
    """The tokens that sign-ins have made; the list has that of the user's server, too."""
    answer = yield client.get(f"/hub/api/users/{values['name']}/tokens", at="hub")
    if answer.status != 200:
        return client.refused(answer)
    return [{"session": token["id"]} for token in answer.json["api_tokens"] if token["note"] == _NOTE]


def _signed_in(client: Any, values: Mapping[str, Any], seconds: int) -> Word:
    page = yield client.get("/hub/login", at="proxy", role="none")
    hidden = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
    form = {"username": values["name"], "password": values["password"], "_xsrf": hidden[1] if hidden else ""}
    jar = _cookies({}, page)
    answer = yield client.post("/hub/login", at="proxy", role="none", form=form, headers=_sent(jar))
    if answer.status != 302:
        return client.refused(answer)
    jar = _cookies(jar, answer)
    home = yield client.get("/hub/home", at="proxy", role="none", headers=_sent(jar))
    jar = _cookies(jar, home)
    asked = {"expires_in": seconds, "note": _NOTE}
    headers = {**_sent(jar), "X-XSRFToken": jar.get("_xsrf", "")}
    path = f"/hub/api/users/{values['name']}/tokens"
    made = yield client.post(path, at="proxy", role="none", json=asked, headers=headers)
    if made.status != 201:
        return client.refused(made)
    return {"access": made.json["token"], "session": made.json["id"], "user": made.json["user"]}


def _cookies(jar: Mapping[str, str], answer: Any) -> dict[str, str]:
    """The jar with what an answer sets."""
    found = dict(jar)
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            found |= {key: morsel.value for key, morsel in SimpleCookie(value).items()}
    return found


def _sent(jar: Mapping[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
