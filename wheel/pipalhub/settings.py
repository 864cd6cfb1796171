"""The service's own settings as keywords of `configure`: `history_days=7` is --history-days 7.

docs/settings.md says what each means; a test holds this list to that table.
"""

import difflib
import os

from .obstacle import Obstacle

# Without the address, which is `configure`'s own, and the token, which a Hub has no use for.
VALUES = [
    "builds_mib",
    "builds_per_person_mib",
    "cookie_key",
    "cookie_key_file",
    "data",
    "history_days",
    "history_mib",
    "history_per_person_mib",
    "homes",
    "homes_from",
    "image",
    "image_spawner",
    "keep_events",
    "log",
    "log_format",
    "notebooks_per_person",
    "out",
    "packages_socket",
    "reserve_mib",
    "source",
    "steward_socket",
]
SWITCHES = ["admins_by_scope", "no_build", "no_history"]
SETTINGS = sorted(VALUES + SWITCHES)


def variables(given, parameters, environment=os.environ):
    """The service's environment: what is given, else what the Hub's own environment has.

    `parameters` are the other keywords that `configure` takes. Raises Obstacle for a keyword
    that nobody knows.
    """
    for keyword in given:
        if keyword not in SETTINGS:
            raise Obstacle(_unknown(keyword, parameters))
    found = {}
    for setting in SETTINGS:
        name = "PIPALHUB_" + setting.upper()
        value = given.get(setting, environment.get(name))
        if setting in SWITCHES and isinstance(value, bool):
            value = "1" if value else None
        if value is not None:
            found[name] = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    return found


def _unknown(keyword, parameters):
    known = sorted([*parameters, *SETTINGS])
    close = difflib.get_close_matches(keyword, known, n=1)
    guess = f" Did you mean {close[0]}?" if close else ""
    return f"configure() takes no {keyword}.{guess} There are: {', '.join(known)}"
