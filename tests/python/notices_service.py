"""A fake service with notices: `/api/notices`, `/api/help/mine` and `/api/workshop`, as docs/http.md
describes them.
"""

import http.server
import json
import re
import threading
import time
import urllib.parse

from support import TIMEOUT_S


class NoticesService:
    """Serves the notices given with `tell`; records the requests and the receipts."""

    def __init__(self, port=0):
        self.notices = {}
        self.cursor = 0
        self.receipts = []
        # The answer of `/api/workshop`; None of a service that has none.
        self.workshop = None
        self.workshops = 0
        # What `/api/help/mine` says; None of a service that has none. What was put there.
        self.help = None
        self.put_help = []
        # The status of an answer to a note that is not taken.
        self.help_fails = None
        self.asked = []
        self.waiting = 0
        self.most_waiting = 0
        self.tokens = set()
        # Statuses of the first answers; later ones are good.
        self.failures = []
        self.changed = threading.Condition()
        self._stopped = False
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                self.answer(*service.get(url.path, query, self.headers))

            def do_PUT(self):
                # Also notebooks, which it does not take.
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(*service.put(self.path, body, self.headers))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer(*service.post(self.path, body))

            def answer(self, status, body):
                text = json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/base/"
        threading.Thread(
            target=self.server.serve_forever, args=(0.01,), daemon=True
        ).start()

    def tell(self, text, id=None, **fields):
        """Adds a notice or changes the one with this id."""
        with self.changed:
            self.cursor += 1
            id = id or len(self.notices) + 1
            self.notices[id] = {
                "id": id,
                "text": text,
                "html": f"<p>{text}</p>",
                "title": None,
                "link": None,
                "file": None,
                "created_at_ms": 1_700_000_000_000 + id,
                "until_ms": None,
                "retracted": False,
                **fields,
                "seq": self.cursor,
            }
            self.changed.notify_all()
        return id

    def get(self, path, query, headers):
        with self.changed:
            if path == "/base/api/workshop" and self.workshop is not None:
                self.workshops += 1
                return 200, self.workshop
            if path != "/base/api/notices":
                return 404, {"message": path}
            self.asked.append(query)
            self.tokens.add(headers["Authorization"])
            self.changed.notify_all()
            if self.failures:
                return self.failures.pop(0), {"message": "not now"}
            after = int(query.get("after", 0))
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            self.changed.wait_for(
                lambda: self.cursor > after or self._help_for(query) or self._stopped,
                float(query.get("wait", 0)),
            )
            self.waiting -= 1
            return 200, {
                **self._help_for(query),
                "now_ms": int(time.time() * 1000),
                "cursor": self.cursor,
                "notices": [n for n in self.notices.values() if n["seq"] > after],
            }

    def _help_for(self, query):
        is_news = self.help and "help" in query and int(query["help"]) != self.help["cursor"]
        return {"help": self.help} if is_news else {}

    def say_help(self, **fields):
        """Says something else of the participant's note."""
        with self.changed:
            known = self.help or {"cursor": 70, "now_ms": 1, "note": None, "waiting": 0}
            self.help = {**known, **fields, "cursor": known["cursor"] + 1}
            self.changed.notify_all()

    def put(self, path, body, headers):
        if path != "/base/api/help/mine" or self.help is None:
            return 404, {"message": path}
        body = json.loads(body)
        with self.changed:
            self.put_help.append(body)
            self.tokens.add(headers["Authorization"])
        if self.help_fails:
            return self.help_fails, {"message": "not now"}
        ticket = None
        if body["note"] == "help":
            ticket = {"id": 5, "text": body["text"] or "", "state": "waiting", "place": 2}
        self.say_help(note=body["note"], ticket=ticket)
        return 200, self.help

    def post(self, path, body):
        found = re.fullmatch(r"/base/api/notices/(\d+)/receipt", path)
        with self.changed:
            if found:
                self.receipts.append((int(found.group(1)), body["state"]))
            self.changed.notify_all()
        return (200 if found else 404), {}

    def wait(self, condition):
        with self.changed:
            if not self.changed.wait_for(condition, TIMEOUT_S):
                raise AssertionError(f"asked {self.asked}, receipts {self.receipts}")

    def stop(self):
        with self.changed:
            self._stopped = True
            self.changed.notify_all()
        self.server.shutdown()
        self.server.server_close()
