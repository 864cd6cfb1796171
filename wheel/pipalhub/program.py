"""The program: where it is, and whether it can start."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig

from . import pip
from .obstacle import Obstacle

NAME = "pipalhub"
# Longest wait for the check, in seconds. The Hub waits 10 s for a service, or 30 s since 6.0.
CHECK_TIMEOUT_S = 20
# Its words for a data folder that another one has not let go of yet.
IN_USE = "another pipalhub uses the data folder"
# What of the Hub's environment a service gets; see `env_keep` of its spawners.
KEPT = ["PATH", "LANG", "LC_ALL"]


def find(asked):
    """The path of the program: `asked`, else that of this Python environment, else on PATH."""
    if asked is not None:
        return _asked(os.fspath(asked))
    for folder in _script_folders():
        path = os.path.join(folder, NAME)
        if _is_program(path):
            return path
    found = shutil.which(NAME)
    if found is None:
        raise Obstacle(
            f"the program {NAME} is neither beside {sys.executable} nor on PATH: "
            + pip.advice(
                NAME,
                sys.prefix,
                "copy the program of the tarball to /usr/local/bin",
                sys.executable,
            )
            + ", or say where it is with configure(c, program='/path/to/pipalhub')"
        )
    return found


def _asked(path):
    if os.sep not in path:
        found = shutil.which(path)
        if found is None:
            raise Obstacle(f"program={path!r} is not on PATH: give its whole path")
        return found
    if not os.path.exists(path):
        raise Obstacle(f"program={path!r} is not there: correct the path")
    if not _is_program(path):
        raise Obstacle(f"program={path!r} cannot be executed: `chmod +x {path}`")
    return os.path.abspath(path)


def _is_program(path):
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _script_folders():
    yield os.path.dirname(sys.executable)
    yield sysconfig.get_path("scripts")
    yield sysconfig.get_path("scripts", f"{os.name}_user")


def check(command, variables, address, account):
    """Runs the service's command for a moment, as the Hub would, and raises Obstacle if it fails.

    It does all that it does at its start, up to listening, and ends. A Hub with a service that
    ends at its start ends too, so the reason has to be known before.
    """
    variables = {**variables, **_hub_variables(address)}
    as_account = {}
    if account is not None:
        as_account = {
            "user": account.pw_uid,
            "group": account.pw_gid,
            "extra_groups": os.getgrouplist(account.pw_name, account.pw_gid),
        }
        variables["HOME"] = account.pw_dir
    run_check(command, variables, as_account, f" as {account.pw_name}" if account else "")


def run_check(command, variables, as_account, whose=""):
    """Runs a command of the program with --check, and raises Obstacle if it fails."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment.update(variables)
    try:
        done = subprocess.run(
            [*command, "--check"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=CHECK_TIMEOUT_S,
            **as_account,
        )
    except subprocess.TimeoutExpired:
        raise Obstacle(
            f"`{' '.join(command)} --check` did not end in {CHECK_TIMEOUT_S} s: see whether its "
            "disks answer"
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise Obstacle(f"{command[0]} cannot be started{whose}: {error}") from None
    if done.returncode != 0:
        reason = _reason(done)
        raise Obstacle(f"{command[0]} cannot start: {reason}", passes=IN_USE in reason)


def _hub_variables(address):
    """What a Hub tells a service, as far as a service wants it to start. Nothing is asked there."""
    return {
        "JUPYTERHUB_API_TOKEN": "of-no-hub",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api",
        "JUPYTERHUB_CLIENT_ID": "service-check",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": "/services/check/oauth_callback",
        "JUPYTERHUB_SERVICE_NAME": "check",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/check/",
        "JUPYTERHUB_SERVICE_URL": address.url,
    }


def _reason(done):
    """The error that the program ended with, without what it logged before, in one line."""
    text = done.stderr.decode(errors="replace")
    error = re.split(f"^{NAME}: ", text, flags=re.MULTILINE)[-1]
    said = " ".join(error.split())
    return said[:2000] or f"it ended with {done.returncode}"
