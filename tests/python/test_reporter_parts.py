"""The parts of the reporter that need no service: the pace, the queue, the meaning of answers."""

import unittest

from support import TOKEN

from pipalhub_singleuser import answers, reporter as reporter_module, service
from pipalhub_singleuser.backoff import seconds_of
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
        # After a rest of any length the burst is as large as before.
        now[0] += 1000
        self.assertEqual([pace.sent() for _ in range(3)], [0, 0, 0])
        self.assertAlmostEqual(pace.sent(), 0.1)


class PendingTest(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.pending = Pending(3, 1, 8, clock=lambda: self.now)

    def test_the_newest_event_of_each_key_is_next_oldest_first(self):
        self.pending.put("a", 1)
        self.pending.put("b", 2)
        self.pending.put("a", 3)
        self.assertEqual(self.pending.next(), ("b", 2, 0))
        self.pending.settle("b", 2)
        self.assertEqual(self.pending.next(), ("a", 3, 0))
        # A newer event that came while an older one was sent is still to be sent.
        self.pending.settle("a", 1)
        self.assertEqual(self.pending.next(), ("a", 3, 0))
        self.pending.settle("a", 3)
        self.assertEqual(self.pending.next(), (None, None, None))

    def test_a_failing_event_waits_longer_each_time_and_holds_up_no_other(self):
        self.pending.put("bad", 0)
        waits = []
        for number in range(6):
            self.pending.put_off("bad")
            self.pending.put("good", number)
            self.assertEqual(self.pending.next(), ("good", number, 0))
            self.pending.settle("good", number)
            # A newer event of the same key waits as long.
            self.pending.put("bad", number)
            _, event, wait = self.pending.next()
            self.assertIsNone(event)
            waits.append(wait)
            self.now += wait
            self.assertEqual(self.pending.next()[:2], ("bad", number))
        for wait, most in zip(waits, [2, 4, 8, 8, 8, 8]):
            self.assertTrue(most / 2 <= wait <= most, waits)

    def test_pending_events_are_bounded(self):
        dropped = [self.pending.put(number, number) for number in range(5)]
        self.assertEqual(dropped, [False, False, False, True, True])
        self.assertEqual(len(self.pending), 3)
        # A dropped key loses its pause as well.
        self.pending.put_off(0)
        self.pending.settle(1, 1)
        self.pending.put_last(1)
        self.assertEqual(self.pending.next(), (2, 2, 0))


class RulesTest(unittest.TestCase):
    """The rules for events, answers and pauses."""

    def test_events_of_the_server_become_reports(self):
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

    def test_statuses_have_their_meaning_and_remedy(self):
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

    def test_the_repr_of_a_service_has_no_token(self):
        self.assertNotIn(TOKEN, repr(service.Service("http://x/", TOKEN, "alice")))


if __name__ == "__main__":
    unittest.main()
