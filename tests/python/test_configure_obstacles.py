"""`pipalhub.configure`: what keeps the service out is told, and the Hub stays as it was."""

import socket
import unittest
from unittest import mock

from hub_case import HubCase, spawner_of


class LeftOutTest(HubCase):
    def test_a_service_of_the_name_is_told(self):
        config = "c.JupyterHub.services = [{'name': 'dashboard', 'command': ['true']}]"
        self.assert_left_out(config, "configure(c, name='wall')")
        with self.logs():
            hub = self.configured(config, name="wall")
        self.assertEqual(len(hub.settings["services"]), 2)
        self.assertIn("access:services!service=wall", hub.role("pipalhub-helper")["scopes"])

    def test_a_role_of_the_name_is_told(self):
        config = "c.JupyterHub.load_roles = [{'name': 'pipalhub-helper', 'scopes': []}]"
        self.assert_left_out(config, "another role 'pipalhub-helper'")

    def test_a_port_of_this_hub_is_told(self):
        others = {
            f"c.JupyterHub.hub_port = {self.port}": "the address of the Hub",
            f"c.JupyterHub.hub_bind_url = 'http://:{self.port}'": "the address of the Hub",
            f"c.JupyterHub.port = {self.port}": "the address of the public proxy",
            f"c.JupyterHub.bind_url = 'http://:{self.port}/x/'": "the address of the public proxy",
            f"c.ConfigurableHTTPProxy.api_url = 'http://localhost:{self.port}'": "the proxy's API",
            f"c.JupyterHub.services = [{{'name': 'other', 'command': ['true'], "
            f"'url': 'http://0.0.0.0:{self.port}'}}]": "the address of the service 'other'",
        }
        for config, reason in others.items():
            with self.subTest(config):
                self.assert_left_out(config, reason)

    def test_the_port_of_a_service_elsewhere_is_free(self):
        config = (
            "c.JupyterHub.hub_ip = ''\n"
            f"c.JupyterHub.services = [{{'name': 'o', 'url': 'http://other:{self.port}'}}]"
        )
        with self.logs():
            self.assertEqual(len(self.configured(config).settings["services"]), 2)

    def test_a_port_that_a_program_has_is_told(self):
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            port = stranger.getsockname()[1]
            self.assert_left_out("", "another program listens on 127.0.0.1", address=port)

    def test_a_service_that_a_killed_hub_has_left_is_waited_for(self):
        said = "pipalhub: another pipalhub uses the data folder /x: end it"
        # Once, and then it has ended.
        self.program.write_text(
            f'#!/bin/sh\nmkdir "$0.asked" 2>/dev/null || exit 0\necho "{said}" >&2\nexit 1\n'
        )
        with self.logs():
            self.assertEqual(len(self.configured("").settings["services"]), 1)
        self.assertTrue(self.program.with_name("pipalhub.asked").is_dir())
        self.says(said, 1)
        with mock.patch("pipalhub.configuration.LEFT_BEHIND_S", 0):
            self.assert_left_out("", "another pipalhub uses the data folder /x")

    def test_a_machine_whose_name_leads_elsewhere_is_told(self):
        config = "c.JupyterHub.hub_ip = ''"
        with self.logs():
            self.assertEqual(len(self.configured(config).settings["services"]), 1)
        name = "no-such-name.invalid"
        with mock.patch("socket.gethostname", return_value=name):
            self.assert_left_out(config, f"as {name}, and that does not lead here")

    def test_an_address_that_is_none_is_told(self):
        for wrong, reason in {
            "127.0.0.1": "no port between 1 and 65535",
            "http://127.0.0.1:123456": "is no address",
            "https://127.0.0.1:10101": "is not plain http",
            "http://203.0.113.9:10101": "this machine has no address 203.0.113.9",
            70000: "no port between 1 and 65535",
        }.items():
            with self.subTest(wrong):
                self.assert_left_out("", reason, address=wrong)
        self.assert_left_out("", "participants_url='hub:1' is no address", participants_url="hub:1")

    def test_a_program_that_is_missing_or_does_not_start_is_told(self):
        self.assert_left_out("", "program='/no/such' is not there", program="/no/such")
        self.assert_left_out("", "'no-such' is not on PATH", program="no-such")
        self.says("an early line\npipalhub: the folder is\n  open\n", 1)
        self.assert_left_out("", "cannot start: the folder is open")
        self.says("error: invalid value", 2)
        self.assert_left_out("", "cannot start: error: invalid value")
        self.program.write_text("#!/no/such/interpreter\n")
        self.assert_left_out("", "cannot be started")
        self.program.chmod(0o644)
        self.assert_left_out("", f"cannot be executed: `chmod +x {self.program}`")

    def test_without_a_program_anywhere_the_log_says_how_to_install_it(self):
        with mock.patch.dict("os.environ", PATH="/no/such"):
            with mock.patch("pipalhub.program._script_folders", return_value=[]):
                self.assert_left_out("", "-m pip install pipalhub-*.whl", program=None)

    def test_a_user_that_is_not_there_is_told(self):
        self.assert_left_out("", "useradd --system", user="no-such-user")

    def test_a_hub_that_does_not_speak_plain_http_is_told(self):
        self.assert_left_out("c.JupyterHub.internal_ssl = True", "no PipalHub with internal_ssl")
        config = "c.JupyterHub.hub_connect_url = 'https://hub:8081'"
        self.assert_left_out(config, "by plain http only")

    def test_a_mistyped_setting_is_told_with_what_there_is(self):
        self.assert_left_out("", "Did you mean history_days? There are: ", history_day=7)
        self.assert_left_out("", "Did you mean instructors?", instructor=["ines"])

    def test_an_error_of_its_own_does_not_end_the_hub(self):
        with mock.patch("pipalhub.hub.check", side_effect=ZeroDivisionError):
            with self.logs("ERROR") as logs:
                hub = self.configured("")
        self.assertEqual(hub.settings["services"], [])
        self.assertIn("please report it", logs.output[0])

    def test_a_command_beside_a_running_hub_starts_nothing(self):
        self.says("pipalhub: must not be asked", 1)
        with mock.patch("pipalhub.hub.is_starting", return_value=False):
            with self.logs():
                self.assertEqual(len(self.configured("").settings["services"]), 1)


class ExternalTest(HubCase):
    TOKEN = "a-token-of-its-own"

    def test_the_hub_starts_nothing(self):
        with self.logs("WARNING") as logs:
            hub = self.configured(
                "", external=True, api_token=self.TOKEN, address="http://wall:80", user="nobody"
            )
        service = hub.service()
        self.assertEqual(service["url"], "http://wall:80")
        self.assertEqual(service["api_token"], self.TOKEN)
        self.assertEqual(set(service) & {"command", "environment", "user"}, set())
        self.assertNotIn(self.TOKEN, str(logs.output))
        self.assertRegex(logs.output[0], "user=, program=, data= does nothing")
        url = hub.spawner["environment"]["PIPALHUB_URL"]
        there = url(spawner_of("0.0.0.0", "http://hub:8081/class/hub/api", "/class/"))
        self.assertEqual(there, "http://wall:80/class/services/dashboard/")

    def test_a_token_that_the_hub_would_not_take_is_told(self):
        self.assert_left_out("", "openssl rand -hex 32", external=True)
        self.assert_left_out("", "openssl rand -hex 32", external=True, api_token="short")
        config = f"c.JupyterHub.services = [{{'name': 'x', 'api_token': '{self.TOKEN}'}}]"
        reason = "'x' has the same api_token"
        self.assert_left_out(config, reason, external=True, api_token=self.TOKEN)


if __name__ == "__main__":
    unittest.main()
