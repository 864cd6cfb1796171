"""Debian's nginx in front of a real Hub with its real proxy and the real service.

nginx is an ordinary process: its configuration, its logs and what it spools are in the test's
folder, and it listens on the loopback. The sites are those that `pipalhub nginx-site` prints, but
for their ports. Clients find hub.example.org there, so that addresses are as on a server.
"""

import asyncio
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from real_hub_case import ADMIN_TOKEN, PROGRAM, ROOT, TIMEOUT_S, until
from tornado.httpclient import HTTPError, HTTPRequest
from tornado.netutil import OverrideResolver, Resolver
from tornado.simple_httpclient import SimpleAsyncHTTPClient

NGINX = os.environ.get("PIPALHUB_NGINX")
PROXY = os.environ.get("PIPALHUB_PROXY")
HOST = "hub.example.org"
PASSWORD = "correct horse battery staple"
LARGE_BYTES = 1 << 27

# Paths that Debian has put into the program are for root, so all are said. As root, nginx would
# change to a user that is not there.
MAIN = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    include {folder}/conf.d/*.conf;
}}
"""

HUB_CONFIG = """
import os, sys
sys.path.insert(0, {wheel!r})
c.JupyterHub.bind_url = "http://127.0.0.1:{bind_port}{base}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
# A request for a server is answered at once, so that its start can be watched.
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
if os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "tokens",
        "access:servers", "access:services", "custom:pipalhub:write"]}},
]
{lines}
import pipalhub
pipalhub.configure(
    c, program={program!r}, address={port}, data={data!r}, homes={homes!r} + "/{{user}}", {more}
)
"""


def free_ports(count):
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def nginx_site(*options):
    """What the command prints."""
    command = [PROGRAM, "nginx-site", *map(str, options)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def on_ports(site, http, https):
    """The site on these ports of the loopback."""
    ports = {"80": http, "443": https}
    site = re.sub(r"listen (80|443)", lambda it: f"listen 127.0.0.1:{ports[it[1]]}", site)
    return re.sub(r"listen \[::\]:(80|443)", lambda it: f"listen [::1]:{ports[it[1]]}", site)


class Authority:
    """A certificate authority, and what it has certified."""

    def __init__(self, folder):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "The tests' own")])
        self.certificate = folder / "authority.pem"
        is_authority = x509.BasicConstraints(ca=True, path_length=0)
        self._write(self.certificate, self.name, self.key, is_authority)
        self.site_certificate, self.site_key = folder / "site.pem", folder / "site.key"
        key = ec.generate_private_key(ec.SECP256R1())
        self.site_key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
        self._write(self.site_certificate, x509.Name([]), key, names)

    def certify(self, path, host, days=1):
        """A certificate for another host or time, of the site's key."""
        key = serialization.load_pem_private_key(self.site_key.read_bytes(), None)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        self._write(path, x509.Name([]), key, names, days)

    def _write(self, path, subject, key, extension, days=1):
        day = datetime.timedelta(days=1)
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 9 * day)
            .not_valid_after(now + days * day)
            .add_extension(extension, critical=True)
            .sign(self.key, hashes.SHA256())
        )
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self):
        return ssl.create_default_context(cafile=str(self.certificate))


class Nginx:
    """nginx with the sites of its folder `conf.d`."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "conf.d").mkdir(parents=True)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
        self.process = None

    def put(self, name, site):
        (self.folder / "conf.d" / f"{name}.conf").write_text(site)

    def command(self, *words):
        here = self.folder
        return [NGINX, "-p", here, "-c", here / "nginx.conf", "-e", here / "error.log", *words]

    def check(self):
        """What `nginx -t` says, and whether it is content."""
        done = subprocess.run(self.command("-t", "-q"), capture_output=True, text=True)
        return done.returncode == 0, done.stdout + done.stderr

    def start(self):
        self.process = subprocess.Popen(self.command())

    def log(self):
        path = self.folder / "error.log"
        return path.read_text() if path.exists() else ""

    def workers(self):
        """The processes that serve."""
        task = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(task.read_text().split())

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(TIMEOUT_S)


@unittest.skipUnless(NGINX and PROXY, "PIPALHUB_NGINX and PIPALHUB_PROXY are not set")
class NginxCase(unittest.IsolatedAsyncioTestCase):
    """A Hub below `base` and nginx before it, for all tests of a class.

    `lines` and `more` go into the Hub's configuration and its call of `configure`; both may name
    the test's `{folder}`.
    """

    base = "/"
    lines = ""
    more = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pipalhub-nginx-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.http, cls.https, cls.plain, *cls.hub_ports = free_ports(7)
        cls.authority = Authority(cls.folder)
        cls.start_hub()
        cls.start_nginx()
        until("the Hub", cls.hub_answers)

    @classmethod
    def start_hub(cls):
        bind_port, hub_port, api_port, port = cls.hub_ports
        config = HUB_CONFIG.format(
            wheel=str(ROOT / "wheel"),
            bind_port=bind_port,
            base=cls.base,
            hub_port=hub_port,
            api_port=api_port,
            port=port,
            proxy=PROXY,
            password=PASSWORD,
            homes=str(cls.folder / "homes"),
            data=str(cls.folder / "data"),
            token=ADMIN_TOKEN,
            program=PROGRAM,
            lines=cls.lines.format(folder=cls.folder),
            more=cls.more.format(folder=cls.folder),
        )
        (cls.folder / "homes").mkdir()
        (cls.folder / "config.py").write_text(config)
        path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        log = (cls.folder / "hub.log").open("w")
        cls.addClassCleanup(log.close)
        cls.hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", "config.py"],
            cwd=cls.folder,
            env={"PATH": path, "LANG": "C.UTF-8", "HOME": str(cls.folder)},
            stdout=log,
            stderr=log,
        )
        cls.addClassCleanup(cls.stop_hub)

    @classmethod
    def stop_hub(cls):
        if cls.hub.poll() is None:
            cls.hub.send_signal(signal.SIGTERM)
            cls.hub.wait(TIMEOUT_S)

    @classmethod
    def start_nginx(cls):
        options = [HOST, "--hub", f"127.0.0.1:{cls.hub_ports[0]}", "--base-url", cls.base]
        files = ["--cert", cls.authority.site_certificate, "--key", cls.authority.site_key]
        (cls.folder / "acme").mkdir()
        webroot = ["--acme-webroot", cls.folder / "acme"]
        cls.nginx = Nginx(cls.folder / "nginx")
        site = nginx_site(*options, *files, *webroot, "--hsts", "--no-ipv6")
        cls.nginx.put("tls", on_ports(site, cls.http, cls.https))
        site = nginx_site(*options, "--no-tls", "--no-ipv6")
        cls.nginx.put("plain", on_ports(site, cls.plain, None))
        is_content, said = cls.nginx.check()
        assert is_content, said
        cls.nginx.start()
        cls.addClassCleanup(cls.nginx.stop)

    @classmethod
    def hub_answers(cls):
        assert cls.hub.poll() is None, (cls.folder / "hub.log").read_text()
        for path in ["hub/api/", "services/dashboard/healthz"]:
            url = f"http://127.0.0.1:{cls.plain}{cls.base}{path}"
            try:
                urllib.request.urlopen(url, timeout=TIMEOUT_S).close()
            except (urllib.error.URLError, OSError):
                return False
        return True

    async def asyncSetUp(self):
        # It would print each large body's time.
        asyncio.get_running_loop().slow_callback_duration = TIMEOUT_S

    def resolver(self):
        addresses = {
            (HOST, 443): ("127.0.0.1", self.https),
            (HOST, 80): ("127.0.0.1", self.http),
            ("plain.example.org", 80): ("127.0.0.1", self.plain),
        }
        return OverrideResolver(resolver=Resolver(), mapping=addresses)

    def client(self):
        client = SimpleAsyncHTTPClient(
            force_instance=True,
            resolver=self.resolver(),
            max_buffer_size=LARGE_BYTES,
            max_body_size=LARGE_BYTES,
        )
        self.addCleanup(client.close)
        return client

    def request(
        self, path, method="GET", body=None, url=f"https://{HOST}", token=ADMIN_TOKEN, **more
    ):
        headers = {"Authorization": f"token {token}"} if token else {}
        if isinstance(body, dict):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        headers.update(more.pop("headers", {}))
        return HTTPRequest(
            url + path,
            method,
            headers,
            body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=TIMEOUT_S,
            ssl_options=self.authority.context(),
            **more,
        )

    async def ask(self, path, method="GET", body=None, **more):
        """The answer, whatever its status."""
        request = self.request(path, method, body, **more)
        try:
            return await self.client().fetch(request, raise_error=False)
        except HTTPError as error:
            log = (self.folder / "hub.log").read_text()[-4000:]
            raise AssertionError(f"{error}\n{self.nginx.log()}\n{log}") from error

    async def start_server(self, user):
        """Has a participant's server start, and waits until it answers."""
        api = f"{self.base}hub/api/users/{user}"
        await self.ask(api, "POST")
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            model = json.loads((await self.ask(api)).body)
            if model["servers"].get("", {}).get("ready"):
                return
            if not model["servers"]:
                await self.ask(f"{api}/server", "POST")
            self.assertLess(time.monotonic(), deadline, model)
            await asyncio.sleep(0.05)
