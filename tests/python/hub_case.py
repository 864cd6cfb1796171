"""Configurations of a Hub, read as a Hub reads them, for tests of `pipalhub.configure`."""

import contextlib
import pathlib
import socket
import sys
import tempfile
import types
import unittest

from jupyterhub.app import JupyterHub
from jupyterhub.spawner import LocalProcessSpawner

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "wheel"))

FOLDER = ROOT / "tests/python/hub_configs"
CONFIGS = sorted(FOLDER.glob("*.py"))
# The one whose lines are in a file of its own.
TLJH = FOLDER / "tljh.py"
ACCESS = "access:services!service=dashboard"
LINES = "\nimport pipalhub\npipalhub.configure(c, {})\n"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class ReadHub:
    """A Hub that has read its configuration: its settings and its spawners'."""

    def __init__(self, path, hub):
        hub.load_config_file(str(path))
        self.settings = _values(hub, without=["config_file", "proxy_cmd"])
        self.spawners = {
            spawner.__name__: _values(spawner(config=hub.config))
            for spawner in [LocalProcessSpawner, hub.spawner_class]
        }
        self.spawner = self.spawners[hub.spawner_class.__name__]
        self.sections = {name: dict(section) for name, section in hub.config.items()}

    def service(self, name="dashboard"):
        (found,) = [s for s in self.settings["services"] if s["name"] == name]
        return found

    def role(self, name):
        (found,) = [r for r in self.settings["load_roles"] if r["name"] == name]
        return found


class HubCase(unittest.TestCase):
    """A folder with a program and a free port, for configurations to be read with."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.program = self.folder / "pipalhub"
        self.says()
        self.port = free_port()

    def says(self, error="", code=0):
        """Lets the program end so when it is asked whether it can start."""
        self.program.write_text(f'#!/bin/sh\nprintf %s "{error}" >&2\nexit {code}\n')
        self.program.chmod(0o755)

    def arguments(self, **more):
        arguments = {
            "program": str(self.program),
            "address": self.port,
            "data": str(self.folder / "data"),
            **more,
        }
        return ", ".join(f"{name}={value!r}" for name, value in arguments.items())

    def read(self, config, *lines):
        """The Hub of a configuration that ends with these lines."""
        place = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        path = place / "jupyterhub_config.py"
        text = config if isinstance(config, str) else config.read_text()
        if config == TLJH:
            (place / "jupyterhub_config.d").mkdir()
            (place / "jupyterhub_config.d" / "pipalhub.py").write_text("".join(lines))
        else:
            text += "\n" + "".join(lines)
        path.write_text(text)
        return ReadHub(path, JupyterHub())

    def configured(self, config, **arguments):
        return self.read(config, LINES.format(self.arguments(**arguments)))

    @contextlib.contextmanager
    def logs(self, level="INFO"):
        with self.assertLogs("pipalhub", level) as logs:
            yield logs

    def assert_left_out(self, config, reason, **arguments):
        """Asserts that the Hub stays as it was and its log has the reason."""
        with self.logs("ERROR") as logs:
            after = self.configured(config, **arguments)
        before = self.read(config)
        self.assertEqual(after.settings, before.settings)
        self.assertEqual(after.sections, before.sections)
        self.assertEqual(after.spawner, before.spawner)
        (line,) = logs.output
        self.assertIn("PipalHub is left out", line)
        self.assertIn(reason, line)
        self.assertNotIn("report", line)


def spawner_of(ip, api_url, base_url="/", hub_connect_url=None):
    """As much of a spawner as the address needs."""
    hub = types.SimpleNamespace(ip=ip, api_url=api_url, base_url=f"{base_url}hub/")
    return types.SimpleNamespace(hub=hub, hub_connect_url=hub_connect_url)


def _values(configurable, without=()):
    names = set(configurable.trait_names(config=True)) - set(without)
    return {name: getattr(configurable, name) for name in names}
