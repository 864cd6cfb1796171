"""Notices: the answers of a participant's server to its JupyterLab, and receipts."""

import asyncio
import concurrent.futures
import json
import logging
import os
import pathlib
import re
import tempfile
import unittest
from unittest import mock

from notices_service import NoticesService
from support import (
    CREATED,
    HAS_JUPYTER,
    TIMEOUT_S,
    TOKEN,
    JupyterServer,
    RawService,
    EndlessAnswer,
    environment_of,
)

if HAS_JUPYTER:
    from pipalhub_singleuser import notices as notices_module
    from pipalhub_singleuser.client import Client, Unanswered
    from pipalhub_singleuser.notice import Notice
    from pipalhub_singleuser.notices import Notices
    from pipalhub_singleuser.receipts import MAX_PENDING, Receipts
    from pipalhub_singleuser.service import Service

NOTICE = {
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


class ScriptedClient:
    """A client that gives its answers in turn, then none."""

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
class RelayTest(unittest.IsolatedAsyncioTestCase):
    """The notices that a page gets, without a network."""

    def setUp(self):
        self.home = tempfile.mkdtemp()
        for name in ["PACE", "FIRST_DELAY", "NOT_THERE_DELAY"]:
            self.enterContext(mock.patch.object(notices_module, name, 0.001))

    def relay(self, *answers, root=None):
        self.client = ScriptedClient(*answers)
        log = logging.getLogger("test_notices")
        return Notices(self.client, self.home, root or self.home, log)

    async def texts(self, relay, after):
        got = await relay.newer_than(after, TIMEOUT_S)
        return got["cursor"], [notice["brief"] for notice in got["notices"]]

    async def test_a_page_gets_all_notices_and_then_new_ones(self):
        second = {**NOTICE, "id": 8, "seq": 4, "text": "Back"}
        relay = self.relay(answer(3, NOTICE), answer(4, second))
        self.assertEqual(await self.texts(relay, 0), (3, ["Lunch"]))
        self.assertEqual(await self.texts(relay, 3), (4, ["Back"]))
        # A page that opens later gets both, in their order.
        self.assertEqual(await self.texts(relay, 0), (4, ["Lunch", "Back"]))
        self.assertEqual(
            self.client.paths[:2],
            ["api/notices?after=0&help=0", "api/notices?after=3&wait=25&help=0"],
        )

    async def test_a_page_that_has_all_waits_in_vain(self):
        relay = self.relay(answer(3, NOTICE))
        await relay.newer_than(0, TIMEOUT_S)
        got = await relay.newer_than(3, 0.01)
        self.assertEqual(got, {"cursor": 3, "trouble": None, "notices": []})

    async def test_without_a_service_a_page_gets_nothing_and_no_error(self):
        relay = self.relay()
        got = await relay.newer_than(5, 0.01)
        self.assertEqual(got, {"cursor": 5, "trouble": None, "notices": []})

    async def test_an_expired_notice_is_not_shown(self):
        over = {**NOTICE, "until_ms": 999}
        lasting = {**NOTICE, "id": 8, "until_ms": 61_000}
        relay = self.relay(answer(3, over, lasting, now_ms=1_000))
        got = await relay.newer_than(0, TIMEOUT_S)
        self.assertEqual([notice["id"] for notice in got["notices"]], [8])
        self.assertLessEqual(got["notices"][0]["remaining_ms"], 60_000)

    async def test_a_retracted_notice_is_marked(self):
        gone = {**NOTICE, "seq": 4, "retracted": True}
        relay = self.relay(answer(3, NOTICE), answer(4, gone))
        await relay.newer_than(0, TIMEOUT_S)
        got = await relay.newer_than(3, TIMEOUT_S)
        self.assertTrue(got["notices"][0]["retracted"])

    async def test_a_service_with_a_smaller_cursor_is_read_anew(self):
        first = {**NOTICE, "id": 1, "seq": 1, "text": "New"}
        relay = self.relay(answer(9, NOTICE), answer(1, first), answer(1, first))
        self.assertEqual(await self.texts(relay, 0), (9, ["Lunch"]))
        self.assertEqual(await self.texts(relay, 9), (1, ["New"]))

    async def test_unreadable_answers_are_skipped(self):
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
            {**NOTICE, "id": "7"},
            {**NOTICE, "text": None},
            {**NOTICE, "retracted": 0},
            {**NOTICE, "link": "https://x/"},
        ]
        relay = self.relay(*replies, answer(3, *bad, NOTICE))
        with mock.patch.object(notices_module, "MAX_DELAY", 0.001):
            relay._backoff._most = 0.001
            # A page is told of what is wrong at once, and asks again.
            while (await relay.newer_than(0, TIMEOUT_S))["trouble"]:
                pass
            self.assertEqual(await self.texts(relay, 0), (3, ["Lunch"]))
        first = ["api/notices?after=0&help=0"] * len(replies)
        self.assertEqual(self.client.paths[: len(replies)], first)

    async def test_a_page_is_told_whether_the_service_answers(self):
        replies = [answer(3, NOTICE), Unanswered("HTTP 503"), answer(3), Unanswered("x", lasting=True)]
        # The page asks again before anything else happens.
        for name in ["PACE", "FIRST_DELAY"]:
            self.enterContext(mock.patch.object(notices_module, name, 0.2))
        relay = self.relay(*replies)
        self.assertEqual((await relay.newer_than(0, TIMEOUT_S))["trouble"], None)
        for trouble in ["away", None, "refused"]:
            got = await relay.newer_than(3, TIMEOUT_S)
            self.assertEqual((got["trouble"], got["notices"]), (trouble, []))

    async def test_what_was_opened_here_is_known_before_the_service_hears_it(self):
        again = {**NOTICE, "seq": 4}
        relay = self.relay(answer(3, NOTICE), answer(4, again))
        await relay.newer_than(0, TIMEOUT_S)
        relay.note_opened(NOTICE["id"])
        relay.note_opened(99)
        opened = (await relay.newer_than(0, TIMEOUT_S))["notices"][0]["opened"]
        self.assertTrue(opened)
        # The receipt is on its way, and the notice comes once more without it.
        got = await relay.newer_than(3, TIMEOUT_S)
        self.assertEqual([notice["opened"] for notice in got["notices"]], [True])

    async def test_a_page_that_opens_hears_what_was_read_elsewhere(self):
        relay = self.relay(answer(3, NOTICE))
        self.assertFalse((await relay.newer_than(0, TIMEOUT_S))["notices"][0]["opened"])
        # The request that waits for news gets no answer.
        await relay.newer_than(3, 0.05)
        self.assertEqual(len(self.client.paths), 2)
        for reply in [answer(3, {**NOTICE, "opened": True}), Unanswered("HTTP 503")]:
            # As if the last page had opened long ago.
            relay._whole_at = float("-inf")
            self.client.answers.append(reply)
            self.assertTrue((await relay.newer_than(0, TIMEOUT_S))["notices"][0]["opened"])
        self.assertEqual(self.client.paths.count("api/notices?after=0"), 2)

    def test_a_page_gets_html_within_bounds_and_else_the_text(self):
        page = Notice.read({**NOTICE, "brief": "B"}).for_page(0, self.home, self.home)
        self.assertEqual((page["html"], page["text"], page["brief"]), (NOTICE["html"], None, "B"))
        for html in [None, "", "x" * 300_000]:
            page = Notice.read({**NOTICE, "html": html}).for_page(0, self.home, self.home)
            # As of a service that is older.
            self.assertEqual((page["html"], page["text"], page["brief"]), (None, "Lunch", "Lunch"))

    async def test_the_relay_remembers_the_newest_notices_only(self):
        many = [{**NOTICE, "id": n, "seq": n} for n in range(1, 401)]
        relay = self.relay(answer(400, *many))
        got = await relay.newer_than(0, TIMEOUT_S)
        ids = [notice["id"] for notice in got["notices"]]
        self.assertEqual(ids, list(range(201, 401)))

    async def test_the_relay_asks_only_while_a_page_waits(self):
        self.enterContext(mock.patch.object(notices_module, "LINGER", 0))
        relay = self.relay(answer(3, NOTICE), answer(3), answer(3), answer(3))
        await relay.newer_than(0, TIMEOUT_S)
        await asyncio.wait_for(relay._task, TIMEOUT_S)
        self.assertLessEqual(len(self.client.paths), 2)

    async def test_many_pages_share_one_request(self):
        relay = self.relay(answer(3, NOTICE))
        got = await asyncio.gather(*(relay.newer_than(0, TIMEOUT_S) for _ in range(10)))
        self.assertEqual({page["cursor"] for page in got}, {3})
        self.assertEqual(self.client.paths.count("api/notices?after=0&help=0"), 1)

    async def test_the_number_of_waiting_pages_is_bounded(self):
        relay = self.relay()
        pages = [
            asyncio.ensure_future(relay.newer_than(0, TIMEOUT_S))
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
            notice = Notice.read({**NOTICE, "link": {"url": url, "label": "there"}})
            self.assertEqual(notice.link is not None, kept, url)

    def test_a_file_is_named_as_jupyterlab_knows_it(self):
        home = os.path.realpath(self.home)
        os.mkdir(home + "/m1")
        for name in ["m1/at-home.ipynb", "both.ipynb", "m1/both.ipynb"]:
            pathlib.Path(home, name).touch()
        for root, file, path in [
            # Not there yet: below the server's folder, as the notebooks of a class that pushes.
            (home, "m1/a.ipynb", "m1/a.ipynb"),
            (home + "/m1", "a.ipynb", "a.ipynb"),
            (home + "/m1", "m1/a.ipynb", "m1/a.ipynb"),
            # Only in the home is there such a file.
            (home + "/m1", "m1/at-home.ipynb", "at-home.ipynb"),
            ("/", "m1/at-home.ipynb", home[1:] + "/m1/at-home.ipynb"),
            (home + "/m1", "both.ipynb", "both.ipynb"),
            (home, "../other/a.ipynb", None),
            (home, "/etc/passwd", None),
        ]:
            notice = Notice.read({**NOTICE, "file": file})
            shown = notice.for_page(0, home, root)
            self.assertEqual(shown["path"], path, (root, file))
        # Only the service knows where the class begins, if that is further down.
        placed = {**NOTICE, "file": "a.ipynb", "path": home + "/work/a.ipynb"}
        shown = Notice.read(placed).for_page(0, home, home)
        self.assertEqual(shown["path"], "work/a.ipynb")


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class ReceiptsTest(unittest.IsolatedAsyncioTestCase):
    """Receipts, and the client that sends them."""

    async def test_receipts_are_sent_once_each_and_in_order(self):
        client = ScriptedClient(b"", Unanswered("HTTP 400", final=True), b"")
        receipts = Receipts(client)
        for notice_id, state in [(1, "shown"), (2, "shown"), (1, "shown"), (1, "opened")]:
            receipts.note(notice_id, state)
        await asyncio.wait_for(receipts._task, TIMEOUT_S)
        expected = [f"api/notices/{n}/receipt" for n in (1, 2, 1)]
        self.assertEqual(client.paths, expected)

    async def test_a_failed_receipt_goes_behind_the_others(self):
        client = ScriptedClient(Unanswered("HTTP 500"), b"", b"")
        receipts = Receipts(client)
        with mock.patch.object(receipts._backoff, "failed", return_value=0):
            for notice_id in (1, 2):
                receipts.note(notice_id, "shown")
            await asyncio.wait_for(receipts._task, TIMEOUT_S)
        expected = [f"api/notices/{n}/receipt" for n in (1, 2, 1)]
        self.assertEqual(client.paths, expected)

    async def test_pending_receipts_are_bounded(self):
        receipts = Receipts(ScriptedClient())
        for number in range(MAX_PENDING + 100):
            receipts.note(number, "shown")
        self.assertEqual(len(receipts._pending), MAX_PENDING)
        receipts._task.cancel()

    async def test_a_badly_behaving_service_is_unanswered(self):
        moved = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        slow = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
        for replies, retry_after in [
            ([b"\x00nonsense\r\n\r\n"], None),
            ([b""], None),
            # The address that it leads to would answer well.
            ([moved, CREATED], None),
            ([slow], "7"),
            ([None], None),
            ([EndlessAnswer(b"HTTP/1.1 200 OK\r\nX: ")], None),
            ([EndlessAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")], None),
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
class NoticesInJupyterServer(unittest.TestCase):
    """A real server, with the requests of its own JupyterLab."""

    def setUp(self):
        self.service = NoticesService()
        self.addCleanup(self.service.stop)
        self.jupyter = JupyterServer(environment_of("alice", self.service.url))
        self.addCleanup(self.jupyter.stop)

    def notices(self, after):
        return self.jupyter.request("GET", f"pipalhub/notices?after={after}")

    def test_a_notice_reaches_a_waiting_page_and_a_later_one(self):
        self.service.tell("Lunch", file="a.ipynb")
        first = self.notices(0)
        self.assertEqual([n["brief"] for n in first["notices"]], ["Lunch"])
        self.assertEqual(first["notices"][0]["path"], "a.ipynb")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pages = [pool.submit(self.notices, first["cursor"]) for _ in range(5)]
            self.service.wait(lambda: self.service.waiting > 0)
            self.service.tell("Back")
            for page in pages:
                self.assertEqual([n["brief"] for n in page.result()["notices"]], ["Back"])
        later = self.notices(0)
        self.assertEqual([n["brief"] for n in later["notices"]], ["Lunch", "Back"])
        self.assertEqual(self.service.most_waiting, 1)
        self.assertEqual(self.service.tokens, {f"token {TOKEN}"})
        self.assertNotIn(TOKEN, json.dumps(later) + self.jupyter.log())

    def test_receipts_reach_the_service(self):
        for state in ["shown", "opened"]:
            self.jupyter.request("POST", "pipalhub/notices/7/receipt", {"state": state})
        self.service.wait(lambda: len(self.service.receipts) == 2)
        self.assertEqual(self.service.receipts, [(7, "shown"), (7, "opened")])
        with self.assertRaisesRegex(AssertionError, "400"):
            self.jupyter.request("POST", "pipalhub/notices/7/receipt", {"state": "x"})

    def test_a_wrong_token_gets_no_notice(self):
        self.service.tell("Lunch")
        self.jupyter.TOKEN = "wrong"
        with self.assertRaisesRegex(AssertionError, "403"):
            self.notices(0)
        with self.assertRaisesRegex(AssertionError, "403"):
            self.jupyter.request("POST", "pipalhub/notices/7/receipt", {"state": "shown"})
        self.assertEqual(self.service.asked, [])

    def test_a_hubs_log_has_of_them_what_fails_alone(self):
        # A Hub's servers log every request, and a Hub that starts them has it in its own log.
        as_in_a_hub = (
            "from jupyterhub.log import log_request\n"
            "c.ServerApp.tornado_settings = {'log_function': log_request}\n"
        )
        jupyter = JupyterServer(environment_of("alice", self.service.url), as_in_a_hub)
        self.addCleanup(jupyter.stop)
        self.service.tell("Lunch")
        jupyter.request("GET", "pipalhub/notices?after=0")
        jupyter.request("POST", "pipalhub/notices/7/receipt", {"state": "shown"})
        with self.assertRaisesRegex(AssertionError, "400"):
            jupyter.request("GET", "pipalhub/notices?after=x")
        jupyter.request("GET", "api/status")
        self.service.wait(lambda: "200 GET /api/status" in jupyter.log())
        self.assertIn("400 GET /pipalhub/notices?after=x", jupyter.log())
        self.assertEqual(re.findall(r"2\d\d [A-Z]+ /pipalhub/\S+", jupyter.log()), [])

    def test_requests_for_notices_are_no_activity_of_the_participant(self):
        last = self.jupyter.request("GET", "api/status?no_track_activity=1")
        self.service.tell("Lunch")
        self.notices(0)
        after = self.jupyter.request("GET", "api/status?no_track_activity=1")
        self.assertEqual(after["last_activity"], last["last_activity"])


if __name__ == "__main__":
    unittest.main()
