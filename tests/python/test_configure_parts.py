"""Parts of `pipalhub.configure`: addresses and settings."""

import inspect
import pathlib
import re
import tempfile
import unittest

from hub_case import ROOT, spawner_of
from pipalhub import address, configure, pip, settings
from pipalhub.existing import ExistingConfig
from traitlets.config import Config


class AddressTest(unittest.TestCase):
    def default(self, **settings):
        existing = ExistingConfig(Config(JupyterHub=settings))
        return str(address.service_address(None, existing))

    def test_it_listens_where_the_hub_does(self):
        self.assertEqual(self.default(), "127.0.0.1:10101")
        self.assertEqual(self.default(hub_ip="172.17.0.1"), "172.17.0.1:10101")
        self.assertEqual(self.default(hub_ip=""), "0.0.0.0:10101")
        self.assertEqual(self.default(hub_ip="::"), "[::]:10101")
        self.assertEqual(self.default(hub_bind_url="http://10.0.0.5:8081"), "10.0.0.5:10101")
        self.assertEqual(self.default(hub_bind_url="http+unix://%2Frun%2Fhub"), "127.0.0.1:10101")

    def reached(self, listens, told=None, **spawner):
        there = address.Address(*listens)
        url = address.participants_url(told, there, "wall")
        return url(spawner_of(**spawner))

    def test_servers_reach_it_by_the_name_of_the_hub(self):
        api = {"api_url": "http://hub:8081/hub/api"}
        for listens, told, spawner, expected in [
            (("127.0.0.1", 1), None, {"ip": "0.0.0.0", **api}, "http://127.0.0.1:1"),
            (("0.0.0.0", 1), None, {"ip": "0.0.0.0", **api}, "http://hub:1"),
            (("172.17.0.1", 1), None, {"ip": "172.17.0.1", **api}, "http://hub:1"),
            (("10.0.0.9", 1), None, {"ip": "172.17.0.1", **api}, "http://10.0.0.9:1"),
            (
                ("::", 1),
                None,
                {"ip": "::", "api_url": "http://[fd00::1]:2/x"},
                "http://[fd00::1]:1",
            ),
            (("0.0.0.0", 1), "https://class.example/", {"ip": "", **api}, "https://class.example"),
        ]:
            with self.subTest(expected):
                url = self.reached(listens, told, **spawner)
                self.assertEqual(url, f"{expected}/services/wall/")

    def test_a_spawner_may_have_its_own_address_of_the_hub(self):
        spawner = {"ip": "", "api_url": "http://hub:1/", "hub_connect_url": "http://gate:3"}
        url = self.reached(("0.0.0.0", 1), base_url="/class/", **spawner)
        self.assertEqual(url, "http://gate:1/class/services/wall/")

    def test_a_whole_url_or_a_function_is_taken_as_it_is(self):
        spawner = {"ip": "", "api_url": "http://hub:1/"}
        told = "https://gate/pipalhub/"
        self.assertEqual(self.reached(("0.0.0.0", 1), told, **spawner), told)
        self.assertEqual(self.reached(("0.0.0.0", 1), lambda s: s.hub.ip + "!", **spawner), "!")


class PipTest(unittest.TestCase):
    """Debian's and Ubuntu's own Python takes nothing from pip, and their virtual environments do."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.prefix = pathlib.Path(folder.name)
        (self.prefix / "bin").mkdir()
        (self.prefix / "bin/python3").touch()
        self.marker = self.prefix / "lib/python3.13/EXTERNALLY-MANAGED"
        self.marker.parent.mkdir(parents=True)

    def advice(self):
        return pip.advice("a-package", str(self.prefix), "do something else")

    def test_pip_is_called_by_the_environments_own_python(self):
        expected = f"install it with `{self.prefix}/bin/python3 -m pip install a_package-*.whl`"
        self.assertEqual(self.advice(), expected)
        (self.prefix / "bin/python3").unlink()
        self.assertEqual(self.advice(), "install it with `python3 -m pip install a_package-*.whl`")

    def test_where_the_system_manages_it_there_is_another_remedy(self):
        self.marker.touch()
        self.assertIn(f"the system's Python ({self.prefix}), so do something else", self.advice())
        self.assertNotIn("-m pip", self.advice())
        # In a virtual environment the marker is none of its own.
        (self.prefix / "pyvenv.cfg").touch()
        self.assertIn("-m pip install a_package-*.whl", self.advice())


class SettingsTest(unittest.TestCase):
    def test_the_keywords_are_the_settings_of_the_docs(self):
        text = (ROOT / "docs/settings.md").read_text()
        section = text.split("\n## Settings\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| ")]
        told = {name for row in rows for name in re.findall(r"`PIPALHUB_(\w+)`", row)}
        # The address has a keyword of its own, and a Hub has no use for the token.
        told -= {"BIND", "TOKEN", "TOKEN_FILE"}
        self.assertEqual(told, {name.upper() for name in settings.SETTINGS})

    def test_every_keyword_is_in_the_docs(self):
        text = (ROOT / "docs/install.md").read_text()
        section = text.split("\n## Its keywords\n")[1].split("\n## ")[0]
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
        keywords = inspect.signature(configure).parameters
        self.assertEqual(sorted(told), sorted(set(keywords) - {"c", "settings"}))

    def test_they_win_over_the_variables_of_the_hub(self):
        hub = {"PIPALHUB_LOG": "debug", "PIPALHUB_SOURCE": "push", "PIPALHUB_TOKEN": "canary"}
        given = {
            "source": "homes",
            "no_history": True,
            "no_build": False,
            "homes": pathlib.Path("/h"),
        }
        self.assertEqual(
            settings.variables(given, [], {**hub, "AWS_KEY": "canary", "PIPALHUB_X": "1"}),
            {
                "PIPALHUB_LOG": "debug",
                "PIPALHUB_SOURCE": "homes",
                "PIPALHUB_NO_HISTORY": "1",
                "PIPALHUB_HOMES": "/h",
            },
        )


if __name__ == "__main__":
    unittest.main()
