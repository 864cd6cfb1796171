"""Parts of the tests of the participants' side: fake services, a log, a jupyter_server."""

import http.client
import http.server
import importlib.util
import json
import logging
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ETC = ROOT / "etc" / "jupyter"
SINGLEUSER = ROOT / "singleuser"
# Before an installed version of the package.
sys.path.insert(0, str(SINGLEUSER))

TOKEN = "canary-token"
# Longest wait, in seconds; only a failing test waits so long.
TIMEOUT_S = 30
HAS_JUPYTER = importlib.util.find_spec("jupyter_server") is not None
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def environment_of(user, url):
    """The variables that the Hub and its configuration set for a participant's server."""
    return {
        "PIPALHUB_URL": url,
        "JUPYTERHUB_USER": user,
        "JUPYTERHUB_API_TOKEN": TOKEN,
    }


class Service:
    """A fake PipalHub on a port of its own; `answer` returns the answer to each event."""

    def __init__(self, answer=lambda event: (201, {}), port=0):
        self.events = []
        self.tokens = set()
        self.changed = threading.Condition()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not self.path.endswith("/events"):
                    return self.send_error(404)
                event = json.loads(body)
                # The answer is decided before a test can see that the event came.
                status, headers, *body = answer(event)
                with service.changed:
                    service.tokens.add(self.headers["Authorization"])
                    service.events.append((self.path, event, time.monotonic()))
                    service.changed.notify_all()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for text in body:
                    self.wfile.write(text)

            def do_PUT(self):
                # As a service answers that takes no contents of notebooks.
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_error(404)

            do_GET = do_PUT

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/base/services/dashboard/"
        threading.Thread(
            target=self.server.serve_forever, args=(0.01,), daemon=True
        ).start()

    def wait(self, condition):
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self.bodies()), TIMEOUT_S):
                raise AssertionError(f"did not arrive, only {self.bodies()}")
            return self.bodies()

    def bodies(self):
        return [event for _, event, _ in self.events]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class LogLines(logging.Handler):
    """The messages of a log."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


class EndlessAnswer:
    """An answer that begins with `begin` and goes on byte by byte for ever."""

    def __init__(self, begin):
        self._begin = begin

    def run(self, connection):
        try:
            connection.sendall(self._begin)
            while True:
                connection.sendall(b"x")
                time.sleep(0.02)
        except OSError:
            # The client has given up.
            connection.close()


class RawService:
    """Accepts connections and answers each with the next of `replies`, bytes.

    None is an answer that never comes; the last reply is for all later connections, too.
    """

    def __init__(self, *replies):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._replies = replies
        self.seen = threading.Semaphore(0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        held = []
        replies = iter(self._replies)
        reply = None
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.recv(65536)
            reply = next(replies, reply)
            if reply is None:
                held.append(connection)
            elif isinstance(reply, EndlessAnswer):
                threading.Thread(target=reply.run, args=(connection,), daemon=True).start()
            else:
                connection.sendall(reply)
                connection.close()
            self.seen.release()

    def stop(self):
        self._listener.close()


# A command that mounts a disk of a megabyte on a server's home, in a mount namespace that
# ends with the server, and runs the server there.
MOUNT_SMALL_HOME = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size=1m tmpfs "$0" && cd "$0" && exec "$@"',
    "{home}",
)
CAN_MOUNT = os.geteuid() == 0 and shutil.which("unshare") is not None


def listens(port):
    """Whether the port takes connections, since a server may print its address before."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class JupyterServer:
    """A participant's server as a process, in a home of its own or in the folder `home`."""

    TOKEN = "the-token-of-this-server"
    NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    def __init__(self, environment, config="", extension=True, around=(), home=None):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.home = home or self.folder / "home"
        self.home.mkdir(exist_ok=True)
        (self.folder / "config").mkdir()
        (self.folder / "config" / "jupyter_server_config.py").write_text(config)
        self._log = open(self.folder / "log", "w+b")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JUPYTER", "PIPALHUB"))
        }
        self._process = subprocess.Popen(
            [
                # The command around it, with its home as the last word: MOUNT_SMALL_HOME.
                *(word.format(home=self.home) for word in around),
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                "--port=0",
                f"--IdentityProvider.token={self.TOKEN}",
                # Explicitly, since the package may be installed and on where this runs.
                "--ServerApp.jpserver_extensions=pipalhub_singleuser=" + str(extension),
            ],
            cwd=self.home,
            env={
                **inherited,
                "HOME": str(self.home),
                "PYTHONPATH": str(SINGLEUSER),
                "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
                "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
                **environment,
            },
            stdout=self._log,
            stderr=self._log,
        )
        self.port = self._wait_for_port()

    def _wait_for_port(self):
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.log())
            if found and listens(int(found.group(1))):
                return int(found.group(1))
            time.sleep(0.05)
        raise AssertionError("jupyter_server did not start:\n" + self.log())

    def request(self, method, path, body=None):
        """The answer's JSON, None where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        headers = {
            "Authorization": "token " + self.TOKEN,
            "Content-Type": "application/json",
        }
        text = None if body is None else json.dumps(body)
        connection.request(method, "/" + path, text, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {content!r}")
        return json.loads(content) if content else None

    def save(self, path, notebook=NOTEBOOK):
        """Saves a notebook as JupyterLab does."""
        model = {"type": "notebook", "format": "json", "content": notebook}
        return self.request("PUT", "api/contents/" + path, model)

    def seen_home(self):
        """The home in the server's mount namespace, which may have a disk of its own there."""
        return pathlib.Path(f"/proc/{self._process.pid}/root{self.home}")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def stop(self):
        self._process.terminate()
        self._process.wait(TIMEOUT_S)
        self._log.close()
        shutil.rmtree(self.folder)
