"""What a browser does through nginx, with the sites that `pipalhub nginx-site` prints."""

import asyncio
import concurrent.futures
import http.client
import itertools
import json
import pathlib
import re
import socket
import ssl
import tempfile
import time
import unittest
import urllib.parse
import uuid
import warnings

from nginx_case import (
    HOST,
    NGINX,
    PASSWORD,
    Authority,
    Nginx,
    NginxCase,
    free_ports,
    nginx_site,
    on_ports,
)
from real_hub_case import ADMIN_TOKEN, TIMEOUT_S
from tornado.websocket import websocket_connect

STREAM = "services/dashboard/events/stream"
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "canary-of-the-export"}
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
PLAIN = "http://plain.example.org"


@unittest.skipUnless(NGINX, "PIPALHUB_NGINX is not set")
class EverySite(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pipalhub-nginx-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.authority = Authority(self.folder)

    def check(self, name, *sites):
        nginx = Nginx(self.folder / name)
        http, https = free_ports(2)
        for number, site in enumerate(sites):
            nginx.put(f"site{number}", on_ports(site, http, https))
        return nginx.check()

    def test_nginx_takes_every_combination_of_the_options(self):
        files = ("--cert", self.authority.site_certificate, "--key", self.authority.site_key)
        longest = ".".join(["a" * 63] * 3 + ["b" * 61])
        names = [[HOST], ["hub.test", "*.hub.test"], [longest], ["127.0.0.1"]]
        tls = [["--no-tls"], files, (*files, "--hsts")]
        hubs = [[], ["--hub", "[::1]:8001"]]
        bases = [[], ["--base-url", "/a/b.c"]]
        services = [[], ["--service", "wall-2"]]
        acme = [[], ["--acme-webroot", "/var/www/acme"]]
        ipv6 = [[], ["--no-ipv6"]]
        combinations = list(itertools.product(names, tls, hubs, bases, services, acme, ipv6))
        self.assertEqual(len(combinations), 384)

        def check(number):
            site = nginx_site(*itertools.chain(*combinations[number]))
            return site, *self.check(f"check{number}", site)

        with concurrent.futures.ThreadPoolExecutor() as threads:
            checks = threads.map(check, range(len(combinations)))
            for options, (site, is_content, said) in zip(combinations, checks):
                self.assertTrue(is_content, f"{options}\n{said}\n{site}")
                self.assertNotIn("[warn]", said)

    def test_two_sites_live_beside_each_other(self):
        files = ("--cert", self.authority.site_certificate, "--key", self.authority.site_key)
        one = nginx_site("one.example.org", *files)
        other = nginx_site("other.example.org", *files, "--base-url", "/class")
        is_content, said = self.check("two", one, other, nginx_site("plain.test", "--no-tls"))
        self.assertTrue(is_content, said)


class BeforeAHub(NginxCase):
    async def test_a_cell_runs_over_a_websocket(self):
        await self.start_server("alice")
        answer = await self.ask("/user/alice/api/kernels", "POST", {"name": "python3"})
        self.assertEqual(answer.code, 201, answer.body)
        kernel = json.loads(answer.body)["id"]
        request = self.request(
            f"/user/alice/api/kernels/{kernel}/channels",
            url=f"wss://{HOST}",
            headers={"Origin": f"https://{HOST}"},
        )
        channels = await websocket_connect(request, resolver=self.resolver())
        session = uuid.uuid4().hex
        header = {"msg_id": "1", "msg_type": "execute_request", "session": session, "username": ""}
        content = {"code": "print(6 * 7)", "silent": False, "store_history": False}
        message = {
            "channel": "shell",
            "header": {**header, "version": "5.3"},
            "parent_header": {},
            "metadata": {},
            "content": content,
        }
        await channels.write_message(json.dumps(message))
        while True:
            text = await asyncio.wait_for(channels.read_message(), TIMEOUT_S)
            message = json.loads(text)
            if message["msg_type"] == "stream":
                break
        self.assertEqual(message["content"]["text"], "42\n")
        channels.close()
        await self.ask(f"/user/alice/api/kernels/{kernel}", "DELETE")

    async def test_the_first_byte_of_the_event_stream_comes_within_100_ms(self):
        times_ms = []
        while not times_ms or (min(times_ms) > 100 and len(times_ms) < 20):
            with self.open_stream() as stream:
                asked = time.monotonic()
                stream.ask(f"/{STREAM}")
                stream.until(b"event: hello")
                times_ms.append((time.monotonic() - asked) * 1000)
        print(f"first byte of the event stream after {min(times_ms):.1f} ms")
        self.assertLess(min(times_ms), 100, times_ms)

    def open_stream(self):
        return RawRequest(self.https, self.authority.context())

    async def test_an_open_stream_goes_on_when_nginx_reads_its_sites_anew(self):
        with self.open_stream() as stream:
            stream.ask(f"/{STREAM}")
            stream.until(b"event: hello")
            before = self.nginx.workers()
            self.assertEqual(len(before), 1)
            reload = self.nginx.command("-s", "reload")
            process = await asyncio.create_subprocess_exec(*map(str, reload))
            self.assertEqual(await process.wait(), 0)
            deadline = time.monotonic() + TIMEOUT_S
            while not self.nginx.workers() - before:
                self.assertLess(time.monotonic(), deadline, self.nginx.log())
                await asyncio.sleep(0.02)
            self.assertEqual((await self.post_event("after-the-reload.ipynb")).code, 201)
            stream.until(b"after-the-reload.ipynb")
            self.assertTrue(before <= self.nginx.workers(), "the old process still serves it")

    async def post_event(self, filename):
        token = await self.token_of("bob")
        event = {"user": "bob", "type": "save-notebook", "filename": filename, "path": filename}
        return await self.ask("/services/dashboard/events", "POST", event, token=token)

    async def token_of(self, user):
        await self.ask(f"/hub/api/users/{user}", "POST")
        answer = await self.ask(f"/hub/api/users/{user}/tokens", "POST", {})
        return json.loads(answer.body)["token"]

    async def test_the_start_of_a_server_is_told_as_it_happens(self):
        await self.ask("/hub/api/users/carol", "POST")
        await self.ask("/hub/api/users/carol/server", "POST")
        with self.open_stream() as stream:
            stream.ask("/hub/api/users/carol/server/progress")
            stream.until(b'"progress": 0')
            model = json.loads((await self.ask("/hub/api/users/carol")).body)
            self.assertEqual(model["servers"][""]["pending"], "spawn")
            stream.until(b'"ready": true')

    async def test_an_upload_of_40_mb_arrives_and_one_of_more_than_50_is_refused(self):
        await self.start_server("alice")
        text = "0123456789abcdef" * (40 * 1_000_000 // 16)
        model = {"type": "file", "format": "text", "content": text}
        answer = await self.ask("/user/alice/api/contents/large.txt", "PUT", model)
        self.assertEqual(answer.code, 201, answer.body)
        path = self.folder / "homes/alice/large.txt"
        self.assertEqual(path.read_text(), text)
        # It reached the server as it came, by way of no file of nginx's.
        self.assertNotIn("buffered to a temporary file", self.nginx.log())
        model["content"] = "x" * (51 << 20)
        answer = await self.ask("/user/alice/api/contents/larger.txt", "PUT", model)
        self.assertEqual(answer.code, 413, answer.body)

    async def test_the_address_of_the_first_exports_leads_to_the_protected_ones(self):
        await self.start_server("alice")
        contents = {"type": "notebook", "format": "json", "content": NOTEBOOK}
        answer = await self.ask("/user/alice/api/contents/day1.ipynb", "PUT", contents)
        self.assertEqual(answer.code, 201, answer.body)
        # Whoever may see it gets it.
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            answer = await self.ask("/build/day1/alice.html")
            self.assertEqual(answer.code, 302)
            location = answer.headers["Location"]
            self.assertEqual(location, "/services/dashboard/build/day1/alice.html")
            answer = await self.ask(location)
            if answer.code == 200:
                break
            self.assertLess(time.monotonic(), deadline, answer.body)
            await asyncio.sleep(0.05)
        self.assertIn(b"canary-of-the-export", answer.body)
        for path in [
            "/build",
            "/build/",
            "/build/day1/alice.html",
            "/build/day1/alice.html?x=%0d%0aX-Evil:%201",
            "/build/%0d%0aX-Evil:%201",
            "//build/day1/alice.html",
            "/x/../build/day1/alice.html",
            "/%62uild/day1/alice.html",
            "/build/../build/day1/alice.html",
            "/user/alice/build/day1/alice.html",
            "/day1/alice.html",
            "/services/dashboard/build/day1/alice.html",
        ]:
            for site in [f"https://{HOST}", PLAIN]:
                await self.strangers_see_nothing(site, path)

    async def strangers_see_nothing(self, site, path):
        """Follows redirects as a browser without cookies does, to where nothing more follows."""
        address = site + path
        for _ in range(8):
            url = urllib.parse.urlsplit(address)
            rest = address[len(f"{url.scheme}://{url.netloc}") :]
            answer = await self.ask(rest, url=f"{url.scheme}://{url.netloc}", token=None)
            self.assertNotIn(b"canary-of-the-export", answer.body or b"", path)
            self.assertNotIn("X-Evil", answer.headers)
            if answer.code not in (301, 302):
                break
            address = urllib.parse.urljoin(address, answer.headers["Location"])
            self.assertTrue(address.startswith(f"{site}/"), address)
        self.assertTrue(answer.code in (400, 401, 403, 404) or "/hub/login" in address, address)

    async def test_the_hub_knows_that_browsers_come_by_https(self):
        for site, is_secure in [(f"https://{HOST}", True), (PLAIN, False)]:
            page = await self.ask("/hub/login", url=site, token=None)
            cookie = page.headers["Set-Cookie"].split(";")[0]
            xsrf = re.search(rb'name="_xsrf" value="([^"]+)"', page.body)[1].decode()
            form = {"_xsrf": xsrf, "username": "dora", "password": PASSWORD}
            # The Hub goes on only to an address of its own, and that is one of HTTPS.
            next_url = urllib.parse.quote(f"https://{urllib.parse.urlsplit(site).netloc}/hub/token")
            answer = await self.ask(
                f"/hub/login?next={next_url}",
                "POST",
                urllib.parse.urlencode(form),
                url=site,
                token=None,
                # What a request says of itself is not believed.
                headers={
                    "Cookie": cookie,
                    "Content-Type": "application/x-www-form-urlencoded",
                    "X-Scheme": "http" if is_secure else "https",
                    "X-Forwarded-Proto": "http" if is_secure else "https",
                    "Forwarded": "proto=http" if is_secure else "proto=https",
                },
            )
            self.assertEqual(answer.code, 302, answer.body)
            is_followed = answer.headers["Location"].endswith("/hub/token")
            self.assertEqual(is_followed, is_secure, answer.headers["Location"])
            cookies = answer.headers.get_list("Set-Cookie")
            cookies = [cookie for cookie in cookies if cookie.startswith("jupyterhub-")]
            self.assertTrue(cookies)
            for cookie in cookies:
                self.assertEqual("secure" in cookie.lower(), is_secure, cookie)

    async def test_plain_requests_go_to_https_but_for_those_of_the_certificate_authority(self):
        answer = await self.ask("/hub/login?next=%2Fa", url=f"http://{HOST}", token=None)
        self.assertEqual(answer.code, 301)
        self.assertEqual(answer.headers["Location"], f"https://{HOST}/hub/login?next=%2Fa")
        folder = self.folder / "acme/.well-known/acme-challenge"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "canary").write_text("the answer")
        path = "/.well-known/acme-challenge/canary"
        answer = await self.ask(path, url=f"http://{HOST}", token=None)
        self.assertEqual((answer.code, answer.body), (200, b"the answer"))
        answer = await self.ask(path, token=None)
        self.assertNotEqual(answer.body, b"the answer")

    async def test_answers_say_what_browsers_are_to_know_and_not_which_nginx_it_is(self):
        for path in ["/hub/login", "/services/dashboard/healthz", "/nothing", "/build"]:
            answer = await self.ask(path, token=None)
            self.assertEqual(answer.headers.get_list("X-Content-Type-Options"), ["nosniff"], path)
            hsts = answer.headers.get_list("Strict-Transport-Security")
            self.assertEqual(hsts, ["max-age=31536000"])
            self.assertEqual(answer.headers["Server"], "nginx")
            answer = await self.ask(path, url=PLAIN, token=None)
            self.assertNotIn("Strict-Transport-Security", answer.headers)

    def test_who_guesses_passwords_is_held_up_and_a_class_is_not(self):
        context = self.authority.context()
        context.check_hostname = False
        # From an address of its own, so that nobody else is held up.
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.https, context=context, source_address=("127.0.0.9", 0)
        )
        self.addCleanup(connection.close)

        def status(method):
            headers = {"Host": HOST, "Content-Length": "0"}
            connection.request(method, "/hub/login", headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status

        statuses = [status("POST") for _ in range(400)]
        self.assertNotIn(429, statuses[:300])
        self.assertIn(429, statuses[300:])
        self.assertEqual(status("GET"), 200)

    def test_tls_is_1_2_or_newer_and_http_2_is_spoken(self):
        for version, is_taken in [
            ("TLSv1_1", False),
            ("TLSv1_2", True),
            ("TLSv1_3", True),
        ]:
            context = self.authority.context()
            # The client would refuse the old one itself, and Python warns of it.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion[version]
                context.maximum_version = ssl.TLSVersion[version]
            context.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(("127.0.0.1", self.https), TIMEOUT_S) as connection:
                if is_taken:
                    with context.wrap_socket(connection, server_hostname=HOST) as tls:
                        self.assertEqual(tls.selected_alpn_protocol(), "h2")
                else:
                    with self.assertRaisesRegex(ssl.SSLError, "(?i)alert protocol version"):
                        context.wrap_socket(connection, server_hostname=HOST)


class BelowABase(NginxCase):
    base = "/class/b.c/"

    async def test_everything_is_below_the_hubs_base_url(self):
        answer = await self.ask("/", token=None)
        self.assertEqual((answer.code, answer.headers["Location"]), (302, self.base))
        answer = await self.ask("/hub/login", token=None)
        self.assertEqual(answer.code, 404)
        answer = await self.ask("/build/day1/", token=None)
        location = f"{self.base}services/dashboard/build/day1/"
        self.assertEqual((answer.code, answer.headers["Location"]), (302, location))
        with RawRequest(self.https, self.authority.context()) as stream:
            stream.ask(f"{self.base}{STREAM}")
            stream.until(b"event: hello")


class RawRequest:
    """A request whose answer is read as it comes."""

    def __init__(self, port, context):
        connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.connection = context.wrap_socket(connection, server_hostname=HOST)
        self.read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, path):
        lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", f"Authorization: token {ADMIN_TOKEN}"]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())

    def until(self, text):
        while text not in self.read:
            more = self.connection.recv(65536)
            assert more, f"ended before {text}: {self.read}"
            self.read += more


if __name__ == "__main__":
    unittest.main()
