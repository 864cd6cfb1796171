"""Notices: what a page of JupyterLab gets from its own server, of what the service says."""

import asyncio
import concurrent.futures
import json
import logging
import os
import tempfile
import unittest
from unittest import mock

from notices_service import NoticesService
from support import (
    CREATED,
    HAS_JUPYTER,
    LONG,
    TOKEN,
    JupyterServer,
    RawService,
    Trickle,
    environment_of,
)

if HAS_JUPYTER:
    from pipalhub_singleuser import notices as notices_module
    from pipalhub_singleuser.client import Client, Unanswered
    from pipalhub_singleuser.notice import Notice
    from pipalhub_singleuser.notices import Notices
    from pipalhub_singleuser.receipts import MAX_PENDING, Receipts
    from pipalhub_singleuser.service import Service

SAID = {
    "id": 7,
    "seq": 3,
    "text": "Lunch",
    "html": "<p>Lunch</p>",
    "title": None,
    "link": None,
    "file": None,
    "created_at_ms": 1,
    "until_ms": None,
    "retracted": False,
}


def answer(cursor, *notices, now_ms=1_000):
    body = {"now_ms": now_ms, "cursor": cursor, "notices": list(notices)}
    return json.dumps(body).encode()


class Scripted:
    """Stands in for the client: answers in turn, then never again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.paths = []

    async def ask(self, path, body=None, wait=0):
        self.paths.append(path)
        if not self.answers:
            await asyncio.Event().wait()
        reply = self.answers.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class Relay(unittest.IsolatedAsyncioTestCase):
    """What of the service's answers a page gets, without a network."""

    def setUp(self):
        self.home = tempfile.mkdtemp()
        for name in ["PACE", "FIRST_DELAY", "NOT_THERE_DELAY"]:
            self.enterContext(mock.patch.object(notices_module, name, 0.001))

    def relay(self, *answers, root=None):
        self.client = Scripted(*answers)
        log = logging.getLogger("test_notices")
        return Notices(self.client, self.home, root or self.home, log)

    async def texts(self, relay, after):
        got = await relay.newer_than(after, LONG)
        return got["cursor"], [notice["text"] for notice in got["notices"]]

    async def test_a_page_gets_what_there_is_and_then_what_is_new(self):
        second = {**SAID, "id": 8, "seq": 4, "text": "Back"}
        relay = self.relay(answer(3, SAID), answer(4, second))
        self.assertEqual(await self.texts(relay, 0), (3, ["Lunch"]))
        self.assertEqual(await self.texts(relay, 3), (4, ["Back"]))
        # One that opens later gets both, in their order.
        self.assertEqual(await self.texts(relay, 0), (4, ["Lunch", "Back"]))
        self.assertEqual(
            self.client.paths[:2],
            ["api/notices?after=0", "api/notices?after=3&wait=25"],
        )

    async def test_a_page_that_has_all_waits_in_vain(self):
        relay = self.relay(answer(3, SAID))
        await relay.newer_than(0, LONG)
        got = await relay.newer_than(3, 0.01)
        self.assertEqual(got, {"cursor": 3, "notices": []})

    async def test_without_a_service_a_page_gets_nothing_and_no_error(self):
        relay = self.relay()
        got = await relay.newer_than(5, 0.01)
        self.assertEqual(got, {"cursor": 5, "notices": []})

    async def test_one_that_is_over_is_not_shown(self):
        over = {**SAID, "until_ms": 999}
        lasting = {**SAID, "id": 8, "until_ms": 61_000}
        relay = self.relay(answer(3, over, lasting, now_ms=1_000))
        got = await relay.newer_than(0, LONG)
        self.assertEqual([notice["id"] for notice in got["notices"]], [8])
        self.assertLessEqual(got["notices"][0]["remaining_ms"], 60_000)

    async def test_one_that_is_retracted_says_so(self):
        gone = {**SAID, "seq": 4, "retracted": True}
        relay = self.relay(answer(3, SAID), answer(4, gone))
        await relay.newer_than(0, LONG)
        got = await relay.newer_than(3, LONG)
        self.assertTrue(got["notices"][0]["retracted"])

    async def test_a_service_that_begins_anew(self):
        first = {**SAID, "id": 1, "seq": 1, "text": "New"}
        relay = self.relay(answer(9, SAID), answer(1, first), answer(1, first))
        self.assertEqual(await self.texts(relay, 0), (9, ["Lunch"]))
        self.assertEqual(await self.texts(relay, 9), (1, ["New"]))

    async def test_nonsense_is_passed_over(self):
        replies = [
            b"\xff\x00",
            b"[" * 100_000,
            b"[]",
            b'{"cursor": "3", "now_ms": 1, "notices": []}',
            b'{"cursor": true, "now_ms": 1, "notices": []}',
            Unanswered("HTTP 503"),
            Unanswered("HTTP 404", final=True, lasting=True),
        ]
        bad = [
            None,
            5,
            {**SAID, "id": "7"},
            {**SAID, "text": None},
            {**SAID, "retracted": 0},
            {**SAID, "link": "https://x/"},
        ]
        relay = self.relay(*replies, answer(3, *bad, SAID))
        with mock.patch.object(notices_module, "MAX_DELAY", 0.001):
            relay._backoff._most = 0.001
            self.assertEqual(await self.texts(relay, 0), (3, ["Lunch"]))
        self.assertEqual(len(self.client.paths), len(replies) + 1)

    async def test_it_remembers_the_newest_only(self):
        many = [{**SAID, "id": n, "seq": n} for n in range(1, 401)]
        relay = self.relay(answer(400, *many))
        got = await relay.newer_than(0, LONG)
        ids = [notice["id"] for notice in got["notices"]]
        self.assertEqual(ids, list(range(201, 401)))

    async def test_it_asks_only_while_a_page_does(self):
        self.enterContext(mock.patch.object(notices_module, "LINGER", 0))
        relay = self.relay(answer(3, SAID), answer(3), answer(3), answer(3))
        await relay.newer_than(0, LONG)
        await asyncio.wait_for(relay._task, LONG)
        self.assertLessEqual(len(self.client.paths), 2)

    async def test_many_pages_share_one_request(self):
        relay = self.relay(answer(3, SAID))
        got = await asyncio.gather(*(relay.newer_than(0, LONG) for _ in range(10)))
        self.assertEqual({page["cursor"] for page in got}, {3})
        self.assertEqual(self.client.paths.count("api/notices?after=0"), 1)

    async def test_so_many_pages_and_no_more(self):
        relay = self.relay()
        pages = [
            asyncio.ensure_future(relay.newer_than(0, LONG))
            for _ in range(notices_module.MAX_PAGES)
        ]
        await asyncio.sleep(0)
        self.assertTrue(relay.is_full())
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
        self.assertFalse(relay.is_full())

    def test_a_link_runs_no_script(self):
        for url, kept in [
            ("https://example.org/a", True),
            ("/hub/home", True),
            ("javascript:alert(1)", False),
            (" javascript:alert(1)", False),
            ("data:text/html,x", False),
        ]:
            notice = Notice.read({**SAID, "link": {"url": url, "label": "there"}})
            self.assertEqual(notice.link is not None, kept, url)

    def test_a_file_is_named_as_jupyterlab_knows_it(self):
        home = os.path.realpath(self.home)
        for root, file, path in [
            (home, "m1/a.ipynb", "m1/a.ipynb"),
            (home + "/m1", "m1/a.ipynb", "a.ipynb"),
            (home + "/m1", "m2/a.ipynb", None),
            (home, "../other/a.ipynb", None),
            (home, "/etc/passwd", None),
            ("/", "a.ipynb", home[1:] + "/a.ipynb"),
        ]:
            notice = Notice.read({**SAID, "file": file})
            shown = notice.for_page(0, home, root)
            self.assertEqual(shown["path"], path, (root, file))
        # Where the class begins further down, only the service knows it.
        placed = {**SAID, "file": "a.ipynb", "path": home + "/work/a.ipynb"}
        shown = Notice.read(placed).for_page(0, home, home)
        self.assertEqual(shown["path"], "work/a.ipynb")


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class Telling(unittest.IsolatedAsyncioTestCase):
    """Receipts, and the client that carries them."""

    async def test_receipts_are_sent_once_each_and_in_order(self):
        client = Scripted(b"", Unanswered("HTTP 400", final=True), b"")
        receipts = Receipts(client)
        for notice_id, state in [(1, "shown"), (2, "shown"), (1, "shown"), (1, "opened")]:
            receipts.note(notice_id, state)
        await asyncio.wait_for(receipts._task, LONG)
        expected = [f"api/notices/{n}/receipt" for n in (1, 2, 1)]
        self.assertEqual(client.paths, expected)

    async def test_one_that_is_not_taken_goes_behind_the_others(self):
        client = Scripted(Unanswered("HTTP 500"), b"", b"")
        receipts = Receipts(client)
        with mock.patch.object(receipts._backoff, "failed", return_value=0):
            for notice_id in (1, 2):
                receipts.note(notice_id, "shown")
            await asyncio.wait_for(receipts._task, LONG)
        expected = [f"api/notices/{n}/receipt" for n in (1, 2, 1)]
        self.assertEqual(client.paths, expected)

    async def test_they_are_bounded(self):
        receipts = Receipts(Scripted())
        for number in range(MAX_PENDING + 100):
            receipts.note(number, "shown")
        self.assertEqual(len(receipts._pending), MAX_PENDING)
        receipts._task.cancel()

    async def test_services_that_behave_badly(self):
        moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        slow = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
        for replies, retry_after in [
            ([b"\x00nonsense\r\n\r\n"], None),
            ([b""], None),
            # What it leads to would answer well.
            ([moved, CREATED], None),
            ([slow], "7"),
            ([None], None),
            ([Trickle(b"HTTP/1.1 200 OK\r\nX: ")], None),
            ([Trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")], None),
        ]:
            with self.subTest(replies=replies):
                raw = RawService(*replies)
                self.addCleanup(raw.stop)
                client = Client(Service(raw.url, TOKEN, "alice"))
                with mock.patch("pipalhub_singleuser.client.TIMEOUT", 0.3):
                    with self.assertRaises(Unanswered) as caught:
                        await client.ask("api/notices")
                self.assertEqual(caught.exception.retry_after, retry_after)
                self.assertFalse(caught.exception.final)


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class InJupyterServer(unittest.TestCase):
    """A real server, asked as its own JupyterLab asks."""

    def setUp(self):
        self.service = NoticesService()
        self.addCleanup(self.service.stop)
        self.jupyter = JupyterServer(environment_of("alice", self.service.url))
        self.addCleanup(self.jupyter.stop)

    def notices(self, after):
        return self.jupyter.request("GET", f"pipalhub/notices?after={after}")

    def test_what_is_told_reaches_a_page_that_waits_and_one_that_opens_later(self):
        self.service.tell("Lunch", file="a.ipynb")
        first = self.notices(0)
        self.assertEqual([n["text"] for n in first["notices"]], ["Lunch"])
        self.assertEqual(first["notices"][0]["path"], "a.ipynb")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pages = [pool.submit(self.notices, first["cursor"]) for _ in range(5)]
            self.service.wait(lambda: self.service.waiting > 0)
            self.service.tell("Back")
            for page in pages:
                self.assertEqual([n["text"] for n in page.result()["notices"]], ["Back"])
        later = self.notices(0)
        self.assertEqual([n["text"] for n in later["notices"]], ["Lunch", "Back"])
        self.assertEqual(self.service.most_waiting, 1)
        self.assertEqual(self.service.tokens, {f"token {TOKEN}"})
        self.assertNotIn(TOKEN, json.dumps(later) + self.jupyter.log())

    def test_receipts(self):
        for state in ["shown", "opened"]:
            self.jupyter.request("POST", "pipalhub/notices/7/receipt", {"state": state})
        self.service.wait(lambda: len(self.service.receipts) == 2)
        self.assertEqual(self.service.receipts, [(7, "shown"), (7, "opened")])
        with self.assertRaisesRegex(AssertionError, "400"):
            self.jupyter.request("POST", "pipalhub/notices/7/receipt", {"state": "x"})

    def test_strangers_are_told_nothing(self):
        self.service.tell("Lunch")
        self.jupyter.TOKEN = "wrong"
        with self.assertRaisesRegex(AssertionError, "403"):
            self.notices(0)
        with self.assertRaisesRegex(AssertionError, "403"):
            self.jupyter.request("POST", "pipalhub/notices/7/receipt", {"state": "shown"})
        self.assertEqual(self.service.asked, [])

    def test_asking_is_no_activity_of_the_participant(self):
        last = self.jupyter.request("GET", "api/status?no_track_activity=1")
        self.service.tell("Lunch")
        self.notices(0)
        after = self.jupyter.request("GET", "api/status?no_track_activity=1")
        self.assertEqual(after["last_activity"], last["last_activity"])


if __name__ == "__main__":
    unittest.main()
