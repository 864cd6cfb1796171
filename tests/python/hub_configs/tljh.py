"""The shape of The Littlest JupyterHub: files in jupyterhub_config.d beside this one come last.

Its spawner makes the users, its proxy runs beside it, and its culler is a service.
"""

import glob
import os
import sys
import types

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import List

c = get_config()  # noqa: F821


class SystemdSpawner(LocalProcessSpawner):
    """Stands for the one that is not installed here."""

    extra_paths = List().tag(config=True)


tljh = types.ModuleType("tljh.user_creating_spawner")
exec("class UserCreatingSpawner(Base): pass", {**vars(tljh), "Base": SystemdSpawner}, vars(tljh))

c.JupyterHub.spawner_class = tljh.UserCreatingSpawner
c.JupyterHub.cleanup_servers = False
c.JupyterHub.hub_port = 15001
c.SystemdSpawner.extra_paths = ["/opt/tljh/user/bin"]
c.SystemdSpawner.environment = {"PIP_USER": "1"}
c.JupyterHub.services = [
    {"name": "cull-idle", "command": [sys.executable, "-m", "jupyterhub_idle_culler"]},
]
c.JupyterHub.load_roles = [
    {"name": "cull-idle", "scopes": ["list:users", "admin:servers"], "services": ["cull-idle"]},
    {"name": "user", "scopes": ["self", "read:users!user"]},
]
c.Spawner.default_url = "/tree"
c.Authenticator.admin_users = {"ada"}

here = os.path.dirname(os.path.abspath(__file__))
for file in sorted(glob.glob(os.path.join(here, "jupyterhub_config.d", "*.py"))):
    load_subconfig(file)  # noqa: F821
