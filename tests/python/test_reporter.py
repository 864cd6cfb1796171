"""The participants' reports against services that are well, away, slow or mad."""

import json
import threading
import time
import unittest
from unittest import mock

from reporter_case import ReporterCase, free_port
from support import CREATED, TIMEOUT_S, TOKEN, RawService, EndlessAnswer

from pipalhub_singleuser import reporter as reporter_module, service
from pipalhub_singleuser.pending import Pending
from pipalhub_singleuser.connection import Answer, Connection


class ReportingTest(ReporterCase):
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

    def test_a_file_that_is_no_notebook_is_not_reported(self):
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

    def test_the_newest_event_of_each_notebook_is_kept_while_the_service_is_away(self):
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

    def test_pending_reports_are_bounded(self):
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

    def test_a_refused_event_is_dropped_and_logged_once(self):
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

    def test_a_save_outside_of_the_home_is_logged_once_and_delays_no_other(self):
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

    def test_the_newest_event_of_each_notebook_is_sent_after_a_wait(self):
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
                # No other report was pending.
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

    def test_a_failing_event_waits_longer_and_delays_no_other(self):
        reporter = self.unstarted(answer=500)
        one, two, three = (("a", False), ("b", False), ("c", False))
        pauses = [reporter._report(one, {}) for _ in range(20)]
        # Another event does not wait at all, ...
        self.assertEqual(pauses, [0] * 20)
        self.assertEqual(reporter._report(two, {}), 0)
        # ... until the service has refused several.
        self.assertGreater(reporter._report(three, {}), 0)
        self.assertGreater(reporter._report(one, {}), 0)

    def unstarted(self, answer):
        """A reporter without its thread; every post gets this answer."""
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


class BadServiceTest(ReporterCase):
    """Services that accept the connection and then behave badly."""

    def serve(self, *replies):
        raw = RawService(*replies)
        self.addCleanup(raw.stop)
        return raw.url, raw.seen

    def check_is_sent_again(self, reply):
        url, seen = self.serve(reply, CREATED)
        with mock.patch.object(reporter_module, "TIMEOUT", 0.2):
            reporter = self.reporter(url)
            reporter.note("save-notebook", self.path("a.ipynb"))
            self.assertTrue(seen.acquire(timeout=TIMEOUT_S))
            self.assertTrue(seen.acquire(timeout=TIMEOUT_S), "it was not sent again")

    def test_a_report_is_sent_again_after_nonsense(self):
        self.check_is_sent_again(b"\x00\xff lorem ipsum\r\n\r\n")

    def test_a_report_is_sent_again_after_a_closed_connection(self):
        self.check_is_sent_again(b"")

    def test_a_report_is_sent_again_after_a_hanging_answer(self):
        self.check_is_sent_again(None)

    def test_a_report_is_sent_again_after_an_answer_byte_by_byte(self):
        self.check_is_sent_again(EndlessAnswer(b"HTTP/1.1 201 Created\r\nX: "))

    def test_a_refusal_with_an_endless_reason_is_a_refusal(self):
        head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000000\r\n\r\n"
        url, seen = self.serve(EndlessAnswer(head), CREATED)
        with mock.patch.object(reporter_module, "TIMEOUT", 0.2):
            reporter = self.reporter(url)
            for name in ["a.ipynb", "b.ipynb"]:
                reporter.note("save-notebook", self.path(name))
                self.assertTrue(seen.acquire(timeout=TIMEOUT_S))
            reporter.close(TIMEOUT_S)
        self.assertEqual(len(self.lines()), 1, self.lines())
        self.assertIn("HTTP 403", self.lines()[0])

    def test_a_hanging_service_delays_no_save(self):
        url, seen = self.serve(None)
        reporter = self.reporter(url)
        reporter.note("save-notebook", self.path("a.ipynb"))
        self.assertTrue(seen.acquire(timeout=TIMEOUT_S))
        # The thread now waits for an answer that does not come, and these calls return
        # long before its timeout.
        begin = time.monotonic()
        for _ in range(1000):
            reporter.note("save-notebook", self.path("a.ipynb"))
        self.assertLess(time.monotonic() - begin, reporter_module.TIMEOUT / 2)
        self.assertEqual(reporter.pending(), 1)


if __name__ == "__main__":
    unittest.main()
