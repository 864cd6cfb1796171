"""Requests to the service say which version of the package sends them."""

import asyncio
import http.server
import io
import re
import threading
import unittest

from support import HAS_JUPYTER, SINGLEUSER, TOKEN

import pipalhub_singleuser
from pipalhub_singleuser.connection import Connection
from pipalhub_singleuser.service import Service

PACKAGE = SINGLEUSER / "pipalhub_singleuser"


class Listener:
    """Answers every request with an empty object, and keeps the headers."""

    def __init__(self):
        self.heard = []
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                listener.heard.append(dict(self.headers))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_POST = do_PUT = do_GET

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.service = Service(f"http://127.0.0.1:{self._server.server_port}/", TOKEN, "alice")
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class VersionIsSaidTest(unittest.TestCase):
    def setUp(self):
        self.listener = Listener()
        self.addCleanup(self.listener.close)

    def assert_says_the_version(self, requests):
        expected = f"pipalhub-singleuser/{pipalhub_singleuser.__version__}"
        said = [headers.get("User-Agent") for headers in self.listener.heard]
        self.assertEqual(said, [expected] * requests)

    def test_requests_of_threads_say_the_version(self):
        connection = Connection(self.listener.service)
        self.addCleanup(connection.close)
        connection.ask("POST", "events", {"type": "save-notebook"})
        connection.ask("PUT", "api/copies", b"", content_type="application/vnd.pipalhub.copy")
        connection.ask("GET", "api/errands")
        connection.download("api/errands/1/content", io.BytesIO().write, 2)
        self.assert_says_the_version(4)

    @unittest.skipUnless(HAS_JUPYTER, "needs tornado")
    def test_requests_of_the_loop_say_the_version(self):
        from pipalhub_singleuser.client import Client

        async def ask():
            client = Client(self.listener.service)
            await client.ask("api/notices?after=0")
            await client.ask("api/notices/1/receipt", {"state": "shown"})

        asyncio.run(ask())
        self.assert_says_the_version(2)

    def test_nothing_else_sends_requests(self):
        senders = re.compile(r"HTTPS?Connection\(|HTTPRequest\(|urlopen")
        found = {path.name for path in PACKAGE.glob("*.py") if senders.search(path.read_text())}
        self.assertEqual(found, {"client.py", "connection.py"})


if __name__ == "__main__":
    unittest.main()
