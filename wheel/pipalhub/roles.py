"""Who may do what, in the Hub's terms: custom scopes, and roles that hold them.

Roles name groups, and the Hub makes the groups that they name. So `load_groups` stays as it is,
which a Hub refuses to start with when its authenticator manages the groups.
"""

from .obstacle import Obstacle

READ = "custom:pipalhub:read"
HELP = "custom:pipalhub:help"
WRITE = "custom:pipalhub:write"
CUSTOM_SCOPES = {
    READ: {"description": "See every participant's notebooks in PipalHub"},
    HELP: {"description": "Help participants by PipalHub's queue", "subscopes": [READ]},
    WRITE: {"description": "Change the class in PipalHub", "subscopes": [HELP]},
}
INSTRUCTOR = "pipalhub-instructor"
HELPER = "pipalhub-helper"
OBSERVER = "pipalhub-observer"
SERVICE = "pipalhub-service"
STEWARD = "pipalhub-steward"
# To add users to the Hub and remove them, and to start their servers and stop them; to see how the
# Hub signs people in, and which groups have an instructor's role, whose members are protected.
STEWARD_SCOPES = ["admin:users", "servers", "read:hub", "list:groups", "read:roles:groups"]
# The least with which a token lists users with the state of their servers.
SERVICE_SCOPES = ["list:users", "read:servers"]


def access(service):
    """The scope of whoever may open the service."""
    return f"access:services!service={service}"


def roles(service, members):
    """The roles of instructors, helpers, observers and the service itself; `members` has users and groups by
    role.
    """
    return [
        {
            "name": INSTRUCTOR,
            "description": "Sees everyone's notebooks in PipalHub and changes the class",
            "scopes": [access(service), WRITE],
            **members[INSTRUCTOR],
        },
        {
            "name": HELPER,
            "description": "Sees everyone's notebooks in PipalHub and helps by its queue",
            "scopes": [access(service), HELP],
            **members[HELPER],
        },
        {
            "name": OBSERVER,
            "description": "Sees everyone's notebooks in PipalHub",
            "scopes": [access(service), READ],
            **members[OBSERVER],
        },
        {
            "name": SERVICE,
            "description": "Lists users and their servers, for PipalHub's page Setup",
            "scopes": SERVICE_SCOPES,
            "services": [service],
        },
    ]


def of_steward(steward):
    """The role of the steward, the service of this name."""
    return {
        "name": STEWARD,
        "description": "Adds and removes the users of PipalHub's list, and starts their servers",
        "scopes": STEWARD_SCOPES,
        "services": [steward],
    }


def names_that_change(existing, wanted):
    """The names of the roles that may change the class, also those of the configuration's own."""
    given = existing.value("JupyterHub", "load_roles", [])
    return sorted({role["name"] for role in [*given, *wanted] if WRITE in role.get("scopes", ())})


def check_no_clash(existing, wanted):
    """Raises Obstacle when a role has a name of ours and is another."""
    there = {role.get("name"): role for role in existing.value("JupyterHub", "load_roles", [])}
    for role in wanted:
        if there.get(role["name"], role) != role:
            raise Obstacle(
                f"c.JupyterHub.load_roles has another role {role['name']!r}, and a Hub with two of "
                "one name does not start: give it another name"
            )


def add(existing, wanted, service, knows_extra_user_scopes):
    """Adds the roles, the scopes, and every user's right to open the service."""
    scopes = existing.value("JupyterHub", "custom_scopes", {})
    missing = {name: scope for name, scope in CUSTOM_SCOPES.items() if name not in scopes}
    existing.update("JupyterHub", "custom_scopes", missing)
    names = {role.get("name") for role in existing.value("JupyterHub", "load_roles", [])}
    new = [role for role in wanted if role["name"] not in names]
    _let_every_user_in(existing, access(service), knows_extra_user_scopes)
    existing.extend("JupyterHub", "load_roles", new)


def _let_every_user_in(existing, scope, knows_extra_user_scopes):
    """Adds the scope to the role `user`, which every user has.

    Without a role of that name in the configuration the Hub's own stands. JupyterHub 6 adds
    `extra_user_scopes` to that; before, it is defined here, with `self`, which is what it holds
    by default. A role in the configuration replaces the Hub's own, and then
    `extra_user_scopes` count only where it names no scopes.
    """
    opening = {scope, "access:services"}
    present = existing.value("JupyterHub", "load_roles", [])
    user = next((role for role in present if role.get("name") == "user"), None)
    if knows_extra_user_scopes and (user is None or "scopes" not in user):
        extra = set(existing.value("JupyterHub", "extra_user_scopes", set()))
        if not opening & extra:
            existing.add("JupyterHub", "extra_user_scopes", [scope])
    elif user is None:
        existing.extend("JupyterHub", "load_roles", [{"name": "user", "scopes": ["self", scope]}])
    else:
        scopes = list(user.get("scopes", ["self"]))
        if not opening & set(scopes):
            changed = {**user, "scopes": [*scopes, scope]}
            roles = [changed if role is user else role for role in present]
            existing.replace("JupyterHub", "load_roles", roles)
