"""What facts cannot say of JupyterHub: which tokens of a user are sign-ins, and whether one is good."""


def sessions(client, values):
    """The tokens that sign-ins have made; the list has that of the user's server, too."""
    answer = yield client.get(f"/hub/api/users/{values['name']}/tokens", at="hub")
    if answer.status != 200:
        return client.refused(answer)
    return [{"session": token["id"]} for token in answer.json["api_tokens"] if token["note"] == "portable"]


def revoke_all(client, values):
    """Ends them one by one, the own one last."""
    others = yield from sessions(client, values)
    for known in sorted(others, key=lambda one: one["session"] == values["session"]):
        yield client.delete(f"/hub/api/users/{values['name']}/tokens/{known['session']}", at="hub")
    return {}


def introspect(client, values):
    """The address is good for any token; the hub writes none of it into its log."""
    answer = yield client.get(f"/hub/api/authorizations/token/{values['token']}", at="hub", role="administrator")
    return {"active": answer.status == 200}
