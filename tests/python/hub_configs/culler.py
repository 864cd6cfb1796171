"""A Hub with an idle culler, a grader and roles of its own, among them one for every user."""

import sys

c = get_config()  # noqa: F821

c.JupyterHub.services = [
    {
        "name": "culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=900"],
    },
    {"name": "grader", "url": "http://127.0.0.1:9999", "api_token": "the-token-of-the-grader"},
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=grader"]},
    {
        "name": "culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["culler"],
    },
    {"name": "grader", "scopes": ["read:groups"], "services": ["grader"]},
    {"name": "instructor", "scopes": ["admin:servers"], "groups": ["staff"]},
]
c.JupyterHub.load_groups = {"staff": {"users": ["greta"], "properties": {"floor": 2}}}
c.JupyterHub.custom_scopes = {"custom:grader:mark": {"description": "Mark what was handed in"}}
c.Spawner.environment = {"COURSE": "python"}
c.Spawner.default_url = "/tree"
