"""The participants' reports against services that are well, away, slow or mad.

Plain unittest; jupyter_server is needed only by the last class, which is skipped
without it:

    python -m unittest discover -s tests/python
"""

import json
import logging
import os
import socket
import tempfile
import threading
import time
import unittest
from unittest import mock

from support import (
    CREATED,
    ETC,
    HAS_JUPYTER,
    LONG,
    TOKEN,
    JupyterServer,
    Lines,
    RawService,
    Service,
    Trickle,
    environment_of,
)

import pipalhub_singleuser
from pipalhub_singleuser import answers, reporter as reporter_module, service
from pipalhub_singleuser.backoff import seconds_of
from pipalhub_singleuser.connection import Answer, Connection
from pipalhub_singleuser.events import news_in
from pipalhub_singleuser.pace import Pace
from pipalhub_singleuser.pending import Pending


class PaceTest(unittest.TestCase):
    def test_a_burst_is_sent_at_once_and_then_one_by_one(self):
        now = [100.0]
        pace = Pace(0.1, 3, clock=lambda: now[0])
        self.assertEqual([pace.sent() for _ in range(3)], [0, 0, 0])
        for _ in range(5):
            wait = pace.sent()
            self.assertAlmostEqual(wait, 0.1)
            now[0] += wait
        # After a rest as many again, however long it was.
        now[0] += 1000
        self.assertEqual([pace.sent() for _ in range(3)], [0, 0, 0])
        self.assertAlmostEqual(pace.sent(), 0.1)


class PendingTest(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.pending = Pending(3, 1, 8, clock=lambda: self.now)

    def test_the_newest_of_each_is_next_oldest_first(self):
        self.pending.put("a", 1)
        self.pending.put("b", 2)
        self.pending.put("a", 3)
        self.assertEqual(self.pending.next(), ("b", 2, 0))
        self.pending.settle("b", 2)
        self.assertEqual(self.pending.next(), ("a", 3, 0))
        # One that was sent while a newer one came: that is still to be sent.
        self.pending.settle("a", 1)
        self.assertEqual(self.pending.next(), ("a", 3, 0))
        self.pending.settle("a", 3)
        self.assertEqual(self.pending.next(), (None, None, None))

    def test_what_is_put_off_waits_longer_each_time_and_holds_up_no_other(self):
        self.pending.put("bad", 0)
        waits = []
        for number in range(6):
            self.pending.put_off("bad")
            self.pending.put("good", number)
            self.assertEqual(self.pending.next(), ("good", number, 0))
            self.pending.settle("good", number)
            # A newer one of the same waits as long.
            self.pending.put("bad", number)
            _, event, wait = self.pending.next()
            self.assertIsNone(event)
            waits.append(wait)
            self.now += wait
            self.assertEqual(self.pending.next()[:2], ("bad", number))
        for wait, most in zip(waits, [2, 4, 8, 8, 8, 8]):
            self.assertTrue(most / 2 <= wait <= most, waits)

    def test_it_is_bounded(self):
        dropped = [self.pending.put(number, number) for number in range(5)]
        self.assertEqual(dropped, [False, False, False, True, True])
        self.assertEqual(len(self.pending), 3)
        # What is not there any more has no pause either.
        self.pending.put_off(0)
        self.pending.settle(1, 1)
        self.pending.put_last(1)
        self.assertEqual(self.pending.next(), (2, 2, 0))


class Case(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp()
        self.log = Lines()
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.log)

    def service(self, *args, **kwargs):
        server = Service(*args, **kwargs)
        self.addCleanup(server.stop)
        return server

    def reporter(self, url):
        reporter = reporter_module.Reporter(
            service.Service(url, TOKEN, "alice"), self.home, self.logger
        )
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
        server = self.service()
        reporter = self.reporter(server.url)
        reporter.note("save-notebook", self.path("module1/day1.ipynb"))
        server.wait(lambda events: len(events) == 1)
        path, event, _ = server.events[0]
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
        self.assertEqual(server.tokens, {f"token {TOKEN}"})
        self.assertEqual(self.lines(), [])

    def test_what_is_not_a_notebook_is_not_reported(self):
        server = self.service()
        reporter = self.reporter(server.url)
        for name in [
            ".~day1.ipynb",
            ".ipynb_checkpoints/day1-checkpoint.ipynb",
            "notes.txt",
            "module1",
        ]:
            reporter.note("save-notebook", self.path(name))
        reporter.note("save-notebook", self.path("last.ipynb"))
        events = server.wait(lambda events: events)
        self.assertEqual([event["filename"] for event in events], ["last.ipynb"])

    def test_a_notebook_outside_the_home_is_named_below_the_servers_folder(self):
        server = self.service()
        reporter = self.reporter(server.url)
        reporter.note("save-notebook", "/data/class/a/b.ipynb", "/data/class")
        reporter.note("save-notebook", "/elsewhere/c.ipynb", "/data/class")
        events = server.wait(lambda events: len(events) == 2)
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
        server = self.service(port=port)
        events = server.wait(lambda events: len(events) >= 2)
        newest = {event["filename"]: event["type"] for event in events}
        self.assertEqual(
            newest, {"a.ipynb": "save-notebook", "b.ipynb": "delete-notebook"}
        )
        self.assertEqual(len(events), 2)

    def test_it_is_bounded(self):
        reporter = self.reporter(f"http://127.0.0.1:{free_port()}/")
        for number in range(reporter_module.MAX_PENDING + 100):
            reporter.note("save-notebook", self.path(f"{number}.ipynb"))
        self.assertEqual(reporter.pending(), reporter_module.MAX_PENDING)

    def test_a_failing_event_does_not_block_the_others(self):
        def answer(event):
            return (500 if event["filename"] == "bad.ipynb" else 201), {}

        server = self.service(answer)
        reporter = self.reporter(server.url)
        reporter.note("save-notebook", self.path("bad.ipynb"))
        reporter.note("save-notebook", self.path("good.ipynb"))
        server.wait(lambda events: any(e["filename"] == "good.ipynb" for e in events))

    def test_what_is_refused_for_good_is_dropped_and_said_once(self):
        server = self.service(lambda event: (400, {}))
        reporter = self.reporter(server.url)
        for name in ["a.ipynb", "b.ipynb", "c.ipynb"]:
            reporter.note("save-notebook", self.path(name))
            server.wait(
                lambda events, name=name: any(e["filename"] == name for e in events)
            )
        self.assertEqual(len(server.bodies()), 3)
        reporter.close()
        [line] = self.lines()
        self.assertIn(ascii(self.path("a.ipynb")), line)
        self.assertIn("HTTP 400", line)
        self.assertIn("install the package that came with the service", line)

    def test_a_save_outside_of_the_home_is_told_once_and_delays_no_other(self):
        outside = "/elsewhere/a\n.ipynb"
        said = json.dumps({"message": "It is not below\nalice's home."}).encode()

        def answer(event):
            return (403 if event["path"] == outside else 201), {}, said

        server = self.service(answer)
        with mock.patch.object(Pending, "put_off", side_effect=AssertionError):
            reporter = self.reporter(server.url)
            reporter.note("save-notebook", outside)
            server.wait(lambda events: events)
            for number in range(20):
                reporter.note("save-notebook", self.path(f"{number}.ipynb"))
            events = server.wait(lambda events: len(events) == 21)
            reporter.close()
        self.assertEqual([e["path"] for e in events].count(outside), 1)
        [line] = self.lines()
        self.assertIn(ascii(outside), line)
        self.assertIn("(HTTP 403: It is not below alice's home)", line)
        self.assertIn("--homes", line)
        self.assertNotIn("\n", line)

    def test_retry_after_is_honoured(self):
        answers = iter([(429, {"Retry-After": "1"})])
        server = self.service(lambda event: next(answers, (201, {})))
        reporter = self.reporter(server.url)
        reporter.note("save-notebook", self.path("a.ipynb"))
        server.wait(lambda events: len(events) == 2)
        (_, _, first), (_, _, second) = server.events
        self.assertGreaterEqual(second - first, 1)

    def test_after_a_wait_the_newest_of_each_notebook_is_sent(self):
        for status in (429, 503):
            with self.subTest(status=status):
                open_again = threading.Event()

                def answer(event):
                    if open_again.is_set():
                        return 201, {}
                    return status, {"Retry-After": "1"}

                server = self.service(answer)
                reporter = self.reporter(server.url)
                reporter.note("save-notebook", self.path("b.ipynb"))
                refused = len(server.wait(lambda events: events))
                for _ in range(50):
                    reporter.note("save-notebook", self.path("a.ipynb"))
                    reporter.note("save-notebook", self.path("b.ipynb"))
                reporter.note("delete-notebook", self.path("b.ipynb"))
                open_again.set()
                events = server.wait(lambda events: len(events) == refused + 2)
                sent = {event["filename"]: event["type"] for event in events[refused:]}
                self.assertEqual(
                    sent, {"a.ipynb": "save-notebook", "b.ipynb": "delete-notebook"}
                )
                # And that was all of it.
                reporter.note("save-notebook", self.path("last.ipynb"))
                events = server.wait(lambda events: len(events) > refused + 2)
                self.assertEqual(events[-1]["filename"], "last.ipynb")

    def test_a_service_that_takes_nothing_from_this_server_is_tried_again(self):
        statuses = [401, 404, 302, 503]
        answers = iter((status, {"Location": "/x"}) for status in statuses)
        server = self.service(lambda event: next(answers, (201, {})))
        with mock.patch.object(reporter_module, "ABSENT_DELAY", 0.01):
            reporter = self.reporter(server.url)
            reporter.note("save-notebook", self.path("a.ipynb"))
            server.wait(lambda events: len(events) == 5)
            reporter.close()
        token, address, *others = self.lines()
        self.assertIn("(HTTP 401)", token)
        self.assertIn("stop and start the server", token)
        self.assertIn("(HTTP 404)", address)
        self.assertIn("PIPALHUB_URL", address)

    def test_what_it_does_not_take_waits_longer_and_longer_and_by_itself(self):
        reporter = self.unstarted(answer=500)
        one, two, three = (("a", False), ("b", False), ("c", False))
        pauses = [reporter._report(one, {}) for _ in range(20)]
        # Whoever else has something to say does not wait at all.
        self.assertEqual(pauses, [0] * 20)
        self.assertEqual(reporter._report(two, {}), 0)
        # Until it is clear that it takes nothing.
        self.assertGreater(reporter._report(three, {}), 0)
        self.assertGreater(reporter._report(one, {}), 0)

    def unstarted(self, answer):
        """A reporter without its thread; every post is answered so."""
        with mock.patch("threading.Thread.start"):
            reporter = reporter_module.Reporter(
                service.Service("http://127.0.0.1:1/", TOKEN, "alice"),
                self.home,
                self.logger,
            )
        patched = mock.patch.object(
            Connection, "ask", return_value=Answer(answer, None, "")
        )
        patched.start()
        self.addCleanup(patched.stop)
        return reporter

    def test_the_log_is_quiet_and_keeps_the_token(self):
        answers = iter([(503, {})] * 3)
        server = self.service(lambda event: next(answers, (201, {})))
        reporter = self.reporter(server.url)
        reporter.note("save-notebook", self.path("a.ipynb"))
        server.wait(lambda events: len(events) == 4)
        reporter.close()
        self.assertEqual(len(self.lines()), 2, self.lines())
        self.assertIn("HTTP 503", self.lines()[0])
        self.assertIn("back", self.lines()[1])
        self.assertNotIn(TOKEN, "".join(self.lines()))


class Raw(Case):
    """Services that accept the connection and then behave badly."""

    def serve(self, *replies):
        raw = RawService(*replies)
        self.addCleanup(raw.stop)
        return raw.url, raw.seen

    def check_comes_again(self, reply):
        url, seen = self.serve(reply, CREATED)
        with mock.patch.object(reporter_module, "TIMEOUT", 0.2):
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

    def test_a_service_that_says_a_byte_now_and_then(self):
        self.check_comes_again(Trickle(b"HTTP/1.1 201 Created\r\nX: "))

    def test_a_refusal_whose_reason_never_ends_is_one(self):
        head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000\r\n\r\n"
        url, seen = self.serve(Trickle(head), CREATED)
        with mock.patch.object(reporter_module, "TIMEOUT", 0.2):
            reporter = self.reporter(url)
            for name in ["a.ipynb", "b.ipynb"]:
                reporter.note("save-notebook", self.path(name))
                self.assertTrue(seen.acquire(timeout=LONG))
            reporter.close(LONG)
        self.assertEqual(len(self.lines()), 1, self.lines())
        self.assertIn("HTTP 403", self.lines()[0])

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
        self.assertLess(time.monotonic() - begin, reporter_module.TIMEOUT / 2)
        self.assertEqual(reporter.pending(), 1)


class Small(unittest.TestCase):
    """What is decided without a service."""

    def test_what_an_event_of_the_server_says(self):
        save, delete = reporter_module.SAVE, reporter_module.DELETE
        for data, expected in [
            ({"action": "get", "path": "a.ipynb"}, []),
            ({"action": "save", "path": "a.ipynb"}, [(save, "a.ipynb")]),
            (
                {"action": "copy", "path": "b.ipynb", "source_path": "a.ipynb"},
                [(save, "b.ipynb")],
            ),
            (
                {"action": "rename", "path": "b.ipynb", "source_path": "a.ipynb"},
                [(delete, "a.ipynb"), (save, "b.ipynb")],
            ),
            ({"action": "delete", "path": "a.ipynb"}, [(delete, "a.ipynb")]),
            ({}, []),
        ]:
            self.assertEqual(news_in(data), expected)

    def test_retry_after_is_bounded(self):
        for asked, seconds in [
            (None, 0),
            ("2", 2),
            ("-5", 0),
            ("nan", 0),
            ("1e9", 300),
            ("Fri, 31 Dec 2027 23:59:59 GMT", 0),
        ]:
            self.assertEqual(seconds_of(asked), seconds, asked)

    def test_what_answers_mean(self):
        for meaning, statuses in [
            (answers.DONE, [200, 201, 204]),
            (answers.REFUSED, [400, 403, 409, 413, 415, 422, 451]),
            (answers.ABSENT, [301, 302, 307, 401, 404, 405, 410]),
            (answers.AWAY, [429, 502, 503, 504]),
            (answers.NOT_NOW, [408, 425, 500, 501, 599]),
        ]:
            for status in statuses:
                self.assertEqual(answers.meaning_of(status), meaning, status)
        for status in [302, 400, 401, 403, 404, 409]:
            self.assertTrue(answers.remedy_of(status), status)

    def test_nothing_shows_the_token(self):
        self.assertNotIn(TOKEN, repr(service.Service("http://x/", TOKEN, "alice")))


class Hook(unittest.TestCase):
    """For hubs that are configured by post_save_hook."""

    def setUp(self):
        self.manager = mock.Mock(root_dir="/home/alice")
        self.addCleanup(reporter_module.close_shared)

    def hook(self, **model):
        pipalhub_singleuser.post_save_hook(
            model=model, os_path="/home/alice/a.ipynb", contents_manager=self.manager
        )

    def test_it_reports_notebooks_only(self):
        server = Service()
        self.addCleanup(server.stop)
        with mock.patch.dict(os.environ, environment_of("alice", server.url)):
            self.hook(type="file")
            self.hook(type="notebook")
        events = server.wait(lambda events: events)
        self.assertEqual([event["filename"] for event in events], ["a.ipynb"])

    def test_without_a_service_it_does_nothing(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("PIPALHUB_URL", None)
            self.hook(type="notebook")
            self.assertIsNone(reporter_module.shared())

    def test_it_never_raises(self):
        with mock.patch.object(reporter_module, "shared", side_effect=OSError):
            with self.assertLogs("pipalhub_singleuser", "ERROR"):
                self.hook(type="notebook")


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class InJupyterServer(unittest.TestCase):
    """A real server, told of the extension by nothing but the files of the package."""

    def start(self, url, config=""):
        jupyter = JupyterServer(environment_of("alice", url), config)
        self.addCleanup(jupyter.stop)
        return jupyter

    def service(self, *args):
        server = Service(*args)
        self.addCleanup(server.stop)
        return server

    def test_save_copy_rename_and_delete(self):
        server = self.service()
        jupyter = self.start(server.url)
        for name in ["old", "gone", "kept"]:
            jupyter.save(f"{name}.ipynb")
        jupyter.request("POST", "api/contents/", {"copy_from": "kept.ipynb"})
        jupyter.request("PATCH", "api/contents/old.ipynb", {"path": "new.ipynb"})
        jupyter.request("DELETE", "api/contents/gone.ipynb")
        expected = {
            "old.ipynb": "delete-notebook",
            "new.ipynb": "save-notebook",
            "gone.ipynb": "delete-notebook",
            "kept.ipynb": "save-notebook",
            "kept-Copy1.ipynb": "save-notebook",
        }
        server.wait(
            lambda events: {e["filename"]: e["type"] for e in events} == expected
        )
        self.assertNotIn(TOKEN, jupyter.log())

    def test_a_server_with_hook_and_extension_reports_a_save_once(self):
        held = threading.Event()

        def answer(event):
            held.wait(LONG)
            return 201, {}

        server = self.service(answer)
        hook = ETC / "jupyter_server_config.py"
        jupyter = self.start(server.url, hook.read_text())
        jupyter.save("a.ipynb")
        # Both have noted it by now: the answer to the next save came after.
        jupyter.save("b.ipynb")
        jupyter.save("last.ipynb")
        held.set()
        events = server.wait(
            lambda events: {"a.ipynb", "b.ipynb", "last.ipynb"}
            <= {e["filename"] for e in events}
        )
        # One that is being sent while it is noted again is sent again; no more than that.
        self.assertLessEqual(len(events), 4)

    def test_saves_work_whatever_the_service_does(self):
        for reply in [b"\x00\xff lorem ipsum\r\n\r\n", b"", None]:
            with self.subTest(reply=reply):
                raw = RawService(reply)
                self.addCleanup(raw.stop)
                jupyter = self.start(raw.url)
                for number in range(20):
                    jupyter.save(f"{number % 3}.ipynb")
                self.assertTrue(raw.seen.acquire(timeout=LONG))


if __name__ == "__main__":
    unittest.main()
