"""A demo Hub on one machine, which `cargo xtask hub` runs.

Not for a class: all users have the same password, and all servers run as the user who started
the Hub. Of this a real Hub has the last lines, as docs/install.md shows them.
"""

import os
import sys

c = get_config()  # noqa: F821

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

# The package as it is here; a real Hub has it installed.
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "wheel"))
import pipalhub  # noqa: E402

pipalhub.configure(c, program=os.environ["DEMO_PROGRAM"], address=os.environ["DEMO_SERVICE"])
