"""The configuration of a Hub before PipalHub comes to it: users of the machine, who sign in with
its passwords, and services, roles and groups of the Hub's own.

The test appends the lines of the documentation.
"""

import sys

c = get_config()  # noqa: F821

c.ConfigurableHTTPProxy.command = ["/opt/node_modules/.bin/configurable-http-proxy"]
# Answers a request for a slow server with 202 at once, not with 500 after a while.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.Spawner.environment = {"COURSE": "of the Hub's own"}

c.Authenticator.allow_existing_users = True
c.JupyterHub.load_groups = {"course": {"users": []}}

c.JupyterHub.services = [
    # Stands for whatever a Hub runs beside itself.
    {"name": "culler", "command": [sys.executable, "-c", "import signal; signal.pause()"]},
    {"name": "tests", "api_token": "the-token-of-the-end-to-end-tests"},
]
c.JupyterHub.load_roles = [
    {
        "name": "culler",
        "services": ["culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    },
    {"name": "grader", "groups": ["course"], "scopes": ["list:groups"]},
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": [
            "admin:users",
            "admin:servers",
            "admin:groups",
            "tokens",
            "list:services",
            "read:services",
            "read:roles:services",
        ],
    },
]
