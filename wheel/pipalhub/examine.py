"""`python -m pipalhub.examine jupyterhub_config.py`: what there is to say of a Hub.

`pipalhub doctor --hub-config` runs it, with the Hub's own Python, and adds the findings, JSON on
the standard output, to its own. The configuration is read as the Hub reads it, and nothing is
started, made or changed.
"""

import json
import logging
import os
import shutil
import sys
import traceback
import urllib.request
from collections import Counter

from . import address as addresses
from . import hub, roles
from .existing import ExistingConfig

CONFIGURATION = "Hub configuration"
SERVICE = "Hub's service"
START = "Hub's start"
LEFT_OUT = "PipalHub is left out"
# Longest wait for the Hub's answer, in seconds.
TIMEOUT_S = 5


class Findings(logging.Handler):
    """The findings, among them what `configure` logs."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.all = []

    def add(self, level, subject, message, remedy=None, **more):
        finding = {"level": level, "subject": subject, "message": message, "remedy": remedy}
        self.all.append({**finding, **more})

    def emit(self, record):
        level = "problem" if record.levelno >= logging.ERROR else "warning"
        remedy = "Correct it, and start the Hub again."
        self.add(level, SERVICE, record.getMessage(), remedy)

    @property
    def say_it_is_left_out(self):
        return any(finding["message"].startswith(LEFT_OUT) for finding in self.all)


def examine(path):
    """The findings on the configuration in this file."""
    findings = Findings()
    log = logging.getLogger("pipalhub")
    log.addHandler(findings)
    log.propagate = False
    hub.Reading.only_looks = True
    try:
        application = _read(path, findings)
        if application is not None:
            _examine(application, findings)
    finally:
        hub.Reading.only_looks = False
        log.removeHandler(findings)
    return findings.all


def _read(path, findings):
    hub_class = hub.application_class()
    if hub_class is None:
        findings.add(
            "problem",
            CONFIGURATION,
            f"{sys.executable} has no JupyterHub",
            "Run the pipalhub that is installed beside the Hub's Python.",
        )
        return None
    application = hub_class()
    if not os.path.exists(path):
        findings.add("problem", CONFIGURATION, f"{path} is not there", "Say where it is.")
        return None
    try:
        # What the configuration prints is no finding.
        stdout, sys.stdout = sys.stdout, sys.stderr
        try:
            application.load_config_file(path)
        finally:
            sys.stdout = stdout
    except (Exception, SystemExit) as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        findings.add(
            "problem",
            CONFIGURATION,
            f"{path} ends with {type(error).__name__}: {error} ({line.filename}:{line.lineno})",
            "Correct it: the Hub does not start with it.",
        )
        return None
    import jupyterhub

    findings.add("ok", CONFIGURATION, f"{path} is read by JupyterHub {jupyterhub.__version__}")
    return application


def _examine(application, findings):
    existing = ExistingConfig(application.config)
    _examine_start(application, existing, findings)
    base_url = addresses.base_url(existing)
    _examine_hub(existing, base_url, findings)
    service = next((s for s in application.services if _is_ours(s)), None)
    if service is not None:
        _examine_service(service, base_url, findings)
    elif not findings.say_it_is_left_out:
        findings.add(
            "problem",
            SERVICE,
            "there is none in the configuration",
            "Add `import pipalhub` and `pipalhub.configure(c)` at its end.",
        )


def _is_ours(service):
    return roles.WRITE in service.get("oauth_client_allowed_scopes", [])


def _examine_start(application, existing, findings):
    """What would keep the Hub from starting."""
    before = len(findings.all)

    def keeps(message, remedy):
        findings.add("problem", START, message, remedy)

    for kind, named in [("services", application.services), ("roles", application.load_roles)]:
        for name, count in Counter(one.get("name") for one in named).items():
            if count > 1:
                keeps(f"{count} {kind} are called {name!r}", "Give each a name of its own.")
    names = {service.get("name") for service in application.services}
    for role in application.load_roles:
        for name in set(role.get("services", [])) - names:
            keeps(
                f"the role {role.get('name')!r} is for a service {name!r}, which is not there",
                "Add the service to c.JupyterHub.services, or take it out of the role.",
            )
        has_members = {"users", "groups"} & set(role)
        if has_members and hub.manages_roles(existing, type(application)):
            keeps(
                f"the role {role.get('name')!r} has members, and the authenticator gives roles",
                "Take `users` and `groups` out of it.",
            )
    for service in application.services:
        command = service.get("command")
        program = command.split()[0] if isinstance(command, str) else (command or [None])[0]
        if program and shutil.which(program) is None:
            keeps(
                f"the program of the service {service.get('name')!r} is missing: {program}",
                "Install it, correct its path, or take the service out.",
            )
    if len(findings.all) == before:
        findings.add("ok", START, "nothing in the configuration is known to hinder it")


def _examine_hub(existing, base_url, findings):
    """Whether the Hub runs."""
    where = addresses.hub_address(existing)
    if not where.port:
        return
    host = "127.0.0.1" if where.is_wildcard else where.host
    url = f"{addresses.Address(host, where.port).url}{base_url}hub/api/"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            version = json.load(answer).get("version")
    except (OSError, ValueError, AttributeError) as error:
        findings.add("warning", "Hub", f"{url} does not answer: {error}", "Start the Hub.")
        return
    findings.add("ok", "Hub", f"version {version} answers at {url}")


def _examine_service(service, base_url, findings):
    command = service.get("command")
    started = f"started as `{' '.join(command)}`" if command else "not started by the Hub"
    prefix = f"{base_url}services/{service['name']}/"
    where = addresses.of_url(service["url"], 80)
    host = "127.0.0.1" if where.is_wildcard else where.host
    # For whoever asks the service itself, from here.
    url = addresses.Address(host, where.port).url.rstrip("/") + prefix
    findings.add("ok", SERVICE, f"is {prefix} at {service['url']}, {started}", url=url)
    try:
        said = addresses.health(where, prefix)
    except ConnectionRefusedError:
        remedy = "Start the Hub." if command else "Start the service, and see its log."
        findings.add("warning", SERVICE, f"nothing listens on {where}", remedy)
        return
    if said is None:
        findings.add(
            "problem",
            SERVICE,
            f"what listens on {where} is not this service",
            "End it, or choose another port with configure(c, address=...).",
        )
    elif said[0] == "ok":
        findings.add("ok", SERVICE, f"answers on {where}")
    else:
        remedy = "Its log says more; it goes on by itself once that is mended."
        findings.add("problem", SERVICE, f"says: {said[1]}", remedy)


if __name__ == "__main__":
    json.dump(examine(sys.argv[1]), sys.stdout)
