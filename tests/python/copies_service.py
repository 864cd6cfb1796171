"""A stand-in for the service that takes contents: `/api/copies`, its inventory, and errands, as
they are promised.
"""

import hashlib
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse
import zlib

from support import TIMEOUT_S


class CopiesService:
    """Keeps what is pushed, and knows all that was said to it; how much that is says `GET told`.

    `before` is called with the method, the path and the body of each request, and may give
    another answer: `(status, headers, body)`, or `CUT`, for a connection that ends there.
    """

    CUT = object()

    def __init__(self, before=None, port=0):
        self.before = before or (lambda method, path, body: None)
        # By filename: the bytes that are kept, and all heads that came, in order.
        self.copies = {}
        self.heads = []
        self.events = []
        self.inventories = []
        self.errands = {}
        self.contents = {}
        self.errand_answers = []
        # All bytes of all bodies, what the connections were, and what was told in which order.
        self.received = []
        self.connections = set()
        self.tokens = set()
        self.told = []
        self.pace_ms = 0
        self.changed = threading.Condition()
        self._open = set()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with service.changed:
                    service.connections.add(self.client_address)
                    service._open.add(self.connection)

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.replace("/base/", "", 1)
                with service.changed:
                    service.received.append(body)
                    service.tokens.add(self.headers["Authorization"])
                answer = service.before(self.command, path, body)
                if answer is service.CUT:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                with service.changed:
                    status, headers, body = answer or service.answer(self.command, path, body)
                    service.changed.notify_all()
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass

            do_GET = do_PUT = do_POST = do

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        # Connections that are cut are what is tested.
        self.server.handle_error = lambda request, client_address: None
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/base/"
        threading.Thread(
            target=self.server.serve_forever, args=(0.01,), daemon=True
        ).start()

    def answer(self, method, path, body):
        url = urllib.parse.urlsplit(path)
        errand = re.fullmatch(r"api/errands/(\d+)(/content)?", url.path)
        if (method, path) == ("PUT", "api/copies"):
            return self._put(body)
        if (method, path) == ("POST", "api/copies/inventory"):
            return self._inventory(json.loads(body))
        if (method, path) == ("POST", "events"):
            event = json.loads(body)
            self.events.append(event)
            self.told.append((event["type"], event["filename"]))
            if event["type"] == "delete-notebook":
                self.copies.pop(event["filename"], None)
            return 201, {}, event
        if (method, path) == ("GET", "told"):
            return 200, {}, {"told": len(self.told)}
        if (method, url.path) == ("GET", "api/errands"):
            wait = float(dict(urllib.parse.parse_qsl(url.query)).get("wait", 0))
            self.changed.wait_for(lambda: self.errands, wait)
            return 200, {}, {"errands": list(self.errands.values())}
        if method == "GET" and errand and errand.group(2):
            return 200, {}, self.contents[int(errand.group(1))]
        if method == "POST" and errand:
            said = json.loads(body)
            self.errand_answers.append((int(errand.group(1)), said))
            self.errands.pop(int(errand.group(1)), None)
            return 200, {}, {}
        return 404, {}, {"message": path}

    def _put(self, body):
        line, _, middle = body.partition(b"\n")
        head = json.loads(line)
        self.heads.append(head)
        name = head["filename"]
        if "withheld" in head:
            self.told.append((head["withheld"], name))
            return 200, {}, {"seq": len(self.told), "pace_ms": self.pace_ms}
        base = b""
        if head["base"] is not None:
            base = self.copies.get(name, b"")
            if hashlib.sha256(base).hexdigest() != head["base"]:
                return 409, {}, {"error": "base", "message": "not here", "need": "whole"}
        middle = zlib.decompress(middle, wbits=-15)
        content = base[: head["prefix"]] + middle + base[len(base) - head["suffix"] :]
        if hashlib.sha256(content).hexdigest() != head["sha256"] or len(content) != head["size"]:
            return 409, {}, {"error": "hash", "message": "another", "need": "whole"}
        is_new = self.copies.get(name) != content
        self.copies[name] = content
        self.told.append(("save-notebook", name))
        return 200, {}, {"seq": len(self.told) if is_new else None, "pace_ms": self.pace_ms}

    def _inventory(self, said):
        self.inventories.append(said)
        there = {file["filename"]: file["sha256"] for file in said["files"]}
        gone = set(self.copies) - set(there) if said["complete"] else set()
        for name in gone:
            del self.copies[name]
        wanted = [
            name
            for name, sha256 in there.items()
            if sha256 != hashlib.sha256(self.copies.get(name, b"")).hexdigest()
        ]
        return 200, {}, {"wanted": wanted, "gone": len(gone), "pace_ms": 0}

    def wait(self, condition):
        """Until it holds; what it is given is this service."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), TIMEOUT_S):
                raise AssertionError(f"did not come: {self.told}, {self.heads[-3:]}")

    def give(self, errand_id, content, **fields):
        """An errand with this content."""
        with self.changed:
            self.contents[errand_id] = content
            self.errands[errand_id] = {
                "id": errand_id,
                "kind": "handout",
                "filename": "handout.ipynb",
                "url": f"api/errands/{errand_id}/content",
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                **fields,
            }
            self.changed.notify_all()

    def cut_connections(self):
        """Ends those that are kept, as a restart does."""
        with self.changed:
            connections, self._open = self._open, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def run(self):
        """Answers, which other threads do, until the process ends."""
        threading.Event().wait()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.cut_connections()
        # Those that wait are let go.
        with self.changed:
            self.changed.notify_all()
        time.sleep(0)
