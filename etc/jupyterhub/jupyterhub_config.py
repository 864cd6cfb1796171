"""JupyterHub with PipalHub: loads on JupyterHub 5.5 and 6.1.

Install it as the Hub's own configuration, or take it into one you have with
`load_subconfig("/path/to/this/jupyterhub_config.py")`. It says nothing about how
people sign in nor how their servers are spawned: those stay yours. Whatever is set
after it wins; add to its lists with `c.JupyterHub.services.append(...)` and the like.
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

# Every other setting of the service goes by the Hub's environment too, under the name it
# has in docs/settings.md: PIPALHUB_LOG, PIPALHUB_HISTORY_DAYS, PIPALHUB_NO_HISTORY=1, ...
SAID_OTHERWISE = {
    "PIPALHUB_BIN",
    "PIPALHUB_HOMES",
    "PIPALHUB_DATA",
    "PIPALHUB_BIND",
    # There is no such token under a Hub.
    "PIPALHUB_TOKEN",
    "PIPALHUB_TOKEN_FILE",
}
SETTINGS = {
    name: value
    for name, value in os.environ.items()
    if name.startswith("PIPALHUB_") and name not in SAID_OTHERWISE
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
        # The Hub passes nothing of its own environment on but PATH, the language
        # and JUPYTERHUB_*; the service needs nothing else, save its settings.
        "environment": SETTINGS,
        # It belongs to the Hub, so nobody is asked whether they trust it.
        "oauth_no_confirm": True,
        # What a session in the service may carry, of what its user holds: without
        # the custom scopes in this list nobody would be an instructor or a helper there.
        "oauth_client_allowed_scopes": [
            "access:services!service=dashboard",
            "custom:pipalhub:read",
            "custom:pipalhub:write",
        ],
    }
]

# Who sees everyone's notebooks (read) and who may change the class as well (write).
c.JupyterHub.custom_scopes = {
    "custom:pipalhub:read": {
        "description": "See every participant's notebooks in PipalHub",
    },
    "custom:pipalhub:write": {
        "description": "Change the class in PipalHub",
        "subscopes": ["custom:pipalhub:read"],
    },
}

# Whoever is in the group `instructors` is one, and so are the Hub's admins, whom the
# service knows by themselves (not with PIPALHUB_ADMINS_BY_SCOPE=1: then they need a group
# like everyone). Who is in the group `helpers` sees as much and changes nothing. Add people
# to the groups on the Hub's admin page: a restart keeps them. (An authenticator that manages
# groups itself forbids load_groups: then set it to {} afterwards and have the groups come
# from there.)
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
        # With the access everyone may open the service, where they see their own.
        "name": "user",
        "description": "A participant: their own server, their own notebooks",
        "scopes": ["self", "access:services!service=dashboard"],
    },
]

# Since JupyterHub 5 nobody may sign in unless someone says who. Those an admin has
# added on the Hub's admin page may; and where the machine's own accounts are the list
# (PAM, the default), everyone with an account. Any other authenticator must say for
# itself whom it lets in: with most of them "everyone" would be the whole internet.
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
