"""The Hub of a fresh server, and in it the service by `pipalhub.configure`.

Participants' servers are containers, and their homes are volumes of Docker's engine. The
service runs as the user pipalhub, who can read none of them: started by the Hub, or by systemd
where the Debian package is installed.
"""

import json
import sys

c = get_config()  # noqa: F821
with open("/etc/jupyterhub/settings.json") as settings:
    here = json.load(settings)

c.JupyterHub.bind_url = here["bind_url"]
# The address of the server in the network of the containers.
c.JupyterHub.hub_ip = here["bridge"]
c.ConfigurableHTTPProxy.command = ["/opt/node_modules/.bin/configurable-http-proxy"]
# Answers a request for a slow server with 202 at once, not with 500 after a while.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}

# This authenticator has no list of users: those whom an admin has added may sign in.
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_existing_users = True
c.DummyAuthenticator.password = here["password"]
c.Authenticator.admin_users = {here["admin"]}
c.JupyterHub.load_groups = {
    "instructors": {"users": [here["instructor"]]},
    "helpers": {"users": [here["helper"]]},
}

c.JupyterHub.spawner_class = "docker"
c.DockerSpawner.image = here["image"]
# The test has loaded the image into the engine, and there is no registry.
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.remove = True
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.network_name = "bridge"
c.DockerSpawner.notebook_dir = "/home/jovyan/work"
c.DockerSpawner.volumes = {"home-{username}": "/home/jovyan/work"}
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120

c.JupyterHub.services = [{"name": "tests", "api_token": here["api_token"]}]
c.JupyterHub.load_roles = [
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": ["admin:users", "admin:servers", "tokens"],
    }
]

sys.path.insert(0, here["wheel"])
import pipalhub  # noqa: E402

# The service listens where the Hub does, because the loopback of the server is not that of a
# container.
pipalhub.configure(c, **here["pipalhub"])
