"""What the steward makes of the list in real Hubs that sign people in by something else than PAM."""

import json
import threading
import unittest
import urllib.request

import jupyterhub
from real_hub_case import TIMEOUT_S, RealHubCase, until

NATIVE = """
c.JupyterHub.authenticator_class = "native"
"""

SHARED = """
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "a canary for everyone"
"""

# Stands for an outside provider: it lets in whoever says that they were there, as far as the Hub
# lets them.
OUTSIDE = """
from jupyterhub.auth import Authenticator

class FairOAuthenticator(Authenticator):
    async def authenticate(self, handler, data):
        return data["username"] if data["password"] == "signed by the fair" else None

c.JupyterHub.authenticator_class = FairOAuthenticator
"""


@unittest.skipIf(
    jupyterhub.version_info[0] > 5,
    "NativeAuthenticator 1.3.0 signs nobody in on JupyterHub 6, by an error of its own",
)
class NativeTest(RealHubCase):
    def test_who_is_added_while_the_hub_runs_signs_in_until_they_are_removed(self):
        self.start(NATIVE)
        said = self.users("list")
        self.assertEqual(said["accounts"]["kind"], "native")
        self.assertEqual(said["accounts"]["provider"], "NativeAuthenticator")
        added = self.users("add", "alice", "bob@example.org")["added"]
        passwords = {user["username"]: user["password"] for user in added}
        for name, password in passwords.items():
            self.assertTrue(self.signs_in(name, password), self.log())
            self.assertFalse(self.signs_in(name, password + "x"))
            self.assertTrue(self.listed(name)["has_account"])
        reset = self.users("reset", "alice")["password"]
        self.assertNotEqual(reset, passwords["alice"])
        self.assertTrue(self.signs_in("alice", reset))
        self.assertFalse(self.signs_in("alice", passwords["alice"]))

        # The file by hand is the same, and so is the next start of the Hub.
        users = self.folder / "users.txt"
        users.write_text(users.read_text() + "carol:of her own\n")
        until("carol", lambda: self.listed("carol")["has_account"])
        until("her password", lambda: self.signs_in("carol", "of her own"))
        self.stop()
        self.run_hub()
        until("the Hub", lambda: self.signs_in("alice", reset))

        self.users("remove", "alice")
        self.assertEqual(self.api("users/alice")[0], 404)
        self.assertFalse(self.signs_in("alice", reset))
        self.assertTrue(self.signs_in("bob@example.org", passwords["bob@example.org"]))
        again = self.users("add", "alice")["added"][0]["password"]
        self.assertTrue(self.signs_in("alice", again))
        for secret in [*passwords.values(), reset, again, "of her own"]:
            self.assertNotIn(secret, self.log())

    def test_the_list_touches_nobody_but_those_whom_it_has_made(self):
        self.start(NATIVE + "c.Authenticator.admin_users = {'ada'}\n")
        signed_up = {"username": "olga", "signup_password": "o" * 12}
        signed_up["signup_password_confirmation"] = signed_up["signup_password"]
        self.form("signup", signed_up)
        # An admin lets nobody in whom the page to sign up knows: the list may have the name.
        password = self.users("add", "olga")["added"][0]["password"]
        self.assertTrue(self.signs_in("olga", password))
        self.assertFalse(self.signs_in("olga", "o" * 12))

        self.form("signup", {**signed_up, "username": "ada"})
        self.assertTrue(self.signs_in("ada", "o" * 12), "admins are let in at once")
        said = self.users("add", "ada", ok=False)
        self.assertIn("the Hub has a user ada who was not added here", said)
        self.assertTrue(self.signs_in("ada", "o" * 12))
        # By hand in the file, and out of it again.
        users = self.folder / "users.txt"
        before = users.read_text()
        users.write_text(before + "ada:mine\n")
        until("a word on it", lambda: self.listed("ada")["failure"])
        self.assertFalse(self.signs_in("ada", "mine"))
        users.write_text(before)
        self.users("apply")
        self.assertTrue(self.signs_in("ada", "o" * 12))

    def test_a_password_that_the_hub_refuses_leaves_nobody_behind(self):
        self.start(
            NATIVE
            + "c.NativeAuthenticator.enable_signup = False\n"
            + "c.NativeAuthenticator.minimum_password_length = 12\n"
            + "c.NativeAuthenticator.check_common_password = True\n"
        )
        (self.folder / "users.txt").write_text("alice:short\n")
        until("a word on it", lambda: "reason=the Hub does not set the password" in self.log())
        self.assertIn("below 12", self.log())
        self.assertEqual(self.api("users/alice")[0], 404)
        (self.folder / "users.txt").write_text("alice:" + "ü" * 40 + "\n")
        until("a word on it", lambda: "72 bytes at most" in self.log())
        (self.folder / "users.txt").write_text("")
        # Nobody can sign up, and the list adds people all the same.
        password = self.users("add", "bob")["added"][0]["password"]
        self.assertTrue(self.signs_in("bob", password))


class SharedTest(RealHubCase):
    def test_the_list_says_the_one_password_and_who_may_use_it(self):
        self.start(SHARED)
        accounts = self.users("list")["accounts"]
        self.assertEqual(accounts["kind"], "shared")
        self.assertEqual(accounts["shared_password"], "a canary for everyone")
        self.assertFalse(self.signs_in("alice", "a canary for everyone"))
        added = self.users("add", "alice")["added"][0]
        self.assertEqual(added, {"username": "alice", "password": "a canary for everyone"})
        self.assertEqual((self.folder / "users.txt").read_text(), "alice\n")
        self.assertTrue(self.signs_in("alice", "a canary for everyone"))
        self.assertIn("passwords are not made here", self.users("reset", "alice", ok=False))
        self.users("remove", "alice")
        self.assertFalse(self.signs_in("alice", "a canary for everyone"))
        self.assertNotIn("canary", self.log())

    def test_names_of_the_machine_itself_are_refused(self):
        self.start(SHARED)
        for name in ["root", "daemon", "_apt"]:
            self.assertEqual(self.users("add", name, ok=False).count('"refused": ['), 1)
            self.assertEqual(self.api(f"users/{name}")[0], 404)


class OutsideTest(RealHubCase):
    def test_the_list_has_names_whom_the_hub_lets_in(self):
        self.start(OUTSIDE)
        accounts = self.users("list")["accounts"]
        self.assertEqual((accounts["kind"], accounts["provider"]), ("outside", "FairOAuthenticator"))
        fair = "signed by the fair"
        self.assertFalse(self.signs_in("alice", fair))
        added = self.users("add", "alice")["added"][0]
        self.assertEqual(added, {"username": "alice", "password": None})
        self.assertTrue(self.signs_in("alice", fair))
        self.users("remove", "alice")
        self.assertFalse(self.signs_in("alice", fair))
        self.assertEqual(self.api("users/alice")[0], 404)

    def test_who_was_a_user_of_the_hub_before_stays_one(self):
        self.start(OUTSIDE)
        self.assertEqual(self.api("users/olga", "POST")[0], 201)
        self.users("add", "olga")
        self.assertTrue(self.listed("olga")["has_account"])
        self.users("remove", "olga")
        self.assertEqual(self.api("users/olga")[0], 200)

    def test_a_hub_that_says_already_who_may_sign_in_is_left_so(self):
        # A setting of its own, as those of organisations and groups.
        outside = OUTSIDE.replace(
            "    async def",
            "    from traitlets import Bool as _Bool\n"
            "    allow_fair = _Bool(False, config=True)\n\n    async def",
            1,
        )
        self.start(outside + "c.FairOAuthenticator.allow_fair = True\n")
        self.assertIn("allow_fair says who may sign in", self.log())
        self.users("add", "alice")
        self.assertEqual(self.api("users/alice")[0], 200)
        self.assertFalse(self.signs_in("alice", "signed by the fair"))

    def test_names_alone_are_names_alone(self):
        self.start(OUTSIDE, steward={"accounts": "none"})
        self.users("add", "alice")
        self.assertEqual(self.users("list")["accounts"]["kind"], "names")
        self.assertEqual(self.api("users/alice")[0], 404)


class ProtectionTest(RealHubCase):
    LINES = SHARED + (
        "c.Authenticator.admin_users = {'ada'}\n"
        "c.JupyterHub.load_groups = {'teachers': {'users': ['tom']}}\n"
        "c.JupyterHub.load_roles.append({'name': 'own', 'users': ['olga'],\n"
        "    'scopes': ['custom:pipalhub:write']})\n"
        "c.JupyterHub.custom_scopes = {'custom:pipalhub:read': {'description': 'x'},\n"
        "    'custom:pipalhub:write': {'description': 'x', 'subscopes': ['custom:pipalhub:read']}}\n"
    )

    def test_instructors_change_neither_each_other_nor_admins(self):
        self.start(
            self.LINES,
            steward={"protect": ["pia"]},
            more="instructors=['ines'], instructor_groups=['teachers']",
        )
        protected = ["ada", "ines", "tom", "olga", "pia"]

        def add(*names):
            users = [{"username": name} for name in names]
            return self.ask_steward({"do": "add_users", "by": "ivo", "users": users})

        answer = add(*protected, "alice")
        self.assertEqual([it["username"] for it in answer["refused"]], protected)
        self.assertEqual([it["username"] for it in answer["added"]], ["alice"])
        for name in protected:
            self.assertIn("only root's command line", add(name)["refused"][0]["reason"])
        # Root's command line may, and the service, whose word for root counts for nothing.
        self.users("add", *protected)
        for request in [
            {"do": "reset_password"},
            {"do": "remove_user"},
            {"do": "delete_home"},
        ]:
            for name in protected:
                answer = self.ask_steward({**request, "by": "ivo", "username": name})
                self.assertEqual(answer["is"], "refused", (request, name))
                self.assertIn("only root's command line", answer["reason"])
        answer = self.ask_steward({"do": "remove_user", "by": "ivo", "username": "alice"})
        self.assertEqual(answer["is"], "done")
        self.users("remove", "pia")
        self.assertEqual(len(self.users("list")["users"]), len(protected) - 1)


class ServersTest(RealHubCase):
    LINES = OUTSIDE + """
from jupyterhub.spawner import SimpleLocalProcessSpawner

class FaultySpawner(SimpleLocalProcessSpawner):
    async def start(self):
        if self.user.name == "raul":
            raise RuntimeError("no room for raul")
        if self.user.name == "della":
            self.cmd = ["/bin/false"]
        return await super().start()

c.JupyterHub.spawner_class = FaultySpawner
c.Spawner.http_timeout = 12
"""

    def test_a_server_that_fails_says_why_in_the_hub_s_words(self):
        self.start(self.LINES)
        self.users("add", "raul", "della")
        answer = self.ask_steward({"do": "servers", "by": "ines", "start": True})
        self.assertEqual(answer["is"], "done")
        why = until("a failure", lambda: self.listed("raul")["server_failure"])
        self.assertTrue(why.startswith("Spawn failed: ") and "no room for raul" in why, why)
        why = until("a failure", lambda: self.listed("della")["server_failure"])
        self.assertRegex(why, "^Spawn failed: Server at .* didn't respond in 12 seconds")

    def test_a_server_that_somebody_else_has_started_says_why_it_failed(self):
        self.start(self.LINES, more="instructors=['ines']")
        self.users("add", "della")
        scopes = ["access:services!service=dashboard", "custom:pipalhub:write"]
        status, answer = self.api("users/ines/tokens", "POST", {"scopes": scopes})
        self.assertEqual(status, 201, answer)
        token = json.loads(answer)["token"]

        def failure():
            url = f"http://127.0.0.1:{self.port}/services/dashboard/users"
            request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                (user,) = json.load(answer)["users"]
            return user["server_failure"]

        self.assertIsNone(failure())
        starting = threading.Thread(target=self.api, args=("users/della/server", "POST"))
        starting.start()
        # As the page does, which looks every few seconds.
        why = until("a failure", failure)
        starting.join()
        self.assertIn("didn't respond in 12 seconds", why)


if __name__ == "__main__":
    unittest.main()
