"""The participants' extension against services that are well, away, slow or mad.

Plain unittest; jupyter_server is needed only by the last class, which is skipped
without it:

    python -m unittest discover -s tests/python
"""

import asyncio
import http.server
import importlib
import json
import logging
import os
import pathlib
import socket
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

ETC = pathlib.Path(__file__).resolve().parents[2] / "etc" / "jupyter"
sys.path.append(str(ETC))

import pipalhub_saves  # noqa: E402

TOKEN = "canary-token"
# Far beyond what anything here takes; only a failing test waits so long.
LONG = 30


class Service:
    """A stand-in for PipalHub on a port of its own; `answer` decides each request."""

    def __init__(self, answer=lambda event: (201, {}), port=0):
        self.events = []
        self.tokens = set()
        self.changed = threading.Condition()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = json.loads(body)
                # The answer is decided before anyone can see that the event came.
                status, headers = answer(event)
                with service.changed:
                    service.tokens.add(self.headers["Authorization"])
                    service.events.append((self.path, event, time.monotonic()))
                    service.changed.notify_all()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

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
            if not self.changed.wait_for(lambda: condition(self.bodies()), LONG):
                raise AssertionError(f"did not arrive, only {self.bodies()}")
            return self.bodies()

    def bodies(self):
        return [event for _, event, _ in self.events]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


class Case(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp()
        self.log = Lines()
        logger = logging.Logger("test")
        logger.addHandler(self.log)
        # An extension that was loaded logs into its server's log.
        self.enterContext(mock.patch.object(pipalhub_saves, "log", logger))

    def service(self, *args, **kwargs):
        service = Service(*args, **kwargs)
        self.addCleanup(service.stop)
        return service

    def reporter(self, url):
        reporter = pipalhub_saves.Reporter(url, TOKEN, "alice", self.home)
        # A thread that waits for a service that hangs is left to end by itself.
        self.addCleanup(reporter.close, 0.1)
        return reporter

    def path(self, name):
        return os.path.join(self.home, name)

    def lines(self):
        return self.log.lines


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Reporting(Case):
    def test_a_save_is_posted_as_the_participant(self):
        service = self.service()
        reporter = self.reporter(service.url)
        reporter.note("save-notebook", self.path("module1/day1.ipynb"))
        service.wait(lambda events: len(events) == 1)
        path, event, _ = service.events[0]
        self.assertEqual(path, "/base/services/dashboard/events")
        self.assertEqual(
            event,
            {
                "type": "save-notebook",
                "user": "alice",
                "filename": "module1/day1.ipynb",
                "path": self.path("module1/day1.ipynb"),
            },
        )
        self.assertEqual(service.tokens, {f"token {TOKEN}"})
        self.assertEqual(self.lines(), [])

    def test_what_is_not_a_notebook_is_not_reported(self):
        service = self.service()
        reporter = self.reporter(service.url)
        for name in [
            ".~day1.ipynb",
            ".ipynb_checkpoints/day1-checkpoint.ipynb",
            "notes.txt",
            "module1",
        ]:
            reporter.note("save-notebook", self.path(name))
        reporter.note("save-notebook", self.path("last.ipynb"))
        events = service.wait(lambda events: events)
        self.assertEqual([event["filename"] for event in events], ["last.ipynb"])

    def test_a_notebook_outside_the_home_is_named_below_the_servers_folder(self):
        service = self.service()
        reporter = self.reporter(service.url)
        reporter.note("save-notebook", "/data/class/a/b.ipynb", "/data/class")
        reporter.note("save-notebook", "/elsewhere/c.ipynb", "/data/class")
        events = service.wait(lambda events: len(events) == 2)
        self.assertEqual(
            [event["filename"] for event in events], ["a/b.ipynb", "/elsewhere/c.ipynb"]
        )

    def test_while_the_service_is_away_the_newest_of_each_notebook_is_kept(self):
        port = free_port()
        reporter = self.reporter(f"http://127.0.0.1:{port}/")
        for _ in range(50):
            reporter.note("save-notebook", self.path("a.ipynb"))
            reporter.note("save-notebook", self.path("b.ipynb"))
        reporter.note("delete-notebook", self.path("b.ipynb"))
        service = self.service(port=port)
        events = service.wait(lambda events: len(events) >= 2)
        newest = {event["filename"]: event["type"] for event in events}
        self.assertEqual(
            newest, {"a.ipynb": "save-notebook", "b.ipynb": "delete-notebook"}
        )
        self.assertEqual(len(events), 2)

    def test_it_is_bounded(self):
        reporter = self.reporter(f"http://127.0.0.1:{free_port()}/")
        for number in range(pipalhub_saves.MAX_PENDING + 100):
            reporter.note("save-notebook", self.path(f"{number}.ipynb"))
        self.assertEqual(len(reporter._pending), pipalhub_saves.MAX_PENDING)

    def test_a_failing_event_does_not_block_the_others(self):
        def answer(event):
            return (500 if event["filename"] == "bad.ipynb" else 201), {}

        service = self.service(answer)
        reporter = self.reporter(service.url)
        reporter.note("save-notebook", self.path("bad.ipynb"))
        reporter.note("save-notebook", self.path("good.ipynb"))
        service.wait(lambda events: any(e["filename"] == "good.ipynb" for e in events))

    def test_what_is_refused_for_good_is_dropped_and_said_once(self):
        service = self.service(lambda event: (400, {}))
        reporter = self.reporter(service.url)
        for name in ["a.ipynb", "b.ipynb", "c.ipynb"]:
            reporter.note("save-notebook", self.path(name))
            service.wait(
                lambda events, name=name: any(e["filename"] == name for e in events)
            )
        self.assertEqual(len(service.bodies()), 3)
        reporter.close()
        self.assertEqual(self.lines(), ["PipalHub: the service refuses events: HTTP 400"])

    def test_retry_after_is_honoured(self):
        answers = iter([(429, {"Retry-After": "1"})])
        service = self.service(lambda event: next(answers, (201, {})))
        reporter = self.reporter(service.url)
        reporter.note("save-notebook", self.path("a.ipynb"))
        service.wait(lambda events: len(events) == 2)
        (_, _, first), (_, _, second) = service.events
        self.assertGreaterEqual(second - first, 1)

    def test_after_a_wait_the_newest_of_each_notebook_is_sent(self):
        for status in (429, 503):
            with self.subTest(status=status):
                open_again = threading.Event()

                def answer(event):
                    if open_again.is_set():
                        return 201, {}
                    return status, {"Retry-After": "1"}

                service = self.service(answer)
                reporter = self.reporter(service.url)
                reporter.note("save-notebook", self.path("b.ipynb"))
                refused = len(service.wait(lambda events: events))
                for _ in range(50):
                    reporter.note("save-notebook", self.path("a.ipynb"))
                    reporter.note("save-notebook", self.path("b.ipynb"))
                reporter.note("delete-notebook", self.path("b.ipynb"))
                open_again.set()
                events = service.wait(lambda events: len(events) == refused + 2)
                sent = {event["filename"]: event["type"] for event in events[refused:]}
                self.assertEqual(
                    sent, {"a.ipynb": "save-notebook", "b.ipynb": "delete-notebook"}
                )
                # And that was all of it.
                reporter.note("save-notebook", self.path("last.ipynb"))
                events = service.wait(lambda events: len(events) > refused + 2)
                self.assertEqual(events[-1]["filename"], "last.ipynb")

    def test_a_token_that_is_not_yet_known_is_tried_again(self):
        answers = iter([(401, {}), (403, {}), (503, {}), (302, {"Location": "/x"})])
        service = self.service(lambda event: next(answers, (201, {})))
        reporter = self.reporter(service.url)
        reporter.note("save-notebook", self.path("a.ipynb"))
        service.wait(lambda events: len(events) == 5)

    def test_the_log_is_quiet_and_keeps_the_token(self):
        answers = iter([(503, {})] * 3)
        service = self.service(lambda event: next(answers, (201, {})))
        reporter = self.reporter(service.url)
        reporter.note("save-notebook", self.path("a.ipynb"))
        service.wait(lambda events: len(events) == 4)
        reporter.close()
        self.assertEqual(len(self.lines()), 2, self.lines())
        self.assertIn("HTTP 503", self.lines()[0])
        self.assertIn("back", self.lines()[1])
        self.assertNotIn(TOKEN, "".join(self.lines()))


class Raw(Case):
    """Services that accept the connection and then behave badly."""

    def serve(self, reply):
        """Answers the first connection with `reply`, None for never; then properly."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        seen = threading.Semaphore(0)
        replies = iter([reply])

        def run():
            held = []
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.recv(65536)
                answer = next(replies, b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
                if answer is None:
                    held.append(connection)
                else:
                    connection.sendall(answer)
                    connection.close()
                seen.release()

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/", seen

    def check_comes_again(self, reply):
        url, seen = self.serve(reply)
        with mock.patch.object(pipalhub_saves, "TIMEOUT", 0.2):
            reporter = self.reporter(url)
            reporter.note("save-notebook", self.path("a.ipynb"))
            self.assertTrue(seen.acquire(timeout=LONG))
            self.assertTrue(seen.acquire(timeout=LONG), "it was not sent again")

    def test_nonsense(self):
        self.check_comes_again(b"\x00\xff lorem ipsum\r\n\r\n")

    def test_a_connection_that_is_closed_at_once(self):
        self.check_comes_again(b"")

    def test_a_service_that_hangs(self):
        self.check_comes_again(None)

    def test_a_hanging_service_delays_no_save(self):
        url, seen = self.serve(None)
        reporter = self.reporter(url)
        reporter.note("save-notebook", self.path("a.ipynb"))
        self.assertTrue(seen.acquire(timeout=LONG))
        # The thread now waits for an answer that does not come; these return at once,
        # long before its time-out.
        begin = time.monotonic()
        for _ in range(1000):
            reporter.note("save-notebook", self.path("a.ipynb"))
        self.assertLess(time.monotonic() - begin, pipalhub_saves.TIMEOUT / 2)
        self.assertEqual(len(reporter._pending), 1)


class Hook(unittest.TestCase):
    """The shim for hubs that are configured by post_save_hook."""

    def setUp(self):
        self.module = importlib.reload(pipalhub_saves)
        self.manager = mock.Mock(root_dir="/home/alice")

    def tearDown(self):
        if self.module._reporter:
            self.module._reporter.close()

    def hook(self, **model):
        self.module.post_save_hook(
            model=model, os_path="/home/alice/a.ipynb", contents_manager=self.manager
        )

    def test_it_reports_notebooks_only(self):
        service = Service()
        self.addCleanup(service.stop)
        environment = {
            "PIPALHUB_URL": service.url,
            "JUPYTERHUB_USER": "alice",
            "JUPYTERHUB_API_TOKEN": TOKEN,
        }
        with mock.patch.dict(os.environ, environment):
            self.hook(type="file")
            self.hook(type="notebook")
        events = service.wait(lambda events: events)
        self.assertEqual([event["filename"] for event in events], ["a.ipynb"])

    def test_without_a_service_it_does_nothing(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("PIPALHUB_URL", None)
            self.hook(type="notebook")
        self.assertIsNone(self.module._reporter)

    def test_it_never_raises(self):
        with mock.patch.object(self.module, "_shared_reporter", side_effect=OSError):
            with self.assertLogs("pipalhub_saves", "ERROR"):
                self.hook(type="notebook")


try:
    from jupyter_server.serverapp import ServerApp
except ImportError:
    ServerApp = None


@unittest.skipIf(ServerApp is None, "jupyter_server is not installed")
class InJupyterServer(unittest.TestCase):
    """Jupyter's own contents manager and event bus, without a socket."""

    def test_save_rename_and_delete(self):
        module = importlib.reload(pipalhub_saves)
        service = Service()
        self.addCleanup(service.stop)
        home = tempfile.mkdtemp()
        environment = {
            "PIPALHUB_URL": service.url,
            "JUPYTERHUB_USER": "alice",
            "JUPYTERHUB_API_TOKEN": TOKEN,
            "HOME": home,
        }
        with mock.patch.dict(os.environ, environment):
            asyncio.run(self.use(module, home))
        self.addCleanup(module._reporter.close)
        expected = {
            "old.ipynb": "delete-notebook",
            "new.ipynb": "save-notebook",
            "gone.ipynb": "delete-notebook",
        }
        service.wait(
            lambda events: {e["filename"]: e["type"] for e in events} == expected
        )

    async def use(self, module, home):
        app = ServerApp(root_dir=home, log_level="ERROR")
        app.init_configurables()
        app.init_event_logger()
        module._load_jupyter_server_extension(app)
        notebook = {
            "type": "notebook",
            "content": {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
        }
        manager = app.contents_manager
        await manager.save(notebook, "old.ipynb")
        await manager.rename("old.ipynb", "new.ipynb")
        await manager.save(notebook, "gone.ipynb")
        await manager.delete("gone.ipynb")
        # The listeners are tasks of this loop; they end in its next turns.
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            await task


if __name__ == "__main__":
    unittest.main()
