"""`pipalhub.workshop`: the Hub of a node, as its configuration is read, and as it runs."""

import os
import pathlib
import unittest
from unittest import mock

from hub_case import ACCESS, HubCase, ROOT
from jupyterhub.spawner import Spawner
from pipalhub import workshop

CONFIG = ROOT / "etc/node/jupyterhub_config.py"
NODE = {
    "PIPALHUB_NODE": "container",
    "PIPALHUB_API_TOKEN": "a-token-of-the-service",
    "CONFIGPROXY_AUTH_TOKEN": "a-token-of-the-proxy",
    "PIPALHUB_HUB_STATE": "/var/lib/pipalhub/hub",
}


class WorkshopCase(HubCase):
    def on_node(self, config=CONFIG, *lines, **environment):
        with mock.patch.dict(os.environ, {**NODE, **environment}):
            return self.read(config, *lines)

    def with_line(self, line, **environment):
        return self.on_node(f"import pipalhub\n{line}\n", **environment)


class WorkshopTest(WorkshopCase):
    def test_the_file_of_a_node_configures_all_of_its_hub(self):
        hub = self.on_node()
        self.assertEqual(hub.settings["bind_url"], "http://0.0.0.0:8000")
        self.assertEqual(
            hub.settings["db_url"], "sqlite:////var/lib/pipalhub/hub/jupyterhub.sqlite"
        )
        secret = "/var/lib/pipalhub/hub/jupyterhub_cookie_secret"
        self.assertEqual(hub.settings["cookie_secret_file"], secret)
        self.assertFalse(hub.settings["cleanup_servers"])
        self.assertEqual(
            hub.spawner["cmd"], ["/opt/pipalhub/participants/bin/jupyterhub-singleuser"]
        )
        self.assertEqual(hub.spawner["default_url"], "/lab")
        self.assertEqual(hub.spawner["mem_limit"], 2**30)
        self.assertEqual(hub.spawner["cpu_limit"], 1.0)
        self.assertEqual(hub.spawner["processes"], 512)
        path = hub.spawner["environment"]["PATH"]
        self.assertTrue(path.startswith("/opt/pipalhub/participants/bin:"), path)
        self.assertNotIn("/opt/pipalhub/hub", path)
        # The service is there, and its token is where the Hub alone has it.
        self.assertEqual(hub.service()["api_token"], "a-token-of-the-service")
        self.assertNotIn("command", hub.service())
        self.assertIn("PIPALHUB_URL", hub.spawner["environment"])
        self.assertIn(ACCESS, hub.role("pipalhub-instructor")["scopes"])
        self.assertFalse(hub.sections["ConfigurableHTTPProxy"]["should_start"])

    def test_without_containers_servers_are_units_on_this_machine_only(self):
        # It asks for its user's name when it is made.
        made = mock.patch("systemdspawner.SystemdSpawner.__init__", Spawner.__init__)
        with made:
            hub = self.on_node(PIPALHUB_NODE="systemd")
        self.assertEqual(hub.settings["bind_url"], "http://127.0.0.1:8000")
        unit = hub.sections["SystemdSpawner"]
        self.assertEqual(unit["unit_extra_properties"]["TasksMax"], "512")
        self.assertEqual(unit["unit_extra_properties"]["MemorySwapMax"], "0")
        # SystemdSpawner formats each of them.
        for value in unit["unit_extra_properties"].values():
            self.assertEqual(value.format(USERNAME="ana", USERID=1), value)
        self.assertTrue(unit["isolate_tmp"] and unit["disable_user_sudo"])

    def test_what_stands_below_wins(self):
        hub = self.on_node(CONFIG, "c.Spawner.default_url = '/tree'\nc.Spawner.mem_limit = '2G'\n")
        self.assertEqual(hub.spawner["default_url"], "/tree")
        self.assertEqual(hub.spawner["mem_limit"], 2**31)

    def test_limits_are_the_trainers(self):
        hub = self.with_line("pipalhub.workshop(c, memory='768m', cpu=0.5, processes=100)")
        self.assertEqual(hub.spawner["mem_limit"], 768 * 2**20)
        self.assertEqual((hub.spawner["cpu_limit"], hub.spawner["processes"]), (0.5, 100))
        hub = self.with_line("pipalhub.workshop(c, memory=None, cpu=None, processes=None)")
        self.assertIsNone(hub.spawner["mem_limit"])
        self.assertIsNone(hub.spawner["cpu_limit"])
        self.assertIsNone(hub.spawner["processes"])
        self.assertNotIn("OMP_NUM_THREADS", hub.spawner["environment"])

    def test_a_limit_that_is_none_is_named(self):
        for argument, said in [
            ("memory='1 gig'", "memory='1 gig'"),
            ("memory='10M'", "512M or more"),
            ("cpu='all'", "cpu='all'"),
            ("cpu=0", "cpu=0"),
            ("cpu=True", "cpu=True"),
            ("processes=10", "64 or more"),
            ("processes=1.5", "processes=1.5"),
        ]:
            with self.subTest(argument), self.assertRaisesRegex(ValueError, said):
                self.with_line(f"pipalhub.workshop(c, {argument})")

    def test_elsewhere_it_says_what_to_call(self):
        for kind in ["", "docker"]:
            with self.assertRaisesRegex(ValueError, "pipalhub.configure"):
                self.on_node(PIPALHUB_NODE=kind)

    def test_without_a_token_the_hub_starts_and_says_why_there_is_no_page(self):
        with self.assertLogs("pipalhub", "ERROR") as log:
            hub = self.on_node(PIPALHUB_API_TOKEN="", PIPALHUB_STEWARD_TOKEN="of-a-steward")
        self.assertIn("external=True needs the service's token", log.output[0])
        self.assertEqual(hub.settings["services"], [])

    def test_the_steward_is_known_by_its_token(self):
        hub = self.on_node()
        self.assertEqual([it["name"] for it in hub.settings["services"]], ["dashboard"])
        hub = self.on_node(PIPALHUB_STEWARD_TOKEN="a-token-of-the-steward")
        self.assertEqual(hub.service("dashboard-steward")["api_token"], "a-token-of-the-steward")
        self.assertEqual(hub.role("pipalhub-steward")["services"], ["dashboard-steward"])

    def test_instructors_and_admins_by_name(self):
        hub = self.with_line(
            "pipalhub.workshop(c, instructors=['ines'], admins='root-of-hub', helpers=['hari'])"
        )
        self.assertEqual(hub.role("pipalhub-instructor")["users"], ["ines"])
        self.assertEqual(hub.role("pipalhub-helper")["users"], ["hari"])
        self.assertEqual(hub.sections["Authenticator"]["admin_users"], {"root-of-hub"})

    def test_it_is_one_line_of_the_trainers_file(self):
        lines = [line for line in CONFIG.read_text().splitlines() if line.strip()]
        self.assertLessEqual(len([line for line in lines if not line.startswith("#")]), 3)
        self.assertTrue(callable(workshop))
        self.assertEqual(pathlib.Path(CONFIG).name, "jupyterhub_config.py")


if __name__ == "__main__":
    unittest.main()
