"""Real Hubs whose configuration calls `pipalhub.configure`: they start whatever is wrong with it.

Run with a Hub of each version that is supported. Their proxy is one that keeps its routes to
itself, since nobody visits them, and the program stands for the service: the real one in a real
Hub has the end-to-end tests.
"""

import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import quiet_hub

ROOT = pathlib.Path(__file__).resolve().parents[2]
# For a program that another user than this one runs too.
SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
# Longest wait, in seconds; only a failing test waits so long.
TIMEOUT_S = 60
TOKEN = "the-token-of-the-service"

CONFIG = (
    quiet_hub.CONFIG
    + """\
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "canary"
c.JupyterHub.services = [{{"name": "grader", "api_token": "the-token-of-the-grader"}}]
import pipalhub
pipalhub.configure(c, {arguments})
"""
)

# Answers at the service's address, and says who it is in its data folder.
PROGRAM = """#!{python}
import http.server, os, pathlib, sys
from urllib.parse import urlsplit

if "--check" not in sys.argv:
    data = pathlib.Path(sys.argv[sys.argv.index("--data") + 1])
    data.mkdir(parents=True, exist_ok=True)
    data.joinpath("uid").write_text(str(os.getuid()))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    http.server.HTTPServer((url.hostname, url.port), Handler).serve_forever()
"""


class HubTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.program = self.make("pipalhub", PROGRAM.format(python=SYSTEM_PYTHON or sys.executable))
        self.hub_port, self.port = quiet_hub.free_ports()
        self.data = self.folder / "data"

    def make(self, name, text):
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def log_of_hub(self, while_it_runs=lambda: None, **more):
        """The log of a Hub until it runs; then `while_it_runs` is called."""
        arguments = {"address": self.port, "data": str(self.data), **more}
        arguments = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        config = self.folder / "jupyterhub_config.py"
        wheel = str(ROOT / "wheel")
        config.write_text(CONFIG.format(wheel=wheel, hub_port=self.hub_port, arguments=arguments))
        log = self.folder / "hub.log"
        with log.open("w") as output:
            hub = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "--config", str(config)],
                cwd=self.folder,
                env={"PATH": f"{self.bin}:/usr/bin:/bin", "LANG": "C.UTF-8"},
                stdout=output,
                stderr=output,
            )
        try:
            text = self.wait_until_it_runs(hub, log)
            while_it_runs()
            return text
        finally:
            # The Hub then ends the service too.
            hub.send_signal(signal.SIGTERM)
            hub.wait(TIMEOUT_S)

    def wait_until_it_runs(self, hub, log):
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            text = log.read_text()
            if "JupyterHub is now running" in text:
                return text
            if hub.poll() is not None:
                break
            time.sleep(0.05)
        self.fail(f"the Hub does not run:\n{log.read_text()}")

    def test_a_hub_starts_without_a_service_that_cannot_start(self):
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            taken = stranger.getsockname()[1]
            broken = self.make("broken", "#!/bin/sh\necho 'pipalhub: no room' >&2; exit 1\n")
            for reason, arguments in {
                "program='/usr/bin/pipalhbu' is not there": {"program": "/usr/bin/pipalhbu"},
                "broken cannot start: no room": {"program": broken},
                f"another program listens on 127.0.0.1:{taken}": {"address": taken},
                "is the address of the Hub (hub_port)": {"address": self.hub_port},
                "no port between 1 and 65535": {"address": 101010},
                "Did you mean history_days?": {"history_day": 3},
                "useradd --system": {"user": "no-such-user"},
            }.items():
                with self.subTest(reason):
                    log = self.log_of_hub(**arguments)
                    self.assertIn("PipalHub is left out", log)
                    self.assertIn(reason, log)
                    self.assertNotIn("Starting managed service dashboard", log)

    def test_a_hub_without_the_program_says_how_to_install_it(self):
        pathlib.Path(self.program).unlink()
        self.assertIn(f"`{sys.executable} -m pip install pipalhub-*.whl`", self.log_of_hub())

    def test_a_hub_whose_servers_lack_the_package_says_how_to_install_it(self):
        self.make("jupyterhub-singleuser", "#!/bin/sh\n")
        python = self.make("python3", "")
        said = f"{python} -m pip install pipalhub_singleuser-*.whl"
        log = self.log_of_hub()
        self.assertIn("Starting managed service dashboard", log)
        self.assertIn(said, log)
        self.assertEqual((self.data / "uid").read_text(), str(os.getuid()))
        package = self.folder / "etc/jupyter/jupyter_server_config.d/pipalhub.json"
        package.parent.mkdir(parents=True)
        package.write_text("{}")
        self.assertNotIn(said, self.log_of_hub())

    def test_a_hub_says_where_the_service_is(self):
        log = self.log_of_hub()
        self.assertIn(f"PipalHub is the service dashboard at http://127.0.0.1:{self.port}", log)
        for wrong in ["left out", "ERROR", "CRITICAL", "Traceback"]:
            self.assertNotIn(wrong, log)

    def ask_hub(self, path):
        """What the Hub answers to the service's token: its status, and the JSON."""
        headers = {
            "Authorization": f"token {TOKEN}",
            "Accept": "application/jupyterhub-pagination+json",
        }
        url = f"http://127.0.0.1:{self.hub_port}/hub/api/{path}"
        try:
            request = urllib.request.Request(url, headers=headers)
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None

    def test_the_service_lists_users_and_servers_and_may_do_no_more(self):
        def check():
            users = []
            for offset in range(3):
                path = f"users?state=inactive&limit=1&offset={offset}"
                status, page = self.ask_hub(path)
                self.assertEqual(status, 200)
                users += page["items"]
                is_last = page["_pagination"]["next"] is None
                self.assertEqual(is_last, offset == 2, page["_pagination"])
            self.assertEqual([user["name"] for user in users], ["ines", "ivo", "jo"])
            for user in users:
                # None has a server. Of users nothing is told but who they are.
                self.assertEqual(user["servers"], {})
                self.assertEqual(set(user) - {"kind", "name", "servers", "user_info"}, {"admin"})
            status, page = self.ask_hub("users?state=active&limit=100&offset=0")
            self.assertEqual((status, page["items"]), (200, []))
            for path in ["groups", "proxy", "services/grader", "users/ines/tokens", "shares/ines"]:
                self.assertIn(self.ask_hub(path)[0], [403, 404], path)

        external = {"external": True, "api_token": TOKEN, "data": None}
        self.log_of_hub(check, instructors=["ines", "ivo", "jo"], **external)

    @unittest.skipUnless(
        SYSTEM_PYTHON and os.geteuid() == 0, "only root starts the service as another user"
    )
    def test_the_service_runs_as_a_user_of_its_own(self):
        self.log_of_hub(user="nobody")
        nobody = pwd.getpwnam("nobody").pw_uid
        self.assertEqual((self.data / "uid").read_text(), str(nobody))
        self.assertEqual(self.data.stat().st_uid, nobody)
        self.assertEqual(self.data.stat().st_mode & 0o777, 0o700)


if __name__ == "__main__":
    unittest.main()
