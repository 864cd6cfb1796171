"""`workshop`: a Hub of a node, whole, in one call of its configuration.

    import pipalhub
    pipalhub.workshop(c, instructors=["ines"])

A node is a server that `pipalhub setup-node` has set up, by systemd or in a container. What is the
same on each of them is here, so that it comes with every upgrade, and the trainer's own file has
only what is the trainer's. It belongs at the beginning of that file: what stands below it wins.
"""

import os
import re

from . import roles
from . import steward as stewards
from .configuration import configure
from .existing import ExistingConfig

# By what a node runs: the variable PIPALHUB_NODE.
SPAWNERS = {
    "container": "pipalhub.limits.LimitedSpawner",
    "systemd": "pipalhub.unit_spawner.UnitSpawner",
}
STATE = "/var/lib/jupyterhub"
PARTICIPANTS = "/opt/pipalhub/participants"
# Clouds tell a server its secrets there: the keys of the machine, the data it was made with.
METADATA = "169.254.169.254 fd00:ec2::254"
# Of the system's own service for sign-ins, a wrong password holds up everybody else's for seconds.
PAM_SERVICE = "pipalhub"
# So long a server may take to start, in seconds, with all that start before it.
START_TIMEOUT_S = 900
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# JupyterLab alone takes so much, and so many threads.
LEAST_MEMORY = 512 * 2**20
LEAST_PROCESSES = 64


def workshop(c, *, memory="1G", cpu=1.0, processes=512, instructors=(), admins=(), **keywords):
    """Configures the Hub of a node, with PipalHub.

    memory: what the programs of one participant may take, as "1G" or "768M"; None for no limit.
    cpu: how many processors one may use, in a container only while others need them; None for no
        limit.
    processes: how many processes and threads one may have; None for no limit.
    instructors, admins: names of users. They need a line in users.txt to sign in.
    keywords: those of `configure`, as helpers=["hari"].

    Raises ValueError for a value that is no limit, and where this is no node.
    """
    kind = os.environ.get("PIPALHUB_NODE", "")
    if kind not in SPAWNERS:
        raise ValueError(
            f"PIPALHUB_NODE is {kind!r}: pipalhub.workshop is for a Hub that setup-node has set "
            f"up, whose environment says {' or '.join(SPAWNERS)}. In another Hub it is "
            "pipalhub.configure(c)"
        )
    limits = _limits(memory, cpu, processes)
    _hub(c, kind)
    _sign_in(c, admins)
    _servers(c, kind, limits)
    keywords.setdefault("external", True)
    keywords.setdefault("api_token", os.environ.get("PIPALHUB_API_TOKEN"))
    configure(c, instructors=instructors, **keywords)
    _steward(c, keywords.get("name", "dashboard"))


def _limits(memory, cpu, processes):
    """The limits as numbers. Raises ValueError for what is none."""
    if memory is not None:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)", str(memory).strip().upper())
        asked, memory = memory, int(float(found[1]) * UNITS[found[2]]) if found else 0
        if memory < LEAST_MEMORY:
            raise ValueError(
                f"workshop(memory={asked!r}) is no limit: give it as '1G' or '768M', and "
                f"{LEAST_MEMORY >> 20}M or more, which JupyterLab takes"
            )
    if cpu is not None and not (_is_number(cpu) and cpu > 0):
        raise ValueError(f"workshop(cpu={cpu!r}) is no number of processors: give it as 1 or 0.5")
    if processes is not None and not (type(processes) is int and processes >= LEAST_PROCESSES):
        raise ValueError(
            f"workshop(processes={processes!r}) is no limit: give a whole number, "
            f"{LEAST_PROCESSES} or more, which one JupyterLab takes"
        )
    return {"memory": memory, "cpu": cpu, "processes": processes}


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _hub(c, kind):
    state = os.environ.get("PIPALHUB_HUB_STATE", STATE)
    hub = c.JupyterHub
    hub.bind_url = f"http://{'0.0.0.0' if kind == 'container' else '127.0.0.1'}:8000"
    hub.db_url = f"sqlite:///{os.path.join(state, 'jupyterhub.sqlite')}"
    hub.cookie_secret_file = os.path.join(state, "jupyterhub_cookie_secret")
    # A newer Hub moves its database along, and keeps a copy of the old one beside it.
    hub.upgrade_db = True
    # The proxy and the servers of participants go on while the Hub is started again.
    hub.cleanup_servers = False
    hub.proxy_class = "pipalhub.kept_proxy.KeptProxy"
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:8001"
    # Servers wait their turn, so nobody is refused; and who waits sees a page, not an error.
    hub.concurrent_spawn_limit = 0
    hub.tornado_settings = {"slow_spawn_timeout": 0}


def _sign_in(c, admins):
    c.JupyterHub.authenticator_class = "pipalhub.list_authenticator.ListAuthenticator"
    c.PAMAuthenticator.open_sessions = False
    if os.path.exists(os.path.join("/etc/pam.d", PAM_SERVICE)):
        c.PAMAuthenticator.service = PAM_SERVICE
    c.LocalAuthenticator.allowed_groups = {stewards.GROUP}
    c.Authenticator.allow_existing_users = True
    c.Authenticator.admin_users = {admins} if isinstance(admins, str) else set(admins)


def _servers(c, kind, limits):
    bin_folder = os.path.join(os.environ.get("PIPALHUB_PARTICIPANTS", PARTICIPANTS), "bin")
    c.JupyterHub.spawner_class = SPAWNERS[kind]
    spawner = c.Spawner
    spawner.cmd = [os.path.join(bin_folder, "jupyterhub-singleuser")]
    spawner.default_url = "/lab"
    spawner.environment = {
        "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin",
        "SHELL": "/bin/bash",
        **_threads(limits["cpu"]),
    }
    spawner.start_timeout = START_TIMEOUT_S
    spawner.http_timeout = 120
    spawner.mem_limit = limits["memory"]
    spawner.cpu_limit = limits["cpu"]
    if kind == "container":
        c.LimitedSpawner.processes = limits["processes"]
    else:
        _units(c.SystemdSpawner, limits)


def _threads(cpu):
    """Libraries that calculate start a thread for each processor unless they are told."""
    if cpu is None:
        return {}
    count = str(max(1, int(cpu)))
    return {f"{library}_NUM_THREADS": count for library in ["OMP", "OPENBLAS", "MKL"]}


def _units(spawner, limits):
    spawner.default_shell = "/bin/bash"
    spawner.disable_user_sudo = True
    spawner.isolate_tmp = True
    spawner.isolate_devices = True
    # Those that a systemd since 247 knows: it refuses a unit with one that it does not.
    spawner.unit_extra_properties = {
        "IPAddressDeny": METADATA,
        "ProtectProc": "invisible",
        "ProtectControlGroups": "yes",
        "ProtectKernelTunables": "yes",
        "RestrictSUIDSGID": "yes",
        "LimitCORE": "0",
        "OOMScoreAdjust": "500",
        # The Hub, nginx and the dashboard come before participants, of whom there are many.
        "CPUWeight": "20",
    }
    if limits["memory"] is not None:
        # Swapping, one participant's memory would slow down everyone's disk.
        spawner.unit_extra_properties["MemorySwapMax"] = "0"
    if limits["processes"] is not None:
        spawner.unit_extra_properties["TasksMax"] = str(limits["processes"])


def _steward(c, name):
    """Makes the steward known to the Hub, where it has a token: then it starts servers, and knows
    whom no instructor changes."""
    token = os.environ.get("PIPALHUB_STEWARD_TOKEN")
    existing = ExistingConfig(c)
    services = existing.value("JupyterHub", "services", [])
    # Without PipalHub there is nobody who asks it.
    if not token or not any(service["name"] == name for service in services):
        return
    steward = f"{name}-steward"
    existing.extend("JupyterHub", "services", [{"name": steward, "api_token": token}])
    existing.extend("JupyterHub", "load_roles", [roles.of_steward(steward)])
