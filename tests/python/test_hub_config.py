"""The Hub's configuration: the variables of its environment that reach the service."""

import os
import pathlib
import re
import runpy
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "etc" / "jupyterhub" / "jupyterhub_config.py"


class Config:
    """A stand-in for `c` that keeps the settings of the file."""

    def __getattr__(self, name):
        section = Config()
        setattr(self, name, section)
        return section


def service_of(environment):
    """The service that the file describes in this environment."""
    c = Config()
    with mock.patch.dict(os.environ, environment, clear=True):
        runpy.run_path(str(CONFIG), init_globals={"get_config": lambda: c})
    (service,) = c.JupyterHub.services
    return service


def settings_in_the_docs():
    """Every variable in the table of settings."""
    text = (ROOT / "docs/settings.md").read_text()
    section = text.split("\n## Settings\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return {name for row in rows for name in re.findall(r"`(PIPALHUB_\w+)`", row)}


class HubConfigTest(unittest.TestCase):
    def test_every_setting_of_the_docs_reaches_the_service(self):
        settings = settings_in_the_docs()
        self.assertIn("PIPALHUB_HISTORY_DAYS", settings)
        self.assertGreater(len(settings), 10)
        given = {name: f"the-{name}" for name in settings}
        service = service_of({**given, "PATH": "/bin", "SECRET": "canary"})
        reached = [service["url"], *service["command"], *service["environment"].values()]
        for name in settings - {"PIPALHUB_TOKEN", "PIPALHUB_TOKEN_FILE"}:
            self.assertTrue(any(f"the-{name}" in text for text in reached), name)
        for name, value in service["environment"].items():
            self.assertEqual(given[name], value)

    def test_no_other_variable_reaches_the_service(self):
        service = service_of({"PIPALHUB_TOKEN": "canary", "AWS_KEY": "canary", "PATH": "/bin"})
        self.assertEqual(service["environment"], {})
        self.assertNotIn("canary", str(service))


if __name__ == "__main__":
    unittest.main()
