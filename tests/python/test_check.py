"""`pipalhub check` against a real Hub behind Debian's nginx: well, and broken in every way.

The sites that are broken are those that `pipalhub nginx-site` prints, with a line changed.
"""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import termios
import threading
import unittest

from nginx_case import HOST, PASSWORD, NginxCase, free_ports, nginx_site, on_ports
from real_hub_case import PROGRAM, TIMEOUT_S, until

MARK = "check-pipalhub-"
# Longest time of a whole check, in seconds; only a failing test waits so long.
CHECK_S = 240
SUMMARY = re.compile(r"\n(All is well\.|\d+ (warning|problem)s?, .*\.)\n$")

# Who is to be broken has a file in the test's folder.
LINES = """
c.Authenticator.admin_users = {{"ada"}}

def _pre_spawn_hook(spawner):
    if os.path.exists("{folder}/no-servers"):
        raise RuntimeError("there is no room for servers")

c.Spawner.pre_spawn_hook = _pre_spawn_hook
"""
MORE = """instructors=["ines"], steward_socket="{folder}/steward.sock",
steward={{"users_file": "{folder}/users.txt", "steward_data": "{folder}/steward"}}"""


def without_websockets(site):
    site = re.sub(r"proxy_set_header (Upgrade|Connection) .*;", "", site)
    return site.replace("proxy_http_version 1.1;", "")


def buffered(site):
    gzip = "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_proxied any;"
    return site.replace("proxy_buffering off;", "").replace("gzip off;", gzip)


def small_uploads(site):
    return site.replace("client_max_body_size 50m;", "")


def no_dashboard(site):
    (closed,) = free_ports(1)
    refused = f"location /services/dashboard/ {{ proxy_pass http://127.0.0.1:{closed}; }}"
    return site.replace("location = /build {", refused + "\n    location = /build {")


class Check(NginxCase):
    lines = LINES
    more = MORE

    @classmethod
    def start_nginx(cls):
        cls.sites = {}
        cls.authority.certify(cls.folder / "expired.pem", HOST, days=-3)
        cls.authority.certify(cls.folder / "other.pem", "other.example.org")
        super().start_nginx()

    def site(self, name, change=lambda site: site, certificate=None):
        """The port of another site, like the good one but for what `change` changes."""
        if name not in self.sites:
            (port,) = free_ports(1)
            certificate = certificate or self.authority.site_certificate
            files = ["--cert", certificate, "--key", self.authority.site_key]
            hub = ["--hub", f"127.0.0.1:{self.hub_ports[0]}"]
            site = change(nginx_site(HOST, *hub, *files, "--no-ipv6"))
            # Several sites of one name have the same memory for attempts to sign in, elsewhere never.
            site = site.replace("pipalhub_sign_in_tls", f"pipalhub_sign_in_{name}")
            (http,) = free_ports(1)
            self.nginx.put(name, on_ports(site, http, port))
            is_content, said = self.nginx.check()
            self.assertTrue(is_content, said)
            self.nginx.process.send_signal(signal.SIGHUP)
            until("the site", lambda: self.listens(port))
            self.sites[name] = port
        return self.sites[name]

    @staticmethod
    def listens(port):
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    def command(self, *options, https=None, http=None):
        return [
            PROGRAM,
            "check",
            f"https://{HOST}",
            "--ca",
            self.authority.certificate,
            "--connect",
            f"443=127.0.0.1:{https or self.https}",
            "--connect",
            f"80=127.0.0.1:{http or self.http}",
            *map(str, options),
        ]

    def environment(self, password=PASSWORD, token=None):
        given = {"PIPALHUB_CHECK_TOKEN": token} if token else {"PIPALHUB_CHECK_PASSWORD": password}
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder), **given}

    def check(self, *options, user="ines", password=PASSWORD, token=None, **ports):
        """Its exit code, and what it found, by subject."""
        who = [] if token else ["--as", user]
        command = self.command(*who, "--json", *options, **ports)
        done = subprocess.run(
            command,
            env=self.environment(password, token),
            capture_output=True,
            text=True,
            timeout=CHECK_S,
        )
        self.assertTrue(done.stdout, done.stderr)
        told = json.loads(done.stdout)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)
        findings = {finding["subject"]: finding for finding in told["findings"]}
        return done.returncode, findings, told

    def problems(self, findings):
        return {name for name, it in findings.items() if it["level"] == "problem"}

    async def asyncTearDown(self):
        (self.folder / "no-servers").unlink(missing_ok=True)
        await self.nothing_is_left()

    async def nothing_is_left(self):
        users = json.loads((await self.ask("/hub/api/users")).body)
        self.assertFalse([it["name"] for it in users if it["name"].startswith(MARK)])
        self.assertFalse([it["name"] for it in users if it["servers"]])
        listed = json.loads((await self.ask("/services/dashboard/users")).body)
        self.assertFalse([it for it in listed["users"] if it["username"].startswith(MARK)])
        for page in ["api/notebooks", "build/"]:
            shown = (await self.ask(f"/services/dashboard/{page}")).body.decode()
            self.assertNotIn(MARK, shown)
        files = [path for path in (self.folder / "homes").glob(f"*/{MARK}*")]
        self.assertFalse(files)

    async def test_a_class_that_works_passes(self):
        code, findings, told = self.check("--servers", 2)
        self.assertEqual(self.problems(findings), set(), findings)
        self.assertEqual(code, 0)
        # The tests' authority certifies for a day.
        self.assertEqual(findings["certificate"]["level"], "warning")
        self.assertIn("TLS 1.3", findings["certificate"]["message"])
        self.assertIn("an instructor", findings["dashboard"]["message"])
        self.assertIn("2 made for the check, by the class's list", findings["participants"]["message"])
        self.assertIn("2 are signed in at once", findings["class sign-in"]["message"])
        self.assertIn("each save is on the dashboard", findings["saves"]["message"])
        for step in ["name", "certificate", "sign-in", "first server", "kernels", "cells", "saves"]:
            self.assertIn("duration_ms", findings[step])
        size = told["class_size"]
        self.assertGreater(size["participants"], 0)
        self.assertIn(size["bound"], ["memory", "processors", "start"])
        self.assertIn("An estimate from 2 servers", findings["class size"]["message"])
        self.assertIn("2 participants, 3 files", findings["clean-up"]["message"])

    async def test_an_admin_needs_no_steward_and_no_dashboard(self):
        code, findings, _ = self.check("--servers", 1, "--service", "absent", user="ada")
        self.assertEqual(self.problems(findings), {"dashboard"}, findings)
        self.assertIn("--service", findings["dashboard"]["remedy"])
        self.assertIn("1 made for the check, in the Hub", findings["participants"]["message"])
        self.assertEqual(findings["cells"]["level"], "ok")
        self.assertEqual(code, 1)

    async def test_a_participant_tries_their_own_server(self):
        code, findings, told = self.check(user="alice")
        self.assertEqual(self.problems(findings), set(), findings)
        self.assertEqual(findings["participants"]["level"], "warning")
        self.assertIn("alice alone", findings["participants"]["message"])
        self.assertEqual(findings["saves"]["level"], "ok")
        self.assertEqual(code, 0)
        self.assertGreater(told["class_size"]["participants"], 0)

    async def test_a_token_signs_in_too(self):
        made = await self.ask("/hub/api/users/ada/tokens", "POST", {"note": "check"})
        if made.code == 404:
            await self.ask("/hub/api/users/ada", "POST")
            made = await self.ask("/hub/api/users/ada/tokens", "POST", {"note": "check"})
        token = json.loads(made.body)["token"]
        code, findings, _ = self.check("--own", token=token)
        self.assertEqual(self.problems(findings), set(), findings)
        self.assertIn("ada", findings["sign-in"]["message"])
        self.assertEqual(code, 0)
        code, findings, _ = self.check(token="wrong")
        self.assertEqual(self.problems(findings), {"sign-in"})
        self.assertIn("page Token", findings["sign-in"]["remedy"])

    async def test_a_certificate_that_is_not_good_is_named_and_nothing_is_sent(self):
        for name, said, remedy in [
            ("expired", "has expired 3 days ago", "certbot renew"),
            ("other", "it is for other.example.org", "certbot certonly"),
        ]:
            port = self.site(name, certificate=self.folder / f"{name}.pem")
            code, findings, _ = self.check(https=port)
            self.assertEqual(self.problems(findings), {"certificate"}, findings)
            self.assertIn(said, findings["certificate"]["message"])
            self.assertIn(remedy, findings["certificate"]["remedy"])
            self.assertNotIn("sign-in", findings)
            self.assertEqual(code, 1)

    async def test_an_authority_that_is_not_known_is_named(self):
        command = [it for it in self.command("--as", "ines") if it != "--ca"]
        command.remove(self.authority.certificate)
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("authority is not known", done.stdout)
        self.assertIn("--ca", done.stdout)
        self.assertRegex(done.stdout, SUMMARY)

    async def test_a_wrong_password_is_named(self):
        code, findings, _ = self.check(password="wrong")
        self.assertEqual(self.problems(findings), {"sign-in"}, findings)
        self.assertIn("does not let ines in", findings["sign-in"]["message"])
        self.assertEqual(code, 1)

    async def test_a_password_is_asked_for_on_the_terminal_and_not_shown(self):
        command = [os.fspath(word) for word in self.command("--as", "ines")]
        environment = self.environment()
        del environment["PIPALHUB_CHECK_PASSWORD"]
        process, terminal = pty.fork()
        if process == 0:
            os.execve(command[0], command, environment)
        shown = b""
        while b"Password of ines at https://hub.example.org/: " not in shown:
            shown += os.read(terminal, 1024)
        # The question comes before the terminal is told to show nothing.
        until("no echo", lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO)
        os.write(terminal, b"canary-of-the-terminal\n")
        try:
            while text := os.read(terminal, 1024):
                shown += text
        except OSError:
            # So the other end of a terminal says that it is closed.
            pass
        os.close(terminal)
        _, status = os.waitpid(process, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 1)
        self.assertIn(b"does not let ines in", shown)
        self.assertNotIn(b"canary", shown)

    async def test_a_port_where_nothing_listens_is_named(self):
        (port,) = free_ports(1)
        code, findings, _ = self.check(https=port)
        self.assertEqual(self.problems(findings), {"connection"}, findings)
        self.assertIn("systemctl status nginx", findings["connection"]["remedy"])

    async def test_what_the_proxy_in_front_breaks_is_named(self):
        def broken(site):
            return small_uploads(buffered(without_websockets(site)))

        port = self.site("broken", broken)
        code, findings, told = self.check("--servers", 1, https=port, http=self.plain)
        self.assertEqual(
            self.problems(findings), {"plain http", "live stream", "kernels", "upload"}, findings
        )
        self.assertIn("redirect", findings["plain http"]["remedy"])
        self.assertIn("proxy_buffering off", findings["live stream"]["remedy"])
        self.assertIn("Upgrade", findings["kernels"]["remedy"])
        self.assertIn("client_max_body_size", findings["upload"]["remedy"])
        self.assertIsNone(told["class_size"])
        self.assertEqual(code, 1)

    async def test_a_dashboard_that_is_down_is_named(self):
        port = self.site("no-dashboard", no_dashboard)
        code, findings, _ = self.check(https=port)
        self.assertIn("dashboard", self.problems(findings))
        self.assertIn("502", findings["dashboard"]["message"])
        self.assertIn("does not answer", findings["dashboard"]["remedy"])

    async def test_a_server_that_does_not_start_is_named(self):
        (self.folder / "no-servers").touch()
        code, findings, _ = self.check("--servers", 1)
        self.assertEqual(self.problems(findings), {"first server"}, findings)
        self.assertEqual(code, 1)
        self.assertIn("log", findings["first server"]["remedy"])
        for later in ["page", "kernels", "cells", "saves", "upload", "class size"]:
            self.assertNotIn(later, findings)
        self.assertIn("1 participant", findings["clean-up"]["message"])

    def started(self, line):
        """A check that runs, when it has printed what begins with `line`."""
        check = subprocess.Popen(
            self.command("--as", "ines", "--servers", 1),
            env=self.environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(check.stdout.close)
        timer = threading.Timer(CHECK_S, check.kill)
        timer.start()
        self.addCleanup(timer.cancel)
        told = ""
        for text in check.stdout:
            told += text
            if re.match(rf"\w+ +{line}", text):
                return check, told
        raise AssertionError(told)

    async def test_what_was_made_is_removed_after_an_interrupt(self):
        for line in ["participants", "kernels"]:
            check, _ = self.started(line)
            check.send_signal(signal.SIGINT)
            told = check.stdout.read()
            self.assertEqual(check.wait(TIMEOUT_S), 1)
            self.assertIn("it was interrupted", told)
            self.assertRegex(told, r"ok +clean-up +what was made for the check is removed")
            await self.nothing_is_left()

    async def test_what_a_killed_check_has_left_is_removed_by_another(self):
        check, _ = self.started("first server")
        check.kill()
        check.wait()
        users = (await self.ask("/hub/api/users")).body.decode()
        self.assertIn(MARK, users)
        code, findings, _ = self.check("--clean", user="alice")
        self.assertEqual(self.problems(findings), {"clean-up"})
        code, findings, _ = self.check("--clean")
        self.assertEqual(self.problems(findings), set())
        self.assertIn("1 participant of earlier checks removed", findings["clean-up"]["message"])
        await self.nothing_is_left()
        code, findings, _ = self.check("--clean")
        self.assertIn("no check has left anything", findings["clean-up"]["message"])


if __name__ == "__main__":
    unittest.main()
