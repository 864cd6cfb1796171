"""The participant's note: what a page sends, and what comes of it with the notices."""

import asyncio
import concurrent.futures
import json
import logging
import tempfile
import unittest

from notices_service import NoticesService
from support import HAS_JUPYTER, TIMEOUT_S, TOKEN, JupyterServer, environment_of

if HAS_JUPYTER:
    from pipalhub_singleuser.client import Unanswered
    from pipalhub_singleuser.help import AWAY, NO_QUEUE, REFUSED, TOO_OFTEN, Help, NotSent, checked
    from pipalhub_singleuser.notices import Notices

MINE = {
    "now_ms": 1,
    "cursor": 7,
    "note": "help",
    "ticket": {"id": 5, "text": "red", "asked_ms": 1, "state": "claimed", "helper": "bo"},
    "round": {"id": 3, "asked_ms": 1, "answered": True},
    "waiting": 2,
}


class ScriptedClient:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    async def ask(self, path, body=None, wait=0, method=None):
        self.sent.append((method, path, body))
        if not self.answers:
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class HelpTest(unittest.IsolatedAsyncioTestCase):
    def help(self, *answers, server=""):
        self.client = ScriptedClient(*answers)
        home = tempfile.gettempdir()
        self.notices = Notices(self.client, home, home, logging.getLogger("test"))
        return Help(self.client, server, self.notices)

    async def test_a_note_is_sent_with_the_notebook_as_the_service_has_it(self):
        wish = {"note": "help", "text": "red", "path": "day 1/a.ipynb"}
        wish["cell"] = {"id": "abc", "index": 3}
        mine = await self.help(MINE, server="gpu").put(wish)
        body = {
            "note": "help",
            "text": "red",
            "paused": False,
            "filename": "@gpu/day 1/a.ipynb",
            "cell": {"id": "abc", "index": 3},
        }
        self.assertEqual(self.client.sent, [("PUT", "api/help/mine", body)])
        self.assertEqual(mine["ticket"]["helper"], "bo")
        self.assertEqual(mine["ticket"]["place"], None)
        self.assertNotIn("now_ms", mine)
        # Other pages hear of it without another request.
        got = await self.notices.newer_than(0, TIMEOUT_S, 0)
        self.assertEqual(got["help"], mine)
        got = await asyncio.wait_for(self.notices.newer_than(9, 0.05, 7), TIMEOUT_S)
        self.assertNotIn("help", got)

    async def test_what_is_no_notebook_is_left_out(self):
        for path in ["a.py", "RTC:a.ipynb", "x" * 5000 + ".ipynb", ""]:
            await self.help(MINE).put({"note": "done", "path": path, "cell": {"id": "abc"}})
            self.assertEqual(
                self.client.sent[0][2], {"note": "done", "text": None, "paused": False}
            )
        await self.help(MINE).put(
            {"note": None, "path": "a.ipynb", "cell": {"id": "x" * 65, "index": -1}}
        )
        self.assertEqual(self.client.sent[0][2]["filename"], "a.ipynb")
        self.assertNotIn("cell", self.client.sent[0][2])

    async def test_a_wish_that_is_none_is_refused(self):
        for wish in [
            {"note": "hello"},
            {"note": 1},
            {"note": "help", "text": "x" * 201},
            {"note": "help", "text": 7},
            {"note": "help", "paused": "yes"},
            {"note": "help", "path": ["a.ipynb"]},
        ]:
            with self.subTest(wish=wish), self.assertRaises(ValueError):
                await self.help(MINE).put(wish)
            self.assertEqual(self.client.sent, [])

    async def test_whoever_presses_is_told_why_it_was_not_sent(self):
        for answer, why in [
            (Unanswered("TimeoutError"), AWAY),
            (Unanswered("HTTP 503", status=503), AWAY),
            (Unanswered("HTTP 429", status=429), TOO_OFTEN),
            (Unanswered("HTTP 404", final=True, lasting=True, status=404), NO_QUEUE),
            (Unanswered("HTTP 403", final=True, lasting=True, status=403), REFUSED),
            (b"no JSON", AWAY),
            ({**MINE, "note": "hello"}, AWAY),
        ]:
            with self.subTest(answer=answer), self.assertRaises(NotSent) as caught:
                await self.help(answer).put({"note": "help"})
            self.assertEqual(str(caught.exception), why)

    def test_an_answer_is_checked_field_by_field(self):
        ticket = MINE["ticket"]
        for bad in [
            None,
            {**MINE, "cursor": "7"},
            {**MINE, "waiting": None},
            {**MINE, "ticket": {**ticket, "state": "gone"}},
            {**MINE, "ticket": {**ticket, "helper": {"a": 1}}},
            {**MINE, "round": {"id": 3}},
        ]:
            with self.subTest(bad=bad), self.assertRaises(ValueError):
                checked(bad)
        long = checked({**MINE, "ticket": {**ticket, "text": "x" * 999}})
        self.assertEqual(len(long["ticket"]["text"]), 200)

    async def test_what_is_said_of_the_note_comes_with_the_notices(self):
        notices = {"now_ms": 1, "cursor": 3, "notices": []}
        later = {**notices, "help": {**MINE, "cursor": 8, "note": None, "ticket": None}}
        self.help({**notices, "help": MINE}, {**notices, "help": "none"}, later)
        got = await self.notices.newer_than(0, TIMEOUT_S, 0)
        self.assertEqual(got["help"]["note"], "help")
        # What cannot be read is passed over, and the page waits on.
        got = await self.notices.newer_than(3, TIMEOUT_S, 7)
        self.assertEqual((got["help"]["cursor"], got["help"]["note"]), (8, None))
        paths = [path for _, path, _ in self.client.sent[:3]]
        waiting = "api/notices?after=3&wait=25&help=7"
        self.assertEqual(paths, ["api/notices?after=0&help=0", waiting, waiting])
        # A page that is older asks for none.
        got = await self.notices.newer_than(0, TIMEOUT_S)
        self.assertNotIn("help", got)


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class HelpInJupyterServer(unittest.TestCase):
    """A real server, with the requests of its own JupyterLab."""

    def setUp(self):
        self.service = NoticesService()
        self.addCleanup(self.service.stop)
        self.jupyter = JupyterServer(environment_of("alice", self.service.url))
        self.addCleanup(self.jupyter.stop)

    def put(self, body):
        return self.jupyter.request("PUT", "pipalhub/help", body)

    def news(self, after, help_after):
        return self.jupyter.request("GET", f"pipalhub/notices?after={after}&help={help_after}")

    def test_a_press_reaches_the_service_and_a_claim_the_page(self):
        self.service.say_help()
        self.service.tell("Lunch")
        first = self.news(0, 0)
        self.assertEqual(first["help"]["note"], None)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            page = pool.submit(self.news, first["cursor"], first["help"]["cursor"])
            mine = self.put({"note": "help", "text": "<b>red</b>", "path": "a.ipynb"})
            self.assertEqual(mine["ticket"]["place"], 2)
            self.assertEqual(page.result()["help"], mine)
            page = pool.submit(self.news, first["cursor"], mine["cursor"])
            self.service.wait(lambda: self.service.waiting > 0)
            claimed = {**mine["ticket"], "state": "claimed", "helper": "bo"}
            self.service.say_help(ticket=claimed)
            self.assertEqual(page.result()["help"]["ticket"]["helper"], "bo")
        self.assertEqual(self.service.put_help[0]["filename"], "a.ipynb")
        self.assertEqual(self.service.tokens, {f"token {TOKEN}"})
        self.assertNotIn(TOKEN, json.dumps(mine) + self.jupyter.log())

    def test_a_press_that_was_not_sent_says_so(self):
        with self.assertRaisesRegex(AssertionError, "503.*has no help queue"):
            self.put({"note": "help"})
        self.service.say_help()
        self.service.help_fails = 503
        with self.assertRaisesRegex(AssertionError, "503.*does not answer"):
            self.put({"note": "help"})
        for body in [[], {"note": "x"}, {"note": "help", "text": "x" * 201}]:
            with self.assertRaisesRegex(AssertionError, "PUT pipalhub/help: 400"):
                self.put(body)
        with self.assertRaisesRegex(AssertionError, "400"):
            self.jupyter.request("GET", "pipalhub/notices?after=0&help=x")

    def test_only_who_is_signed_in_presses(self):
        self.service.say_help()
        self.jupyter.TOKEN = "wrong"
        with self.assertRaisesRegex(AssertionError, "403"):
            self.put({"note": "help"})
        self.assertEqual(self.service.put_help, [])


if __name__ == "__main__":
    unittest.main()
