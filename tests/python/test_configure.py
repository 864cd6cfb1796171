"""`pipalhub.configure`: Hubs keep every setting they had, and get the service besides.

The configurations in hub_configs/ are read as a Hub reads them, with the lines of the
installation and without. Run with a Hub of each version that is supported.
"""

import contextlib
import pathlib
import re
import socket
import sys
import tempfile
import types
import unittest
from unittest import mock

from jupyterhub.app import JupyterHub
from jupyterhub.spawner import LocalProcessSpawner

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/python/hub_configs"
CONFIGS = sorted(FOLDER.glob("*.py"))
# The one whose lines are in a file of its own.
TLJH = FOLDER / "tljh.py"
sys.path.insert(0, str(ROOT / "wheel"))

from pipalhub import address, settings  # noqa: E402
from pipalhub.existing import ExistingConfig  # noqa: E402

ACCESS = "access:services!service=dashboard"
LINES = "\nimport pipalhub\npipalhub.configure(c, {})\n"
# What may be more after configure() than before.
GROWS = ["services", "load_roles", "custom_scopes", "extra_user_scopes"]
KNOWS_EXTRA_USER_SCOPES = "extra_user_scopes" in JupyterHub.class_traits()


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


class KeepsTest(HubCase):
    def assert_kept(self, before, after):
        """Asserts that everything before is there after, in its order."""
        for name, value in before.settings.items():
            if name in GROWS and isinstance(value, list):
                kept = [self.without_access(one) for one in after.settings[name] if one in value
                        or one.get("name") in [other.get("name") for other in value]]
                self.assertEqual(kept, [self.without_access(one) for one in value], name)
            elif name in GROWS:
                self.assertLessEqual(_items(value), _items(after.settings[name]), name)
            elif name != "spawner_class":
                self.assertEqual(after.settings[name], value, name)
        for spawner, values in before.spawners.items():
            if spawner not in after.spawners:
                continue
            for name, value in values.items():
                now = after.spawners[spawner][name]
                if name == "environment":
                    self.assertEqual(set(now) - set(value), {"PIPALHUB_URL"}, spawner)
                    now = {key: now[key] for key in value}
                    self.assertEqual(_shape(now), _shape(value), spawner)
                elif not (name == "default_url" and value == ""):
                    self.assertEqual(_shape(now), _shape(value), f"{spawner}.{name}")
        for section in before.sections:
            if section != "JupyterHub" and not section.endswith("Spawner"):
                self.assertEqual(str(after.sections[section]), str(before.sections[section]))

    def without_access(self, one):
        """A role without what configure() gives every user."""
        if one.get("name") != "user":
            return one
        return {**one, "scopes": [s for s in one.get("scopes", ["self"]) if s != ACCESS]}

    def test_existing_configurations_keep_every_setting(self):
        self.assertGreater(len(CONFIGS), 6)
        for config in CONFIGS:
            with self.subTest(config.name), self.logs():
                self.assert_kept(self.read(config), self.configured(config))

    def test_every_configuration_gets_the_service_and_its_roles(self):
        for config in CONFIGS:
            with self.subTest(config.name), self.logs():
                hub = self.configured(config, history_days=7)
                service = hub.service()
                command = [str(self.program), "serve", "--data", str(self.folder / "data")]
                self.assertEqual(service["command"], command)
                self.assertEqual(service["environment"]["PIPALHUB_HISTORY_DAYS"], "7")
                for role, scope in [("instructor", "write"), ("helper", "read")]:
                    given = hub.role(f"pipalhub-{role}")
                    self.assertEqual(given["scopes"], [ACCESS, f"custom:pipalhub:{scope}"])
                    self.assertEqual(given["groups"], [f"{role}s"])
                self.assertIn("custom:pipalhub:write", hub.settings["custom_scopes"])
                roles = {role["name"]: role for role in hub.settings["load_roles"]}
                of_users = [
                    *hub.settings.get("extra_user_scopes", []),
                    *roles.get("user", {}).get("scopes", []),
                ]
                self.assertTrue({ACCESS, "access:services"} & set(of_users), of_users)
                self.assertEqual(len(roles), len(hub.settings["load_roles"]))

    def test_every_spawner_is_told_the_address(self):
        for config in CONFIGS:
            with self.subTest(config.name), self.logs():
                hub = self.configured(config)
                url = hub.spawner["environment"]["PIPALHUB_URL"]
                spawner = spawner_of("127.0.0.1", "http://127.0.0.1:8081/hub/api")
                expected = f"http://127.0.0.1:{self.port}/services/dashboard/"
                self.assertEqual(url(spawner), expected)
                if "KubeSpawner" in hub.sections:
                    self.assertIn("PIPALHUB_URL", hub.sections["KubeSpawner"]["environment"])

    def test_called_twice_it_changes_nothing(self):
        for config in CONFIGS:
            with self.subTest(config.name), self.logs():
                lines = LINES.format(self.arguments())
                once, twice = self.read(config, lines), self.read(config, lines, lines)
                for name in GROWS:
                    self.assertEqual(once.settings.get(name), twice.settings.get(name), name)
                self.assertEqual(_shape(once.spawner), _shape(twice.spawner))

    def test_names_of_the_configuration_still_mean_its_values(self):
        config = (
            "services = c.JupyterHub.services = []\n"
            "roles = c.JupyterHub.load_roles = [{'name': 'user', 'scopes': ['self']}]\n"
            "environment = c.Spawner.environment = {}\n"
        )
        later = (
            "services.append({'name': 'late', 'api_token': 'the-late-token'})\n"
            "roles.append({'name': 'late', 'scopes': [], 'services': ['late']})\n"
            "environment['LATE'] = '1'\n"
        )
        with self.logs():
            hub = self.read(config, LINES.format(self.arguments()), later)
        self.assertEqual([s["name"] for s in hub.settings["services"]], ["dashboard", "late"])
        self.assertEqual(hub.role("late")["services"], ["late"])
        self.assertEqual(hub.role("user")["scopes"], ["self", ACCESS])
        self.assertEqual(hub.spawner["environment"]["LATE"], "1")

    def test_changes_after_it_count(self):
        later = "c.JupyterHub.services.append({'name': 'late', 'api_token': 'the-late-token'})\n"
        with self.logs():
            hub = self.read("", LINES.format(self.arguments()), later)
        self.assertEqual([s["name"] for s in hub.settings["services"]], ["dashboard", "late"])

    def test_rights_that_are_there_stay_as_they_are(self):
        scope = {"description": "By somebody else"}
        for opening in ["access:services", ACCESS]:
            roles = [{"name": "user", "scopes": ["self", opening]}, {"name": "x", "scopes": []}]
            config = (
                f"c.JupyterHub.load_roles = {roles!r}\n"
                f"c.JupyterHub.custom_scopes = {{'custom:pipalhub:read': {scope!r}}}\n"
            )
            with self.logs():
                hub = self.configured(config)
            self.assertEqual(hub.settings["load_roles"][:2], roles)
            self.assertEqual(hub.settings["custom_scopes"]["custom:pipalhub:read"], scope)

    def test_lab_opens_unless_something_else_is_set(self):
        for config, url in [("", "/lab"), ("c.Spawner.default_url = '/tree'", "/tree")]:
            with self.logs():
                self.assertEqual(self.configured(config).spawner["default_url"], url)
        with self.logs():
            self.assertEqual(self.configured(FOLDER / "containers.py").spawner["default_url"], "/rstudio")

    def test_an_address_that_servers_were_told_stays(self):
        with self.logs():
            hub = self.configured("c.Spawner.environment = {'PIPALHUB_URL': 'http://x/'}")
        self.assertEqual(hub.spawner["environment"], {"PIPALHUB_URL": "http://x/"})

    def test_tljh_has_its_homes(self):
        with self.logs():
            environment = self.configured(TLJH).service()["environment"]
            self.assertEqual(environment["PIPALHUB_HOMES"], "/home/{tljh}")
            environment = self.configured(TLJH, homes="/srv/{user}").service()["environment"]
            self.assertEqual(environment["PIPALHUB_HOMES"], "/srv/{user}")

    @unittest.skipUnless(KNOWS_EXTRA_USER_SCOPES, "JupyterHub 6 has extra_user_scopes")
    def test_extra_user_scopes_are_added_to(self):
        for value in ["{'read:hub'}", "['read:hub']"]:
            with self.logs():
                hub = self.configured(f"c.JupyterHub.extra_user_scopes = {value}")
            self.assertEqual(hub.settings["extra_user_scopes"], {"read:hub", ACCESS})
            self.assertNotIn("user", [role["name"] for role in hub.settings["load_roles"]])


def spawner_of(ip, api_url, base_url="/", hub_connect_url=None):
    """As much of a spawner as the address needs."""
    hub = types.SimpleNamespace(ip=ip, api_url=api_url, base_url=f"{base_url}hub/")
    return types.SimpleNamespace(hub=hub, hub_connect_url=hub_connect_url)


def _values(configurable, without=()):
    names = set(configurable.trait_names(config=True)) - set(without)
    return {name: getattr(configurable, name) for name in names}


def _items(value):
    return set(value) if isinstance(value, (set, dict)) else value


def _shape(value):
    """A value in which functions and classes, which are new each time, are their names."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return getattr(value, "__qualname__", value) if callable(value) else value


class MembersTest(HubCase):
    def test_users_and_groups_may_be_named(self):
        with self.logs():
            hub = self.configured(
                "",
                instructors=["ines", "ivo"],
                helpers="helga",
                instructor_groups=["staff"],
                helper_groups=[],
            )
        instructor, helper = hub.role("pipalhub-instructor"), hub.role("pipalhub-helper")
        self.assertEqual([instructor["users"], instructor["groups"]], [["ines", "ivo"], ["staff"]])
        self.assertEqual([helper["users"], helper.get("groups")], [["helga"], None])

    def test_groups_that_the_authenticator_manages_are_no_hindrance(self):
        with self.logs():
            hub = self.configured("c.Authenticator.manage_groups = True")
        # A Hub with both does not start.
        self.assertEqual(hub.settings["load_groups"], {})

    def test_roles_that_the_authenticator_manages_get_no_members(self):
        own = (
            "from jupyterhub.auth import DummyAuthenticator\n"
            "class Own(DummyAuthenticator):\n"
            "    manage_roles = True\n"
            "c.JupyterHub.authenticator_class = Own\n"
        )
        for config in ["c.Authenticator.manage_roles = True", own]:
            with self.subTest(config), self.logs("WARNING") as logs:
                hub = self.configured(config, instructors=["ines"])
                # A Hub with members in its configuration does not start.
                self.assertEqual(set(hub.role("pipalhub-instructor")) & {"users", "groups"}, set())
                self.assertIn("let it give pipalhub-instructor", str(logs.output))

    def test_a_name_that_the_hub_would_not_take_is_told(self):
        self.assert_left_out("", "'' is no name", instructors=[""])
        config = "c.Authenticator.username_pattern = '[a-z]+$'"
        self.assert_left_out(config, "takes no user 'In es'", instructors=["In es"])


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
                self.assert_left_out("", "-m pip install pipalhub", program=None)

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


class AddressTest(unittest.TestCase):
    def default(self, **settings):
        from traitlets.config import Config

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
            (("::", 1), None, {"ip": "::", "api_url": "http://[fd00::1]:2/x"}, "http://[fd00::1]:1"),
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


class SettingsTest(unittest.TestCase):
    def test_the_keywords_are_the_settings_of_the_docs(self):
        text = (ROOT / "docs/settings.md").read_text()
        section = text.split("\n## Settings\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| ")]
        told = {name for row in rows for name in re.findall(r"`PIPALHUB_(\w+)`", row)}
        # The address has a keyword of its own, and a Hub has no use for the token.
        told -= {"BIND", "TOKEN", "TOKEN_FILE"}
        self.assertEqual(told, {name.upper() for name in settings.SETTINGS})

    def test_they_win_over_the_variables_of_the_hub(self):
        hub = {"PIPALHUB_LOG": "debug", "PIPALHUB_SOURCE": "push", "PIPALHUB_TOKEN": "canary"}
        given = {"source": "homes", "no_history": True, "no_build": False, "homes": pathlib.Path("/h")}
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
