"""JupyterHub with PipalHub: loads on JupyterHub 5.5 and 6.1.

Install it as the Hub's own configuration, or take it into one you have with
`load_subconfig("/path/to/this/jupyterhub_config.py")`. It configures neither the
authenticator nor the spawner: those stay yours. Later settings override it; add to its
lists with `c.JupyterHub.services.append(...)` and the like.
"""

import os

c = get_config()  # noqa: F821

# The service's program, where participants' notebooks live ({user} stands for the
# participant's name), where the service keeps its database, and the address it listens
# on.
PIPALHUB_BIN = os.environ.get("PIPALHUB_BIN", "pipalhub")
PIPALHUB_HOMES = os.environ.get("PIPALHUB_HOMES", "/home/{user}")
PIPALHUB_DATA = os.environ.get("PIPALHUB_DATA", "/var/lib/pipalhub")
PIPALHUB_BIND = os.environ.get("PIPALHUB_BIND", "127.0.0.1:10101")

# Every other setting of the service can be set in the Hub's environment too, by its name in
# docs/settings.md: PIPALHUB_LOG, PIPALHUB_HISTORY_DAYS, PIPALHUB_NO_HISTORY=1, ...
SET_ELSEWHERE = {
    "PIPALHUB_BIN",
    "PIPALHUB_HOMES",
    "PIPALHUB_DATA",
    "PIPALHUB_BIND",
    # Not used under a Hub.
    "PIPALHUB_TOKEN",
    "PIPALHUB_TOKEN_FILE",
}
SETTINGS = {
    name: value
    for name, value in os.environ.items()
    if name.startswith("PIPALHUB_") and name not in SET_ELSEWHERE
}

# The service, started by the Hub and seen at <hub>/services/dashboard/.
c.JupyterHub.services = [
    {
        "name": "dashboard",
        "url": f"http://{PIPALHUB_BIND}",
        "command": [
            PIPALHUB_BIN,
            "serve",
            "--homes",
            PIPALHUB_HOMES,
            "--data",
            PIPALHUB_DATA,
        ],
        # Of its environment the Hub passes on only PATH, the language and JUPYTERHUB_*; the
        # service needs only its settings in addition.
        "environment": SETTINGS,
        # It belongs to the Hub, so users are not asked to confirm the sign-in.
        "oauth_no_confirm": True,
        # The scopes that a session in the service may have, if its user has them: without
        # the custom scopes in this list no user would be an instructor or a helper there.
        "oauth_client_allowed_scopes": [
            "access:services!service=dashboard",
            "custom:pipalhub:read",
            "custom:pipalhub:write",
        ],
    }
]

# The scopes to see all notebooks (read), and to change the class as well (write).
c.JupyterHub.custom_scopes = {
    "custom:pipalhub:read": {
        "description": "See every participant's notebooks in PipalHub",
    },
    "custom:pipalhub:write": {
        "description": "Change the class in PipalHub",
        "subscopes": ["custom:pipalhub:read"],
    },
}

# Users in the group `instructors` are instructors, and so are the Hub's admins (not with
# PIPALHUB_ADMINS_BY_SCOPE=1: then they need the group too). Users in the group `helpers` see as
# much and change nothing. Add users to the groups on the Hub's admin page: a restart keeps them.
# (An authenticator that manages groups itself forbids load_groups: then set it to {} afterwards
# and let the authenticator provide the groups.)
c.JupyterHub.load_groups = {"instructors": {"users": []}, "helpers": {"users": []}}
c.JupyterHub.load_roles = [
    {
        "name": "instructor",
        "description": "Sees everyone's notebooks in PipalHub and changes the class",
        "scopes": [
            "access:services!service=dashboard",
            "custom:pipalhub:write",
        ],
        "groups": ["instructors"],
    },
    {
        "name": "helper",
        "description": "Sees everyone's notebooks in PipalHub",
        "scopes": [
            "access:services!service=dashboard",
            "custom:pipalhub:read",
        ],
        "groups": ["helpers"],
    },
    {
        # `self` is what this built-in role holds by default and must be kept.
        # The access lets every user open the service, where participants see their own notebooks.
        "name": "user",
        "description": "A participant: their own server, their own notebooks",
        "scopes": ["self", "access:services!service=dashboard"],
    },
]

# Since JupyterHub 5 no user may sign in unless the configuration allows it. Here that is every
# user whom an admin has added on the Hub's admin page, and with PAM, the default authenticator,
# every user with an account on the machine. For another authenticator you must configure the
# allowed users: with most of them "all" would be the whole internet.
c.Authenticator.allow_existing_users = True
c.PAMAuthenticator.allow_all = True

# Participants start in JupyterLab.
c.Spawner.default_url = "/lab"


def service_url(spawner):
    """The service's address for a participant's server on the same machine.

    It goes past the proxy. Called for each server that starts, so that a base_url
    set after this file is honoured.
    """
    base_url = spawner.hub.base_url.removesuffix("hub/")
    return f"http://{PIPALHUB_BIND}{base_url}services/dashboard/"


# Their servers report saves to it and ask it for notices, by the package
# pipalhub-singleuser (singleuser/), where that is installed.
c.Spawner.environment = {"PIPALHUB_URL": service_url}
