"""What the panel *Workshop* in JupyterLab shows beside the notices."""

import asyncio
import json
import time
import unittest

from notices_service import NoticesService
from support import HAS_JUPYTER, TIMEOUT_S, JupyterServer, Service, environment_of

if HAS_JUPYTER:
    from pipalhub_singleuser.client import Unanswered
    from pipalhub_singleuser.pending import Pending
    from pipalhub_singleuser.reporter import DELETE, SAVE, Reporter
    from pipalhub_singleuser.service import Service as Address
    from pipalhub_singleuser.workshop import Workshop

NOW_MS = 1_700_000_000_000
ANSWER = {
    "now_ms": NOW_MS,
    "page": "/services/dashboard/",
    "sharing": {
        "followed": {"user": "ines", "filename": "day1.ipynb"},
        "summaries": ["day1.ipynb"],
    },
    "about": {"events": 1, "history": None, "private_tag": "private"},
    "notebooks": [
        {"filename": "a.ipynb", "saved_at_ms": NOW_MS - 60_000},
        {"filename": "b.ipynb", "saved_at_ms": NOW_MS + 5_000, "problem": "saves fail: disk full"},
    ],
    "more": 3,
}


class ScriptedClient:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def ask(self, path):
        assert path == "api/workshop", path
        self.asked += 1
        # Others ask meanwhile.
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class Saves:
    """A reporter that has sent and not sent these."""

    def __init__(self, received=(), waiting=()):
        self._saves = dict(received), set(waiting)

    def saves(self):
        return self._saves


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class WorkshopTest(unittest.IsolatedAsyncioTestCase):
    def workshop(self, *answers, saves=None, server=""):
        self.client = ScriptedClient(*answers)
        address = Address("http://x/", "t", "alice", server)
        return Workshop(self.client, address, saves or Saves())

    async def test_the_page_gets_ages_and_what_this_server_knows_of_saves(self):
        saves = Saves({"a.ipynb": time.time() - 50}, ["b.ipynb", "new.ipynb"])
        got = await self.workshop(ANSWER, saves=saves).read()
        self.assertTrue(got["known"])
        self.assertEqual(got["page"], "/services/dashboard/")
        self.assertEqual(got["followed"], ANSWER["sharing"]["followed"])
        self.assertEqual((got["summaries"], got["more"]), (["day1.ipynb"], 3))
        self.assertEqual(got["private_tag"], "private")
        first, second = got["notebooks"]
        self.assertGreaterEqual(first["saved_ago_ms"], 60_000)
        self.assertGreaterEqual(first["received_ago_ms"], 50_000)
        self.assertLess(first["received_ago_ms"], 60_000)
        self.assertEqual((first["waits"], first["problem"]), (False, None))
        # A clock that is ahead makes no age below nothing.
        self.assertLess(second["saved_ago_ms"], 5_000)
        self.assertEqual(second["received_ago_ms"], None)
        self.assertEqual((second["waits"], second["problem"]), (True, "saves fail: disk full"))
        self.assertEqual(got["unseen"], ["new.ipynb"])

    async def test_a_named_servers_notebooks_have_its_name_at_the_service(self):
        answer = {**ANSWER, "notebooks": [{"filename": "@gpu/a.ipynb", "saved_at_ms": NOW_MS}]}
        saves = Saves({"a.ipynb": time.time()}, ["a.ipynb"])
        got = await self.workshop(answer, saves=saves, server="gpu").read()
        self.assertTrue(got["notebooks"][0]["waits"])
        self.assertIsNotNone(got["notebooks"][0]["received_ago_ms"])
        self.assertEqual(got["unseen"], [])

    async def test_many_pages_share_one_request(self):
        workshop = self.workshop(ANSWER)
        got = await asyncio.gather(*(workshop.read() for _ in range(10)))
        self.assertEqual([page["known"] for page in got], [True] * 10)
        self.assertTrue((await workshop.read())["known"])
        self.assertEqual(self.client.asked, 1)

    async def test_what_the_service_does_not_say_is_not_known(self):
        bad = [
            Unanswered("HTTP 404", final=True, lasting=True),
            b"no JSON",
            {**ANSWER, "page": "javascript:alert(1)"},
            {**ANSWER, "page": "//elsewhere/"},
            {**ANSWER, "sharing": None},
            {**ANSWER, "sharing": {"followed": "ines", "summaries": []}},
            {**ANSWER, "sharing": {"followed": None, "summaries": [1]}},
            {**ANSWER, "about": {"private_tag": 7}},
            {**ANSWER, "notebooks": [{"filename": "a.ipynb"}]},
        ]
        for answer in bad:
            with self.subTest(answer=answer):
                self.assertEqual(await self.workshop(answer).read(), {"known": False})


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class SavesTest(unittest.TestCase):
    def test_a_save_is_received_when_the_service_has_taken_it(self):
        def accepts(event):
            return (503, {}) if event["filename"] == "waits.ipynb" else (201, {})

        service = Service(accepts)
        self.addCleanup(service.stop)
        reporter = Reporter(Address(service.url, "t", "alice"), home="/home/alice")
        self.addCleanup(reporter.close)
        begun = time.time()
        reporter.note(SAVE, "/home/alice/a.ipynb")
        deadline = time.monotonic() + TIMEOUT_S
        while "a.ipynb" not in reporter.saves()[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertGreaterEqual(reporter.saves()[0]["a.ipynb"], begun)
        reporter.note(SAVE, "/home/alice/waits.ipynb")
        service.wait(lambda events: any(e["filename"] == "waits.ipynb" for e in events))
        received, waiting = reporter.saves()
        self.assertEqual((set(received), waiting), ({"a.ipynb"}, {"waits.ipynb"}))

    def test_what_is_deleted_was_not_received(self):
        service = Service()
        self.addCleanup(service.stop)
        reporter = Reporter(Address(service.url, "t", "alice"), home="/home/alice")
        self.addCleanup(reporter.close)
        for kind in [SAVE, DELETE]:
            reporter.note(kind, "/home/alice/a.ipynb")
            service.wait(lambda events: any(event["type"] == kind for event in events))
        deadline = time.monotonic() + TIMEOUT_S
        while reporter.saves()[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(reporter.saves(), ({}, set()))

    def test_all_that_is_pending_is_listed(self):
        pending = Pending(2, 1, 1)
        for key in "abc":
            pending.put(key, {"filename": key})
        self.assertEqual([event["filename"] for event in pending.events()], ["b", "c"])


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class PanelInJupyterServer(unittest.TestCase):
    def setUp(self):
        self.service = NoticesService()
        self.addCleanup(self.service.stop)
        self.jupyter = JupyterServer(environment_of("alice", self.service.url))
        self.addCleanup(self.jupyter.stop)

    def test_it_is_served_to_who_is_signed_in(self):
        # A service that is older has no such route.
        self.assertEqual(self.jupyter.request("GET", "pipalhub/workshop"), {"known": False})
        self.jupyter.TOKEN = "wrong"
        with self.assertRaisesRegex(AssertionError, "403"):
            self.jupyter.request("GET", "pipalhub/workshop")

    def test_the_answer_of_the_service_comes_to_the_page(self):
        self.service.workshop = ANSWER
        got = self.jupyter.request("GET", "pipalhub/workshop")
        self.assertEqual([one["filename"] for one in got["notebooks"]], ["a.ipynb", "b.ipynb"])

    def test_a_notice_that_was_opened_is_so_for_the_next_page(self):
        self.service.tell("Lunch")
        self.service.tell("Back")
        first, _ = self.jupyter.request("GET", "pipalhub/notices?after=0")["notices"]
        receipt = f"pipalhub/notices/{first['id']}/receipt"
        self.jupyter.request("POST", receipt, {"state": "shown"})
        self.jupyter.request("POST", receipt, {"state": "opened"})
        later = self.jupyter.request("GET", "pipalhub/notices?after=0")["notices"]
        self.assertEqual([notice["opened"] for notice in later], [True, False])


if __name__ == "__main__":
    unittest.main()
