"""The steward: a second service of the Hub's, without a page, that makes participants' accounts.

It runs as the Hub does, which has to be root for accounts of the system; the service that shows
notebooks asks it, and has no right of its own.
"""

import os

from . import program as programs
from .obstacle import Obstacle

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


def check(steward):
    """Raises Obstacle when the steward could not start now."""
    programs.run_check(steward["command"], steward["environment"], {})
