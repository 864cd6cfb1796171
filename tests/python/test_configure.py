"""`pipalhub.configure`: Hubs keep every setting they had, and get the service besides.

The configurations in hub_configs/ are read as a Hub reads them, with the lines of the
installation and without. Run with a Hub of each version that is supported.
"""

import os
import shutil
import sys
import tempfile
import unittest

from hub_case import ACCESS, CONFIGS, FOLDER, LINES, TLJH, HubCase, spawner_of
from jupyterhub.app import JupyterHub
from jupyterhub.auth import PAMAuthenticator
from traitlets.config import Config

# What may be more after configure() than before.
GROWS = ["services", "load_roles", "custom_scopes", "extra_user_scopes"]
KNOWS_EXTRA_USER_SCOPES = "extra_user_scopes" in JupyterHub.class_traits()


class KeepsTest(HubCase):
    def assert_kept(self, before, after):
        """Asserts that everything before is there after, in its order."""
        for name, value in before.settings.items():
            if name in GROWS and isinstance(value, list):
                kept = [
                    self.without_access(one)
                    for one in after.settings[name]
                    if one in value or one.get("name") in [other.get("name") for other in value]
                ]
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
                data = str(self.folder / "data")
                command = [str(self.program), "serve", "--end-with-parent", "--data", data]
                self.assertEqual(service["command"], command)
                self.assertEqual(service["environment"]["PIPALHUB_HISTORY_DAYS"], "7")
                scopes = {"instructor": "write", "helper": "help", "observer": "read"}
                for role, scope in scopes.items():
                    given = hub.role(f"pipalhub-{role}")
                    self.assertEqual(given["scopes"], [ACCESS, f"custom:pipalhub:{scope}"])
                    self.assertEqual(given["groups"], [f"{role}s"])
                own = hub.role("pipalhub-service")
                self.assertEqual(own["scopes"], ["list:users", "read:servers"])
                self.assertEqual(own["services"], ["dashboard"])
                self.assertEqual(set(own) & {"users", "groups"}, set())
                for scope in scopes.values():
                    name = f"custom:pipalhub:{scope}"
                    self.assertIn(name, hub.settings["custom_scopes"])
                    # A session in the service has no other scopes.
                    self.assertIn(name, service["oauth_client_allowed_scopes"])
                subscopes = [
                    hub.settings["custom_scopes"][f"custom:pipalhub:{scope}"].get("subscopes")
                    for scope in scopes.values()
                ]
                self.assertEqual(
                    subscopes, [["custom:pipalhub:help"], ["custom:pipalhub:read"], None]
                )
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
            self.assertEqual(
                self.configured(FOLDER / "containers.py").spawner["default_url"], "/rstudio"
            )

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
                observers=["olga"],
                instructor_groups=["staff"],
                helper_groups=[],
            )
        instructor, helper = hub.role("pipalhub-instructor"), hub.role("pipalhub-helper")
        self.assertEqual([instructor["users"], instructor["groups"]], [["ines", "ivo"], ["staff"]])
        self.assertEqual([helper["users"], helper.get("groups")], [["helga"], None])
        observer = hub.role("pipalhub-observer")
        self.assertEqual([observer["users"], observer["groups"]], [["olga"], ["observers"]])

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


class StewardTest(HubCase):
    def test_the_steward_is_a_second_service_without_a_page(self):
        with self.logs():
            hub = self.configured("", steward={"users_file": "/srv/users.txt", "keep_hashes": True})
        service = hub.service("dashboard-steward")
        self.assertEqual(service["command"][1:], ["steward", "--end-with-parent"])
        self.assertNotIn("url", service)
        self.assertNotIn("user", service)
        environment = service["environment"]
        authenticator = environment.pop("PIPALHUB_AUTHENTICATOR")
        self.assertTrue(authenticator.startswith("jupyterhub.auth.PAMAuthenticator "))
        expected = {
            "PIPALHUB_USERS_FILE": "/srv/users.txt",
            "PIPALHUB_KEEP_HASHES": "1",
            "PIPALHUB_INSTRUCTOR_ROLES": "pipalhub-instructor",
            "PIPALHUB_HUB_ENVIRONMENT": sys.prefix,
        }
        self.assertEqual(environment, expected)
        role = hub.role("pipalhub-steward")
        self.assertEqual(role["services"], ["dashboard-steward"])
        least = ["admin:users", "servers", "read:hub", "list:groups", "read:roles:groups"]
        self.assertEqual(role["scopes"], least)

    def test_packages_go_into_the_environment_of_servers_and_never_into_the_hubs(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "bin", "jupyterhub-singleuser")
            os.mkdir(os.path.dirname(program))
            shutil.copy("/bin/true", program)
            own = os.path.join(sys.prefix, "bin", "jupyterhub-singleuser")
            servers = f"c.Spawner.cmd = [{program!r}]"
            for config, steward, mark, expected in [
                (servers, True, False, None),
                (servers, True, True, folder),
                (servers, {"environment": "/opt/x"}, True, "/opt/x"),
                (f"c.Spawner.cmd = [{own!r}]", True, True, None),
                ("c.Spawner.cmd = ['no-such-program']", True, True, None),
            ]:
                with self.subTest(config, mark=mark), self.logs():
                    if mark:
                        open(os.path.join(folder, "pyvenv.cfg"), "w").close()
                    hub = self.configured(config, steward=steward)
                    environment = hub.service("dashboard-steward")["environment"]
                    self.assertEqual(environment.get("PIPALHUB_ENVIRONMENT"), expected)

    def test_where_servers_are_containers_packages_go_into_the_image(self):
        lines = """
from jupyterhub.spawner import Spawner
from traitlets import List, Unicode
class DockerSpawner(Spawner):
    image = Unicode("quay.io/default").tag(config=True)
    allowed_images = List().tag(config=True)
    start = stop = poll = None
c.JupyterHub.spawner_class = DockerSpawner
"""
        for config, expected in [
            ("", "quay.io/default"),
            ("c.DockerSpawner.image = 'class:2'", "class:2"),
            ("c.DockerSpawner.image = 'class:2'\nc.DockerSpawner.allowed_images = ['a', 'b']", None),
        ]:
            with self.subTest(config), self.logs():
                environment = self.configured(lines + config).service("dashboard")["environment"]
                self.assertEqual(environment["PIPALHUB_IMAGE_SPAWNER"], "DockerSpawner")
                self.assertEqual(environment.get("PIPALHUB_IMAGE"), expected)
        with self.logs():
            environment = self.configured("").service("dashboard")["environment"]
        self.assertNotIn("PIPALHUB_IMAGE_SPAWNER", environment)

    def test_the_steward_is_told_how_the_hub_signs_people_in(self):
        shared = "c.JupyterHub.authenticator_class = 'shared-password'\n"
        password = "c.SharedPasswordAuthenticator.user_password = 'one for all'\n"
        dummy = "c.JupyterHub.authenticator_class = 'dummy'\n"
        for config, name, told in [
            (shared, "SharedPasswordAuthenticator", None),
            (shared + password, "SharedPasswordAuthenticator", "one for all"),
            (dummy, "DummyAuthenticator", None),
            (dummy + "c.DummyAuthenticator.password = 'x'\n", "DummyAuthenticator", "x"),
        ]:
            with self.subTest(config), self.logs():
                hub = self.configured(config, steward={"protect": ["ada", "bo"]})
                environment = hub.service("dashboard-steward")["environment"]
                self.assertIn(f".{name} ", environment["PIPALHUB_AUTHENTICATOR"])
                self.assertEqual(environment.get("PIPALHUB_SHARED_PASSWORD"), told)
                self.assertEqual(environment["PIPALHUB_PROTECT"], "ada,bo")
                self.assertIs(hub.sections["Authenticator"]["allow_existing_users"], True)
                self.assertNotIn("LocalAuthenticator", hub.sections)

    def test_a_hub_that_says_who_may_sign_in_is_left_so(self):
        dummy = "c.JupyterHub.authenticator_class = 'dummy'\n"
        for line in [
            "c.Authenticator.allow_all = True",
            "c.Authenticator.allowed_users = {'ada'}",
            "c.DummyAuthenticator.allow_existing_users = False",
        ]:
            with self.subTest(line), self.logs():
                after = self.configured(dummy + line, steward=True)
                before = self.read(dummy + line)
                for section in ["Authenticator", "DummyAuthenticator"]:
                    self.assertEqual(after.sections.get(section), before.sections.get(section))

    def test_whom_the_steward_makes_may_sign_in(self):
        group = "pipalhub-participants"
        for config, expected in [
            ("", {group}),
            ("c.LocalAuthenticator.allowed_groups = ['x']", {"x", group}),
            ("c.PAMAuthenticator.allowed_groups = {'x'}", {"x", group}),
        ]:
            with self.subTest(config), self.logs():
                hub = self.configured(config, steward=True)
                sections = {name: Config(values) for name, values in hub.sections.items()}
                authenticator = PAMAuthenticator(config=Config(sections))
                self.assertEqual(authenticator.allowed_groups, expected)
        with self.logs():
            hub = self.configured("", steward={"accounts": "none"})
        self.assertNotIn("LocalAuthenticator", hub.sections)

    def test_the_service_and_the_steward_meet_where_they_are_told_to(self):
        with self.logs():
            hub = self.configured("", steward=True, steward_socket="/srv/steward.sock")
        for name in ["dashboard", "dashboard-steward"]:
            environment = hub.service(name)["environment"]
            self.assertEqual(environment["PIPALHUB_STEWARD_SOCKET"], "/srv/steward.sock")

    def test_without_a_steward_the_class_is_shown_all_the_same(self):
        for wanted, reason in [
            ({"users": "x"}, "the steward has no setting users"),
            ("yes", "neither True nor settings"),
        ]:
            with self.subTest(reason), self.logs("ERROR") as logs:
                hub = self.configured("", steward=wanted)
                self.assertIn(reason, str(logs.output))
                self.assertIn("shows the class without", str(logs.output))
                names = [service["name"] for service in hub.settings["services"]]
                self.assertEqual(names, ["dashboard"])


if __name__ == "__main__":
    unittest.main()
