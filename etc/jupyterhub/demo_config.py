"""A demo Hub on one machine, which `cargo xtask hub` runs.

Not for a class: all users have the same password, and all servers run as the user who started
the Hub. A real Hub uses only jupyterhub_config.py beside this file, which is loaded here
unchanged.
"""

import os

c = get_config()  # noqa: F821
load_subconfig(os.path.join(os.path.dirname(__file__), "jupyterhub_config.py"))  # noqa: F821

instructor = os.environ["DEMO_INSTRUCTOR"]
helper = os.environ["DEMO_HELPER"]
participants = os.environ["DEMO_PARTICIPANTS"].split()

c.JupyterHub.bind_url = os.environ["DEMO_URL"]
c.JupyterHub.hub_port = int(os.environ["DEMO_HUB_PORT"])
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['DEMO_PROXY_PORT']}"
c.ConfigurableHTTPProxy.command = [os.environ["DEMO_PROXY"]]
# The request that starts a slow server must not end with a 500.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["DEMO_PASSWORD"]
c.Authenticator.allowed_users = {instructor, helper, *participants}
c.JupyterHub.load_groups = {
    "instructors": {"users": [instructor]},
    "helpers": {"users": [helper]},
}

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = os.environ["PIPALHUB_HOMES"].replace(
    "{user}", "{username}"
)
if os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]
