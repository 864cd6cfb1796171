"""`configure`: the service, who may see what, and what participants' servers are told.

All is decided before anything is added: a Hub gets the whole, or stays as it was.
"""

import inspect
import logging
import re
import time
from typing import NamedTuple

from traitlets.config import Application

from . import account as accounts
from . import address as addresses
from . import hub, pip, roles
from . import program as programs
from . import steward as stewards
from .existing import ExistingConfig
from .obstacle import Obstacle
from .settings import variables
from .spawners import Spawners

# The Hub does not start with a shorter one.
MIN_TOKEN_LENGTH = 8
# How long the service of a Hub that was killed may take to end, in seconds.
LEFT_BEHIND_S = 4


def configure(
    c,
    *,
    name="dashboard",
    address=None,
    participants_url=None,
    instructors=(),
    helpers=(),
    observers=(),
    instructor_groups=("instructors",),
    helper_groups=("helpers",),
    observer_groups=("observers",),
    program=None,
    user=None,
    external=False,
    api_token=None,
    steward=None,
    **settings,
):
    """Adds PipalHub to the Hub's configuration `c`, and replaces nothing there.

    It belongs at the end of the configuration. Where something keeps the service from starting,
    the Hub's log says what and what to do, and the Hub starts without it.

    name: the service's name; its page is at <hub>/services/<name>/.
    address: where it listens, a URL or a port; by default port 10101, where the Hub listens.
    participants_url: where participants' servers reach it, if not by the Hub's host and its port.
    instructors, helpers, observers: names of users.
    instructor_groups, helper_groups, observer_groups: names of the Hub's groups.
    program: the path of the program, if not beside this Python or on PATH.
    user: the user that the service runs as, where the Hub runs as root.
    external, api_token: the service is not started by the Hub, and has this token.
    steward: True, or its settings: a second service that makes participants' accounts.
    settings: the service's own, as in docs/settings.md: homes="/srv/{user}", history_days=7.
    """
    log = _log()
    members = {
        roles.INSTRUCTOR: (instructors, instructor_groups),
        roles.HELPER: (helpers, helper_groups),
        roles.OBSERVER: (observers, observer_groups),
    }
    asked = Asked(
        name=name,
        address=address,
        participants_url=participants_url,
        members=members,
        program=program,
        user=user,
        external=external,
        api_token=api_token,
        steward=steward,
        settings=settings,
    )
    try:
        _configure(c, asked, log)
    except Obstacle as obstacle:
        log.error("PipalHub is left out, and the Hub starts without it: %s", obstacle)
    except Exception:
        # Whatever is wrong with this package must not end somebody's Hub.
        log.exception("PipalHub is left out by an error of its own; please report it")


class Asked(NamedTuple):
    """What `configure` is called with."""

    name: str
    address: object
    participants_url: object
    # Users and groups by role.
    members: dict
    program: object
    user: object
    external: bool
    api_token: object
    steward: object
    settings: dict


def _configure(c, asked, log):
    existing = ExistingConfig(c)
    hub_class = hub.application_class()
    spawners = Spawners(existing, hub_class)
    hub.check(existing)
    addresses.check_participants_url(asked.participants_url)
    where = addresses.service_address(asked.address, existing)
    service = _service(asked, where, existing, spawners)
    wanted_roles = roles.roles(asked.name, _members_of_roles(existing, hub_class, asked.members))
    if _is_there(service, existing):
        return
    roles.check_no_clash(existing, wanted_roles)
    if not asked.external:
        addresses.check_no_clash(where, existing, asked.name)
        if hub.is_starting(hub_class):
            _check_start(service, where, existing)
    # Here everything is decided.
    url = addresses.participants_url(asked.participants_url, where, asked.name)
    spawners.add_to_environment(url)
    spawners.start_in_lab()
    existing.extend("JupyterHub", "services", [service])
    knows_extra = hub_class is not None and "extra_user_scopes" in hub_class.class_traits()
    roles.add(existing, wanted_roles, asked.name, knows_extra)
    log.info("PipalHub is the service %s at %s", asked.name, where.url)
    _advise(log, asked, where, existing, spawners, hub_class)
    _add_steward(asked, existing, spawners, hub_class, log)


def _add_steward(asked, existing, spawners, hub_class, log):
    """Adds the steward, if it is wanted. The class is shown without it, too."""
    if not asked.steward:
        return
    try:
        steward = stewards.service(
            asked.steward,
            asked.name,
            programs.find(asked.program),
            asked.user,
            asked.settings.get("steward_socket"),
            stewards.told(existing, hub_class, spawners, roles.names_that_change(existing, ())),
        )
        role = roles.of_steward(steward["name"])
        roles.check_no_clash(existing, [role])
        if hub.is_starting(hub_class):
            stewards.check(steward, asked.steward, log)
        stewards.let_in(asked.steward, existing, hub_class, log)
    except Obstacle as obstacle:
        log.error("PipalHub makes no users, and shows the class without: %s", obstacle)
        return
    existing.extend("JupyterHub", "services", [steward])
    existing.extend("JupyterHub", "load_roles", [role])


def _service(asked, where, existing, spawners):
    """The service as the Hub's configuration has it. Raises Obstacle when there can be none."""
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]*", str(asked.name)):
        raise Obstacle(
            f"name={asked.name!r} is no name for a service: take letters, digits, '-', '_' and "
            "'.', as in 'dashboard'"
        )
    service = {
        "name": asked.name,
        "url": where.url,
        # It belongs to the Hub, so users are not asked to confirm the sign-in.
        "oauth_no_confirm": True,
        # The scopes that a session in the service may have, if its user has them: without the
        # custom scopes in this list no user would be an instructor or a helper there.
        "oauth_client_allowed_scopes": [
            roles.access(asked.name),
            roles.READ,
            roles.HELP,
            roles.WRITE,
        ],
    }
    environment = variables(asked.settings, _parameters())
    if asked.external:
        return {**service, "api_token": _checked_token(asked, existing)}
    data = environment.pop("PIPALHUB_DATA", None) or accounts.default_data()
    if spawners.are_of_tljh and "PIPALHUB_HOMES_FROM" not in environment:
        environment.setdefault("PIPALHUB_HOMES", "/home/{tljh}")
    # In the command, so that lists of processes tell one service from another.
    # It ends with a Hub that is killed, so that the next Hub can start its own.
    program = programs.find(asked.program)
    service["command"] = [program, "serve", "--end-with-parent", "--data", data]
    if spawners.image_spawner is not None:
        environment.setdefault("PIPALHUB_IMAGE_SPAWNER", spawners.image_spawner)
        if spawners.image is not None:
            environment.setdefault("PIPALHUB_IMAGE", spawners.image)
    # Of the Hub's environment a service gets PATH, the language and JUPYTERHUB_* besides.
    service["environment"] = environment
    if accounts.account_of(asked.user) is not None:
        service["user"] = asked.user
    return service


def _check_start(service, where, existing):
    """Raises Obstacle when the Hub could not start the service now."""
    until = time.monotonic() + LEFT_BEHIND_S
    while True:
        try:
            return _try_start(service, where, existing)
        except Obstacle as obstacle:
            if not obstacle.passes or time.monotonic() > until:
                raise
        time.sleep(0.2)


def _try_start(service, where, existing):
    addresses.check_can_listen(where, f"{addresses.base_url(existing)}services/{service['name']}/")
    account = accounts.account_of(service.get("user"))
    accounts.make_data(service["command"][-1], account)
    programs.check(service["command"], service["environment"], where, account)


def _advise(log, asked, where, existing, spawners, hub_class):
    """Tells what works less well than it could."""
    hub.warn_of_old_version(log)
    if hub.manages_roles(existing, hub_class):
        log.warning(
            "PipalHub: the authenticator gives roles, so let it give %s and %s",
            roles.INSTRUCTOR,
            roles.HELPER,
        )
    if asked.external:
        _warn_of_unused(log, user=asked.user, program=asked.program, **asked.settings)
    hub_host = addresses.hub_address(existing)
    are_here = spawners.are_local or hub_host.is_loopback
    if where.is_loopback and not (are_here or asked.participants_url):
        log.warning(
            "PipalHub: the service listens on %s, which participants' servers on other machines "
            "or in containers cannot reach, as they reach the Hub at %s: leave address= away, or "
            "say with participants_url= where they reach it",
            where,
            hub_host,
        )
    prefix = spawners.environment_without_package()
    if prefix is not None:
        log.warning(
            "PipalHub: participants' servers, of %s, have no package pipalhub-singleuser, so they "
            "report no saves, and save every 120 s: %s, then restart them.",
            prefix,
            pip.advice(
                "pipalhub-singleuser",
                prefix,
                "let the servers run in an environment of their own: `python3 -m venv "
                "/opt/jupyterhub`, with JupyterHub, JupyterLab and this package installed by its "
                "`bin/python3 -m pip`, and its `bin/jupyterhub-singleuser` as c.Spawner.cmd",
            ),
        )


def _parameters():
    """What `configure` takes besides the settings of the service, for whoever mistypes one."""
    return list(inspect.signature(configure).parameters)[1:-1]


def _is_there(service, existing):
    """Whether this very service is configured already. Raises Obstacle for one of its name."""
    for other in existing.value("JupyterHub", "services", []):
        if other == service:
            return True
        if other.get("name") == service["name"]:
            raise Obstacle(
                f"c.JupyterHub.services has another service {service['name']!r}: give it or "
                "PipalHub another name, as in configure(c, name='wall'). If it is PipalHub "
                "itself, by another call or a load_subconfig, remove that one"
            )
    return False


def _checked_token(asked, existing):
    api_token = asked.api_token
    if not isinstance(api_token, str) or len(api_token) < MIN_TOKEN_LENGTH:
        raise Obstacle(
            f"external=True needs the service's token, {MIN_TOKEN_LENGTH} characters or more: "
            "make one with `openssl rand -hex 32`, give it here as api_token= and to the service "
            "as JUPYTERHUB_API_TOKEN"
        )
    for other in existing.value("JupyterHub", "services", []):
        if other.get("api_token") == api_token and other.get("name") != asked.name:
            raise Obstacle(
                f"the service {other.get('name')!r} has the same api_token: make one of its own"
            )
    return api_token


def _warn_of_unused(log, **given):
    unused = [f"{name}=" for name, value in given.items() if value is not None]
    if unused:
        log.warning(
            "PipalHub: with external=True the Hub starts no service, so %s does nothing: set it "
            "where the service is started",
            ", ".join(unused),
        )


def _members_of_roles(existing, hub_class, members):
    """Users and groups by role; none where the Hub would refuse them."""
    if hub.manages_roles(existing, hub_class):
        return {role: {} for role in members}
    return {role: _members(existing, *names) for role, names in members.items()}


def _members(existing, users, groups):
    """Users and groups of a role. Raises Obstacle for a name that the Hub would not take."""
    members = {"users": _names(users), "groups": _names(groups)}
    for section in existing.sections_with("username_pattern"):
        pattern = existing.value(section, "username_pattern", "")
        for user in members["users"]:
            if not re.match(pattern, user):
                raise Obstacle(
                    f"the Hub takes no user {user!r}, because c.{section}.username_pattern is "
                    f"{pattern!r}"
                )
    return {kind: names for kind, names in members.items() if names}


def _names(names):
    names = [names] if isinstance(names, str) else sorted(names or ())
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise Obstacle(f"{name!r} is no name of a user or a group: give names as texts")
    return names


def _log():
    """The Hub's log while it starts."""
    if Application.initialized():
        return Application.instance().log
    return logging.getLogger("pipalhub")
