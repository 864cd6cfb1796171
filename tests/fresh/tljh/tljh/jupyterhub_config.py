"""The configuration of The Littlest JupyterHub: what it sets itself, then each file of
jupyterhub_config.d in the order of their names."""

import sys
from glob import glob

from tljh.user_creating_spawner import UserCreatingSpawner

c = get_config()  # noqa: F821

c.JupyterHub.spawner_class = UserCreatingSpawner
c.JupyterHub.cleanup_servers = False
c.JupyterHub.hub_port = 15001
c.JupyterHub.base_url = "/"
c.ConfigurableHTTPProxy.command = ["/opt/node_modules/.bin/configurable-http-proxy"]

c.SystemdSpawner.extra_paths = ["/opt/tljh/user/bin"]
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.unit_name_template = "jupyter-{USERNAME}"
c.SystemdSpawner.username_template = "jupyter-{USERNAME}"
c.Spawner.mem_limit = None
c.Spawner.cpu_limit = None
c.Spawner.default_url = "/lab"

c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
c.FirstUseAuthenticator.create_users = False
c.FirstUseAuthenticator.allow_all = True
c.Authenticator.allowed_users = set()
c.Authenticator.admin_users = {"ada"}

culler = [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=600", "--cull-every=60"]
c.JupyterHub.services = []
c.JupyterHub.services.append({"name": "cull-idle", "admin": True, "command": culler})

for file in sorted(glob("/opt/tljh/config/jupyterhub_config.d/*.py")):
    load_subconfig(file)  # noqa: F821
