"""What the Hub is: its version, its classes, and what of it the service cannot work with."""

from traitlets import TraitType
from traitlets.config import Application

from .obstacle import Obstacle

# Older ones have known holes in what the service relies on.
OLDEST = (5, 5, 1)


def application_class():
    """The Hub's application class, or None where no Hub reads this configuration."""
    try:
        from jupyterhub.app import JupyterHub
    except ImportError:
        return None
    return JupyterHub


def warn_of_old_version(log):
    """Tells when the Hub is too old."""
    try:
        import jupyterhub
    except ImportError:
        return
    if tuple(jupyterhub.version_info[:3]) < OLDEST:
        log.warning(
            "PipalHub: JupyterHub %s is too old: install %s or later",
            jupyterhub.__version__,
            ".".join(map(str, OLDEST)),
        )


class Reading:
    """How this process reads the configuration."""

    # Whether only to look at it, as examine.py does.
    only_looks = False


def is_starting(hub):
    """Whether the configuration is read to start a Hub, not by `jupyterhub token` beside one."""
    if Reading.only_looks:
        return False
    if hub is None or not Application.initialized():
        return True
    application = Application.instance()
    return isinstance(application, hub) and not application.show_config


def configured_class(existing, hub, name):
    """The spawner's or authenticator's class, or None where it cannot be found."""
    if hub is None:
        return None
    trait = hub.class_traits()[name]
    given = existing.value("JupyterHub", name, None)
    try:
        return trait.validate(None, trait.default_value if given is None else given)
    except Exception:
        # The Hub itself will say what is wrong with it.
        return None


def default_of(configured, name):
    """A class's own value of a setting: a trait's default, or what stands in a trait's place."""
    value = getattr(configured, name, None)
    return value.default_value if isinstance(value, TraitType) else value


def ancestors(configured):
    """The names of a class and of those it is made of: the sections that configure it."""
    return [ancestor.__name__ for ancestor in getattr(configured, "__mro__", ())]


def manages_roles(existing, hub):
    """Whether the authenticator gives roles: then a Hub takes no members from its configuration."""
    authenticator = configured_class(existing, hub, "authenticator_class")
    sections = ancestors(authenticator) or existing.sections_with("manage_roles")
    value = default_of(authenticator, "manage_roles")
    for section in reversed(sections):
        value = existing.value(section, "manage_roles", value)
    return value is True


def check(existing):
    """Raises Obstacle for a Hub that the service cannot speak with."""
    if existing.value("JupyterHub", "internal_ssl", False):
        raise Obstacle(
            "c.JupyterHub.internal_ssl is on, and the service speaks plain http with the Hub, its "
            "proxy and participants' servers. There is no PipalHub with internal_ssl"
        )
    for name in ["hub_connect_url", "hub_bind_url"]:
        url = existing.value("JupyterHub", name, "")
        if url:
            if not url.startswith("http://"):
                raise Obstacle(
                    f"c.JupyterHub.{name} is {url!r}, and the service asks a Hub by plain http "
                    "only: let the Hub's API listen by http, on a network of its own"
                )
            return
