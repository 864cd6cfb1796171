"""The steward: a second service of the Hub's, without a page, that makes participants' accounts.

It runs as the Hub does, which has to be root for accounts of the system; the service that shows
notebooks asks it, and has no right of its own. What accounts there are depends on how the Hub signs
people in. The steward asks the Hub for that, and gets from here what the Hub's API does not tell:
of what classes the authenticator is made, and the one password where all have the same.
"""

import os
import sys

from . import hub, native
from . import program as programs
from .obstacle import Obstacle

# The group of the system that all its accounts are in.
GROUP = "pipalhub-participants"
# The Hub's authenticators that know groups of the system, the base first.
LOCAL_AUTHENTICATORS = ["LocalAuthenticator", "PAMAuthenticator"]
# Classes of authenticators, and the setting that is everyone's password.
NATIVE = "NativeAuthenticator"
SHARED_PASSWORDS = {"SharedPasswordAuthenticator": "user_password", "DummyAuthenticator": "password"}
# Kinds of accounts that are users of the Hub.
KINDS_OF_HUB = ["native", "shared", "outside"]
# Its settings, as in docs/users.md, and whether each is a switch.
SETTINGS = {
    "account_homes": False,
    "accounts": False,
    "environment": False,
    "install_seconds": False,
    "installer": False,
    "keep_hashes": True,
    "log_format": False,
    "no_users": True,
    "protect": False,
    "requirements_file": False,
    "steward_data": False,
    "users_file": False,
}


def service(asked, name, program, user, socket, told):
    """The steward as the Hub's configuration has it.

    `asked` is True or a dict of settings, `told` what it is told of the Hub. Raises Obstacle for a
    setting that nobody knows.
    """
    settings = {} if asked is True else asked
    if not isinstance(settings, dict):
        raise Obstacle(
            f"steward={asked!r} is neither True nor settings, as in "
            "steward={'users_file': '/etc/jupyterhub/users.txt'}"
        )
    environment = dict(told)
    if socket:
        environment["PIPALHUB_STEWARD_SOCKET"] = socket
    for setting, value in settings.items():
        if setting not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise Obstacle(f"the steward has no setting {setting}. There are: {known}")
        if SETTINGS[setting]:
            value = "1" if value else None
        if setting == "protect" and not isinstance(value, str):
            value = ",".join(value)
        if value is not None:
            environment["PIPALHUB_" + setting.upper()] = _text(value)
    command = [program, "steward", "--end-with-parent"]
    if user is not None:
        command += ["--allow-user", user]
    return {"name": f"{name}-steward", "command": command, "environment": environment}


def told(existing, hub_class, spawners, instructor_roles):
    """What the steward is told of the Hub, as variables."""
    variables = {
        "PIPALHUB_INSTRUCTOR_ROLES": ",".join(instructor_roles),
        "PIPALHUB_HUB_ENVIRONMENT": sys.prefix,
    }
    prefix = environment_of(spawners)
    if prefix is not None:
        variables["PIPALHUB_ENVIRONMENT"] = prefix
    authenticator = hub.configured_class(existing, hub_class, "authenticator_class")
    if authenticator is None:
        return variables
    classes = [f"{it.__module__}.{it.__qualname__}" for it in _classes(authenticator)]
    variables["PIPALHUB_AUTHENTICATOR"] = " ".join(classes)
    password = _shared_password(existing, authenticator)
    if password:
        variables["PIPALHUB_SHARED_PASSWORD"] = password
    return variables


def environment_of(spawners):
    """The environment of participants' servers that packages may go into, if there is one."""
    prefix = spawners.environment()
    own = {os.path.realpath(it) for it in [sys.prefix, sys.base_prefix]}
    if prefix is None or os.path.realpath(prefix) in own:
        return None
    marks = ["pyvenv.cfg", "conda-meta"]
    return prefix if any(os.path.exists(os.path.join(prefix, mark)) for mark in marks) else None


def _text(value):
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _classes(authenticator):
    """The classes that an authenticator is made of, itself first."""
    return [it for it in authenticator.__mro__ if hasattr(it, "authenticate")]


def _shared_password(existing, authenticator):
    """The password that everyone has, if the configuration has one."""
    sections = hub.ancestors(authenticator)
    for class_name, setting in SHARED_PASSWORDS.items():
        if class_name in sections:
            value = hub.default_of(authenticator, setting)
            for section in reversed(sections):
                value = existing.value(section, setting, value)
            return value if isinstance(value, str) else None
    return None


def let_in(asked, existing, hub_class, log):
    """Lets those sign in whom the steward makes.

    With a Hub that asks the system these are the members of a group; other authenticators have no
    section of these names, or groups of another kind. With another Hub they are users of it, whom it
    lets in where it lets in those whom it knows. It is told to, unless something else says already
    who may sign in: those who were let in by that before would be, for ever.
    """
    kind = asked.get("accounts", "auto") if isinstance(asked, dict) else "auto"
    if kind == "none":
        return
    authenticator = hub.configured_class(existing, hub_class, "authenticator_class")
    sections = hub.ancestors(authenticator)
    if NATIVE in sections and kind in ("auto", "native"):
        _take_passwords(existing, hub_class)
    is_of_system = kind == "system" or not sections or "PAMAuthenticator" in sections
    if is_of_system and kind not in KINDS_OF_HUB:
        given = [name for name in LOCAL_AUTHENTICATORS if existing.is_set(name, "allowed_groups")]
        for section in given or LOCAL_AUTHENTICATORS[:1]:
            existing.add(section, "allowed_groups", [GROUP])
        return
    said = _who_may(existing, authenticator, sections)
    if not said:
        existing.replace("Authenticator", "allow_existing_users", True)
    elif not {"allow_all", "allow_existing_users", "allowed_users"} & said:
        log.warning(
            "PipalHub: %s says who may sign in, so those in its list may only if that lets them "
            "in; c.Authenticator.allow_existing_users = True lets in everyone whom the Hub knows",
            ", ".join(sorted(said)),
        )


def _who_may(existing, authenticator, sections):
    """The settings of the configuration that say who may sign in."""
    names = {name for name in getattr(authenticator, "class_trait_names", list)()}
    names = {name for name in names if name.startswith(("allow_", "allowed_"))}
    # What NativeAuthenticator and others call so, and lets nobody in.
    names -= {"allowed_failed_logins", "allow_2fa", "allow_self_approval_for", "allow_user_auth"}
    return {name for name in names if any(existing.is_set(it, name) for it in sections)}


def _take_passwords(existing, hub_class):
    """Lets the steward set passwords of NativeAuthenticator. Raises Obstacle where it cannot."""
    if "extra_handlers" not in hub_class.class_traits():
        raise Obstacle(
            "this JupyterHub takes no handlers, by which passwords of NativeAuthenticator are set: "
            "let the list have names only, steward={'accounts': 'none'}"
        )
    existing.extend("JupyterHub", "extra_handlers", native.handlers())


def check(steward, asked, log):
    """Raises Obstacle when the steward could not start now.

    An environment that was found by looking, and cannot be changed, is left away.
    """
    environment = steward["environment"]
    is_given = isinstance(asked, dict) and "environment" in asked
    found = environment.get("PIPALHUB_ENVIRONMENT")
    try:
        programs.run_check(steward["command"], environment, {})
    except Obstacle as obstacle:
        if found is None or is_given:
            raise
        del environment["PIPALHUB_ENVIRONMENT"]
        programs.run_check(steward["command"], environment, {})
        log.warning("PipalHub installs no packages for participants: %s", obstacle)
