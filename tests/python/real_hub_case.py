"""Real Hubs with the real service and steward, for tests of what the steward does in them.

Their proxy keeps its routes to itself: who signs in, and what starts, asks the Hub directly.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import quiet_hub

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PIPALHUB_BIN", str(ROOT / "target/debug/pipalhub"))
# Longest wait, in seconds; only a failing test waits so long.
TIMEOUT_S = 60
ADMIN_TOKEN = "the-token-of-the-tests-that-may-do-everything"

CONFIG = (
    quiet_hub.CONFIG
    + """\
c.JupyterHub.cookie_secret_file = "cookie_secret"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "homes/{{username}}"
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "tokens",
        "access:services", "custom:pipalhub:write"]}},
]
{lines}
import pipalhub
pipalhub.configure(
    c, program={program!r}, address={port}, data="data", steward_socket={socket!r},
    steward={steward!r}, {more}
)
"""
)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def until(what, holds):
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited for {what}")
        time.sleep(0.05)


class RealHubCase(unittest.TestCase):
    """A folder for a Hub, which ends with the test."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipalhub-real-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.hub_port, self.port = quiet_hub.free_ports()
        self.hub = None

    def start(self, lines, steward=None, more=""):
        """Starts a Hub with these lines in its configuration, and waits for its steward."""
        config = CONFIG.format(
            wheel=str(ROOT / "wheel"),
            hub_port=self.hub_port,
            port=self.port,
            token=ADMIN_TOKEN,
            program=PROGRAM,
            socket=str(self.folder / "steward.sock"),
            lines=lines,
            steward={
                "users_file": str(self.folder / "users.txt"),
                "steward_data": str(self.folder / "steward"),
                **(steward or {}),
            },
            more=more,
        )
        (self.folder / "jupyterhub_config.py").write_text(config)
        self.run_hub()

    def run_hub(self):
        log = (self.folder / "hub.log").open("a")
        self.addCleanup(log.close)
        self.hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", "jupyterhub_config.py"],
            cwd=self.folder,
            env={
                "PATH": f"{pathlib.Path(sys.executable).parent}:/usr/bin:/bin",
                "LANG": "C.UTF-8",
            },
            stdout=log,
            stderr=log,
        )
        self.addCleanup(self.stop)
        until("the steward", self.has_steward)

    def has_steward(self):
        if self.hub.poll() is not None:
            raise AssertionError(f"the Hub has ended:\n{self.log()}")
        path = self.folder / "steward.sock"
        with socket.socket(socket.AF_UNIX) as steward:
            return path.exists() and steward.connect_ex(str(path)) == 0

    def stop(self):
        if self.hub is not None and self.hub.poll() is None:
            self.hub.send_signal(signal.SIGTERM)
            self.hub.wait(TIMEOUT_S)

    def log(self):
        return (self.folder / "hub.log").read_text()

    def users(self, *words, ok=True):
        """What `pipalhub users` prints as JSON, or says when it fails."""
        done = subprocess.run(
            [PROGRAM, "users", "--json", *words],
            env={"PIPALHUB_STEWARD_SOCKET": str(self.folder / "steward.sock")},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if ok:
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout + self.log())
            return json.loads(done.stdout)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr + done.stdout

    def ask_steward(self, request):
        """What the steward answers to the service, which speaks for an instructor."""
        with socket.socket(socket.AF_UNIX) as steward:
            steward.settimeout(TIMEOUT_S)
            steward.connect(str(self.folder / "steward.sock"))
            steward.sendall(json.dumps(request).encode() + b"\n")
            answer = steward.makefile().read()
        return json.loads(answer.splitlines()[-1])

    def listed(self, name):
        (user,) = [it for it in self.users("list")["users"] if it["username"] == name]
        return user

    def api(self, path, method="GET", body=None):
        """The Hub's status, and what it answers."""
        url = f"http://127.0.0.1:{self.hub_port}/hub/api/{path}"
        headers = {"Authorization": f"token {ADMIN_TOKEN}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def form(self, path, fields):
        """Fills in a form of the Hub's as a browser does; returns the status and the page."""
        url = f"http://127.0.0.1:{self.hub_port}/hub/{path}"
        cookies = urllib.request.HTTPCookieProcessor()
        opener = urllib.request.build_opener(cookies, NoRedirect())
        with opener.open(url, timeout=TIMEOUT_S) as page:
            text = page.read().decode()
        found = re.search(r'name="_xsrf" value="([^"]+)"', text)
        form = {"_xsrf": found.group(1) if found else "", **fields}
        try:
            body = urllib.parse.urlencode(form).encode()
            with opener.open(url, body, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def signs_in(self, name, password):
        status, page = self.form("login", {"username": name, "password": password})
        self.assertIn(status, [200, 302, 401, 403], page + self.log())
        return status == 302
