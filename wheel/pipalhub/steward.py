"""The steward: a second service of the Hub's, without a page, that makes participants' accounts.

It runs as the Hub does, which has to be root for accounts of the system; the service that shows
notebooks asks it, and has no right of its own.
"""

import os

from . import program as programs
from .obstacle import Obstacle

# The group of the system that all its accounts are in.
GROUP = "pipalhub-participants"
# The Hub's authenticators that know groups of the system, the base first.
LOCAL_AUTHENTICATORS = ["LocalAuthenticator", "PAMAuthenticator"]
# Its settings, as in docs/users.md, and whether each is a switch.
SETTINGS = {
    "account_homes": False,
    "accounts": False,
    "keep_hashes": True,
    "log_format": False,
    "steward_data": False,
    "users_file": False,
}


def service(asked, name, program, user, socket):
    """The steward as the Hub's configuration has it, or None where none is wanted.

    `asked` is True or a dict of settings. Raises Obstacle for a setting that nobody knows.
    """
    if not asked:
        return None
    settings = {} if asked is True else asked
    if not isinstance(settings, dict):
        raise Obstacle(
            f"steward={asked!r} is neither True nor settings, as in "
            "steward={'users_file': '/etc/jupyterhub/users.txt'}"
        )
    environment = {"PIPALHUB_STEWARD_SOCKET": socket} if socket else {}
    for setting, value in settings.items():
        if setting not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise Obstacle(f"the steward has no setting {setting}. There are: {known}")
        if SETTINGS[setting]:
            value = "1" if value else None
        if value is not None:
            environment["PIPALHUB_" + setting.upper()] = os.fspath(value)
    command = [program, "steward", "--end-with-parent"]
    if user is not None:
        command += ["--allow-user", user]
    return {"name": f"{name}-steward", "command": command, "environment": environment}


def let_in(asked, existing):
    """Lets those sign in whom the steward makes, with a Hub that asks the system.

    Other authenticators have no section of these names, or groups of another kind.
    """
    if asked is not True and asked.get("accounts") == "none":
        return
    given = [name for name in LOCAL_AUTHENTICATORS if existing.is_set(name, "allowed_groups")]
    for section in given or LOCAL_AUTHENTICATORS[:1]:
        existing.add(section, "allowed_groups", [GROUP])


def check(steward):
    """Raises Obstacle when the steward could not start now."""
    programs.run_check(steward["command"], steward["environment"], {})
