"""A JupyterHub for one machine and any user name: one password, servers as processes of whoever runs it."""

import os
from pathlib import Path

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets gives it
work = Path(os.environ["WORK"])

c.JupyterHub.bind_url = f"http://127.0.0.1:{os.environ['JUPYTERHUB_PROXY_PORT']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{os.environ['JUPYTERHUB_HUB_PORT']}"
c.JupyterHub.db_url = f"sqlite:///{work}/jupyterhub.sqlite"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
# Users' servers outlive the hub, which finds them again when it is back.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.services = [{"name": "lockstep", "api_token": os.environ["JUPYTERHUB_SERVICE_TOKEN"], "admin": True}]
c.JupyterHub.load_roles = [
    {
        "name": "lockstep",
        "scopes": ["admin:users", "admin:servers", "groups", "tokens", "access:servers", "list:services", "read:hub"],
        "services": ["lockstep"],
    },
    # A member may use a server of their own, and look at and end tokens of their own, as on the page "Token".
    {"name": "member", "scopes": ["self"], "groups": ["members"]},
    {"name": "guest", "scopes": ["read:users!user", "tokens!user"], "groups": ["guests"]},
    {"name": "user", "scopes": ["read:users:name!user"]},
]
c.JupyterHub.load_groups = {"members": {"users": []}, "guests": {"users": []}}
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = os.environ["JUPYTERHUB_PROXY_API_URL"]
c.DummyAuthenticator.password = os.environ["JUPYTERHUB_PASSWORD"]
# Whoever has an account may sign in; nobody gets one by signing in.
c.Authenticator.allow_all = False
c.Authenticator.allow_existing_users = True
c.Spawner.cmd = [os.environ["PYTHON"], "-m", "jupyterhub.singleuser"]
c.Spawner.ip = "127.0.0.1"
c.Spawner.args = ["--allow-root", "--KernelManager.shutdown_wait_time=1"]
# Who deletes a user waits until the user's server has ended, also on a busy machine.
c.JupyterHub.tornado_settings = {"slow_stop_timeout": 60}
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = 300
c.Spawner.start_timeout = 300
c.SimpleLocalProcessSpawner.home_dir_template = f"{work}/{{username}}"
