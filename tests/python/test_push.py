"""What is saved is pushed: whole, by its delta, once more, later, or not at all."""

import asyncio
import hashlib
import json
import logging
import os
import pathlib
import random
import socket
import tempfile
import threading
import time
import unittest
from unittest import mock

from copies_service import CopiesService
from generated import CANARY, notebook
from support import (
    HAS_JUPYTER,
    TIMEOUT_S,
    TOKEN,
    JupyterServer,
    LogLines,
    RawService,
    Service as OldService,
    EndlessAnswer,
    environment_of,
)

from pipalhub_singleuser import bases, content, events, saves
from pipalhub_singleuser import connection as connection_module
from pipalhub_singleuser import reporter as reporter_module
from pipalhub_singleuser.bases import Bases
from pipalhub_singleuser.connection import Connection
from pipalhub_singleuser.service import Service

SAVE, DELETE = reporter_module.SAVE, reporter_module.DELETE
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def text_of(cells):
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def cell(source, tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "raw", "metadata": metadata, "source": [source]}


class PushCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = folder.name
        self.log = LogLines()
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.log)

    def service(self, *args, **kwargs):
        service = CopiesService(*args, **kwargs)
        self.addCleanup(service.stop)
        return service

    def reporter(self, url, server=""):
        reporter = reporter_module.Reporter(
            Service(url, TOKEN, "alice", server), self.home, self.logger
        )
        self.addCleanup(reporter.close, 0.1)
        return reporter

    def write(self, name, data):
        path = pathlib.Path(self.home, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)

    def until(self, condition):
        """For what the reporter does after an answer, of which the service sees nothing."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not come true")
            time.sleep(0.01)

    def save(self, reporter, name, data):
        path = self.write(name, data)
        reporter.note(SAVE, path, self.home)
        return path


class Pushing(PushCase):
    def test_a_save_is_pushed_with_its_content(self):
        service = self.service()
        reporter = self.reporter(service.url, "second")
        data = text_of([cell("ü")])
        path = self.save(reporter, "module1/Übung 1.ipynb", data)
        service.wait(lambda service: service.told)
        [head] = service.heads
        mtime = os.stat(path).st_mtime_ns // 1_000_000
        expected = {
            "filename": "module1/Übung 1.ipynb",
            "path": path,
            "server": "second",
            "saved_at_ms": mtime,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "base": None,
            "prefix": 0,
            "suffix": 0,
        }
        self.assertEqual(head, expected)
        self.assertEqual(service.copies, {"module1/Übung 1.ipynb": data})
        self.assertEqual(service.tokens, {f"token {TOKEN}"})
        self.assertEqual((service.events, self.log.lines), ([], []))

    def test_of_the_next_save_what_is_new_is_sent_over_the_same_connection(self):
        service = self.service()
        reporter = self.reporter(service.url)
        cells = [cell(f"line {number}\n" * 20) for number in range(200)]
        for number in range(3):
            cells[100] = cell(f"changed {number}")
            self.save(reporter, "a.ipynb", text_of(cells))
            service.wait(lambda service: len(service.told) == number + 1)
        self.assertEqual(service.copies["a.ipynb"], text_of(cells))
        self.assertEqual([head["base"] is None for head in service.heads], [True, False, False])
        self.assertLess(len(service.received[-1]), 700)
        self.assertEqual(len(service.connections), 1)

    def test_a_notebook_is_named_below_the_servers_folder(self):
        service = self.service()
        reporter = self.reporter(service.url)
        root = os.path.join(self.home, "work")
        for name in ["work/a.ipynb", "b.ipynb"]:
            reporter.note(SAVE, self.write(name, b"{}"), root)
        service.wait(lambda service: len(service.told) == 2)
        self.assertEqual(list(service.copies), ["a.ipynb", "b.ipynb"])
        reporter.note(DELETE, os.path.join(root, "a.ipynb"), root)
        service.wait(lambda service: service.events)
        self.assertEqual(service.events[0]["filename"], "a.ipynb")

    def test_what_the_service_has_no_name_for_is_told_and_not_pushed(self):
        service = self.service()
        reporter = self.reporter(service.url)
        with tempfile.TemporaryDirectory() as elsewhere:
            path = os.path.join(elsewhere, "a.ipynb")
            pathlib.Path(path).write_bytes(b"{}")
            reporter.note(SAVE, path, self.home)
            service.wait(lambda service: service.events)
        self.assertEqual(service.heads, [])

    def test_what_waits_is_sent_once_as_it_is_then(self):
        held = threading.Event()
        service = self.service(lambda method, path, body: held.wait(TIMEOUT_S) and None)
        reporter = self.reporter(service.url)
        self.save(reporter, "first.ipynb", b"{}")
        for number in range(50):
            self.save(reporter, "a.ipynb", text_of([cell(f"{number}")]))
        held.set()
        service.wait(lambda service: len(service.told) == 2)
        self.assertEqual(service.copies["a.ipynb"], text_of([cell("49")]))
        self.save(reporter, "last.ipynb", b"{}")
        service.wait(lambda service: len(service.told) == 3)

    def test_a_deletion_overtakes_no_save_and_ends_what_is_kept(self):
        service = self.service()
        reporter = self.reporter(service.url)
        for number in range(3):
            path = self.save(reporter, "a.ipynb", text_of([cell(str(number))]))
            service.wait(lambda service: len(service.told) == 2 * number + 1)
            os.remove(path)
            reporter.note(DELETE, path, self.home)
            service.wait(lambda service: len(service.told) == 2 * number + 2)
        self.assertEqual([kind for kind, _ in service.told], [SAVE, DELETE] * 3)
        self.assertEqual([head["base"] for head in service.heads], [None] * 3)

    def test_a_file_that_is_gone_is_not_pushed(self):
        service = self.service()
        reporter = self.reporter(service.url)
        self.save(reporter, "a.ipynb", b"{}")
        service.wait(lambda service: service.told)
        reporter.note(SAVE, os.path.join(self.home, "gone.ipynb"), self.home)
        self.save(reporter, "b.ipynb", b"{}")
        service.wait(lambda service: len(service.told) == 2)
        self.assertEqual(service.events, [])
        self.assertEqual(self.log.lines, [])

    def test_a_file_that_cannot_be_read_delays_no_other(self):
        service = self.service()
        reporter = self.reporter(service.url)
        path = self.write("a.ipynb", b"{}")
        read = content.read
        may_read = threading.Event()

        def refuse(asked):
            if asked == path and not may_read.is_set():
                raise PermissionError(13, "no")
            return read(asked)

        with mock.patch.object(content, "read", refuse):
            reporter.note(SAVE, path, self.home)
            self.save(reporter, "b.ipynb", b"{}")
            service.wait(lambda service: "b.ipynb" in service.copies)
            may_read.set()
            service.wait(lambda service: "a.ipynb" in service.copies)
        [line] = self.log.lines
        self.assertIn("cannot be read (PermissionError)", line)

    def test_pace_is_kept_for_saves_and_not_for_deletions(self):
        service = self.service()
        service.pace_ms = 400
        reporter = self.reporter(service.url)
        begun = time.monotonic()
        for number in range(3):
            path = self.save(reporter, "a.ipynb", text_of([cell(str(number))]))
            service.wait(lambda service: len(service.told) == number + 1)
        self.assertGreater(time.monotonic() - begun, 0.8)
        service.pace_ms = 60_000
        self.save(reporter, "a.ipynb", text_of([cell("3")]))
        service.wait(lambda service: len(service.told) == 4)
        self.save(reporter, "a.ipynb", text_of([cell("4")]))
        # Others do not wait, and neither does its end.
        self.save(reporter, "b.ipynb", b"{}")
        service.wait(lambda service: "b.ipynb" in service.copies)
        self.assertEqual(len(service.heads), 5)
        reporter.note(DELETE, path, self.home)
        service.wait(lambda service: service.events)


class Refused(PushCase):
    def test_the_whole_is_sent_once_more_where_the_base_is_lost(self):
        service = self.service()
        reporter = self.reporter(service.url)
        self.save(reporter, "a.ipynb", text_of([cell("1")]))
        service.wait(lambda service: service.told)
        service.copies.clear()
        self.save(reporter, "a.ipynb", text_of([cell("2")]))
        service.wait(lambda service: len(service.told) == 2)
        self.assertEqual([head["base"] is None for head in service.heads], [True, False, True])
        self.assertEqual(service.copies["a.ipynb"], text_of([cell("2")]))
        # What it has of others is looked at again.
        self.assertTrue(reporter.ledger.take_doubt())
        self.assertEqual(self.log.lines, [])

    def test_a_service_that_wants_the_whole_for_ever_is_not_asked_without_pause(self):
        answer = (409, {}, {"error": "hash", "message": "no", "need": "whole"})

        def before(method, path, body):
            return answer if b'"bad.ipynb"' in body else None

        service = self.service(before)
        reporter = self.reporter(service.url)
        self.save(reporter, "bad.ipynb", b"{}")
        self.save(reporter, "good.ipynb", b"{}")
        service.wait(lambda service: service.told)
        self.assertLess(len(service.received), 6)

    def test_a_full_list_is_a_refusal(self):
        answer = (409, {}, {"error": "full", "message": "The list is full."})
        asked = threading.Semaphore(0)

        def before(method, path, body):
            asked.release()
            return answer

        service = self.service(before)
        reporter = self.reporter(service.url)
        self.save(reporter, "a.ipynb", b"{}")
        self.assertTrue(asked.acquire(timeout=TIMEOUT_S))
        self.save(reporter, "b.ipynb", b"{}")
        self.assertTrue(asked.acquire(timeout=TIMEOUT_S))
        reporter.close()
        self.assertEqual(len(service.received), 2)
        [line] = self.log.lines
        self.assertIn("The list is full", line)

    def test_what_is_too_large_is_told_without_its_content(self):
        service = self.service()
        reporter = self.reporter(service.url)
        with mock.patch.object(content, "MAX_SIZE", 1000):
            self.save(reporter, "a.ipynb", text_of([cell("x" * 1000)]))
            service.wait(lambda service: service.told)
        [head] = service.heads
        self.assertEqual(head["withheld"], "too-large")
        self.assertGreater(head["size"], 1000)
        self.assertFalse({"sha256", "base"} & set(head))
        self.assertTrue(service.received[0].endswith(b"}\n"))

    def test_what_the_service_finds_too_large_is_told_without_its_content(self):
        def before(method, path, body):
            return None if b'"withheld"' in body else (413, {}, {"message": "too large"})

        service = self.service(before)
        reporter = self.reporter(service.url)
        self.save(reporter, "a.ipynb", b"{}")
        service.wait(lambda service: service.told)
        self.assertEqual(service.told, [("too-large", "a.ipynb")])

    def test_half_a_file_is_told_without_its_content(self):
        service = self.service()
        reporter = self.reporter(service.url)
        data = text_of([cell(CANARY, ["private"])])
        with mock.patch.object(content, "READ_PAUSE", 0):
            self.save(reporter, "a.ipynb", data[:-20])
            service.wait(lambda service: service.told)
        self.assertEqual(service.told, [("unreadable", "a.ipynb")])
        self.save(reporter, "a.ipynb", data)
        service.wait(lambda service: len(service.told) == 2)
        self.assertNotIn(CANARY.encode(), b"".join(service.received))

    def test_no_canary_of_a_private_cell_is_received(self):
        service = self.service()
        chance = random.Random(3)
        with mock.patch.object(reporter_module, "BURST", 1000):
            reporter = self.reporter(service.url)
            for number in range(60):
                data, _ = notebook(chance)
                self.save(reporter, f"{number % 7}.ipynb", data)
                if number % 3 == 0:
                    self.until(lambda: not reporter.pending())
            self.until(lambda: not reporter.pending())
        self.assertGreater(len(service.copies), 5)
        # A deflated middle does not show it: the contents are looked at besides.
        for seen in [*service.received, *service.copies.values()]:
            self.assertNotIn(CANARY.encode(), seen)


class Older(PushCase):
    """Services that take no contents."""

    def test_saves_are_told_by_events_and_contents_are_not_tried_each_time(self):
        for status in (404, 405):
            puts = []

            def before(method, path, body, status=status):
                if method == "PUT":
                    puts.append(path)
                    return status, {}, {"message": "no such route"}

            service = self.service(before)
            reporter = self.reporter(service.url)
            for number in range(3):
                self.save(reporter, f"{number}.ipynb", b"{}")
                service.wait(lambda service: len(service.events) == number + 1)
            self.assertEqual([event["type"] for event in service.events], [SAVE] * 3)
            self.assertEqual(len(puts), 1)

    def test_it_is_tried_with_contents_again_later(self):
        statuses = iter([404])

        def before(method, path, body):
            if method == "PUT" and next(statuses, None):
                return 404, {}, {}

        service = self.service(before)
        with mock.patch.object(reporter_module, "NO_PUSH_DELAY", 0):
            reporter = self.reporter(service.url)
            self.save(reporter, "a.ipynb", b"{}")
            service.wait(lambda service: service.events)
            self.until(lambda: not reporter.pending())
            self.save(reporter, "a.ipynb", b"{}")
            service.wait(lambda service: service.copies)

    def test_what_is_not_there_at_all_is_no_older_service(self):
        gone = threading.Event()
        gone.set()
        asked = []

        def before(method, path, body):
            asked.append(method)
            if gone.is_set():
                return 404, {}, {"message": "the Hub's own page"}

        service = self.service(before)
        with mock.patch.object(reporter_module, "ABSENT_DELAY", 0.05):
            reporter = self.reporter(service.url)
            self.save(reporter, "a.ipynb", b"{}")
            service.wait(lambda service: len(service.received) > 3)
            gone.clear()
            service.wait(lambda service: service.copies)
        self.assertEqual(service.events, [])

    def test_the_stand_in_of_the_older_service_is_told_once(self):
        service = OldService()
        self.addCleanup(service.stop)
        reporter = self.reporter(service.url)
        self.save(reporter, "a.ipynb", b"{}")
        [event] = service.wait(lambda events: events)
        self.assertEqual(event["type"], SAVE)


class Away(PushCase):
    def test_a_service_that_was_down_gets_the_newest_of_each(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        reporter = self.reporter(f"http://127.0.0.1:{port}/base/")
        for number in range(20):
            self.save(reporter, "a.ipynb", text_of([cell(str(number))]))
            self.save(reporter, "b.ipynb", text_of([cell(str(number))]))
        self.until(lambda: self.log.lines)
        service = self.service(port=port)
        service.wait(lambda service: len(service.copies) == 2)
        self.assertEqual(set(service.copies.values()), {text_of([cell("19")])})
        self.until(reporter.ledger.take_doubt)

    def test_a_restart_loses_nothing_and_is_not_noticed(self):
        service = self.service()
        reporter = self.reporter(service.url)
        self.save(reporter, "a.ipynb", b"{}")
        self.until(lambda: not reporter.pending())
        service.cut_connections()
        self.save(reporter, "b.ipynb", b"{}")
        service.wait(lambda service: len(service.copies) == 2)
        self.assertEqual(self.log.lines, [])
        self.assertEqual(len(service.connections), 2)

    def test_a_push_that_is_cut_is_sent_again(self):
        cuts = iter([CopiesService.CUT] * 4)
        service = self.service(lambda method, path, body: next(cuts, None))
        reporter = self.reporter(service.url)
        data = text_of([cell("x" * 100_000)])
        self.save(reporter, "a.ipynb", data)
        service.wait(lambda service: service.copies)
        self.assertEqual(service.copies["a.ipynb"], data)
        self.assertEqual(len(service.told), 1)

    def test_retry_after_is_honoured(self):
        for status in (429, 503):
            answers = iter([(status, {"Retry-After": "1"}, {})])
            service = self.service(lambda method, path, body: next(answers, None))
            reporter = self.reporter(service.url)
            begun = time.monotonic()
            self.save(reporter, "a.ipynb", b"{}")
            service.wait(lambda service: service.copies)
            self.assertGreaterEqual(time.monotonic() - begun, 1)

    def test_a_service_that_hangs_delays_no_save(self):
        held = threading.Event()
        self.addCleanup(held.set)
        service = self.service(lambda method, path, body: held.wait(TIMEOUT_S) and None)
        reporter = self.reporter(service.url)
        path = self.save(reporter, "a.ipynb", text_of([cell("x" * 1_000_000)]))
        begun = time.monotonic()
        for _ in range(1000):
            reporter.note(SAVE, path, self.home)
        self.assertLess(time.monotonic() - begun, 2)
        self.assertEqual(service.told, [])

    def test_an_answer_that_never_ends_ends_in_time(self):
        for reply in [None, EndlessAnswer(b"HTTP/1.1 200 OK\r\nX: ")]:
            raw = RawService(reply, OK)
            self.addCleanup(raw.stop)
            with mock.patch.object(reporter_module, "TIMEOUT", 0.2):
                reporter = self.reporter(raw.url)
                self.save(reporter, "a.ipynb", b"{}")
                self.assertTrue(raw.seen.acquire(timeout=TIMEOUT_S))
                self.assertTrue(raw.seen.acquire(timeout=TIMEOUT_S), "it was not sent again")
                reporter.close(TIMEOUT_S)


class Wanted(PushCase):
    def test_what_the_service_asks_for_is_pushed_after_what_was_saved(self):
        held = threading.Event()
        service = self.service(lambda method, path, body: held.wait(TIMEOUT_S) and None)
        reporter = self.reporter(service.url)
        names = [f"{number}.ipynb" for number in range(10)]
        for name in [*names, "saved.ipynb"]:
            self.write(name, b"{}")
        reporter.want([*names, "gone.ipynb"], self.home)
        time.sleep(0.05)
        self.save(reporter, "saved.ipynb", b"{}")
        self.save(reporter, "9.ipynb", b'{"x": 1}')
        held.set()
        service.wait(lambda service: len(service.copies) == 11)
        order = [name for _, name in service.told]
        self.assertLessEqual(order.index("saved.ipynb"), 1)
        self.assertEqual(order.count("9.ipynb"), 1)
        self.assertEqual(service.events, [])

    def test_a_service_that_is_away_gets_what_it_asked_for_later(self):
        answers = iter([(503, {}, {}), (500, {}, {}), (503, {}, {})])
        service = self.service(lambda method, path, body: next(answers, None))
        reporter = self.reporter(service.url)
        self.write("a.ipynb", b"{}")
        reporter.want(["a.ipynb"], self.home)
        service.wait(lambda service: service.copies)

    def test_an_older_service_is_told_of_no_saves_that_were_none(self):
        service = self.service(
            lambda method, path, body: (404, {}, {}) if method == "PUT" else None
        )
        reporter = self.reporter(service.url)
        self.write("a.ipynb", b"{}")
        reporter.want(["a.ipynb"], self.home)
        service.wait(lambda service: service.received)
        self.save(reporter, "b.ipynb", b"{}")
        service.wait(lambda service: service.events)
        self.assertEqual(service.told, [(SAVE, "b.ipynb")])


class Connecting(PushCase):
    def connection(self, url, **kwargs):
        connection = Connection(Service(url, TOKEN, "alice"), **kwargs)
        self.addCleanup(connection.close)
        return connection

    def test_a_connection_is_closed_when_it_is_old(self):
        now = [0]
        service = self.service()
        connection = self.connection(service.url, clock=lambda: now[0])
        for now[0], expected in [(0, 1), (0, 1), (419, 1), (781, 2), (1200, 2), (1562, 3)]:
            self.assertEqual(connection.ask("POST", "events", {"type": "x", "filename": "y"}).status, 201)
            self.assertEqual(len(service.connections), expected)

    def test_an_answer_that_is_not_read_to_its_end_is_not_the_next_one(self):
        def before(method, path, body):
            if path == "long":
                return 400, {}, b'{"message": "' + b"x" * 100_000

        service = self.service(before)
        connection = self.connection(service.url)
        for path, status in [("long", 400), ("nowhere", 404), ("long", 400), ("nowhere", 404)]:
            self.assertEqual(connection.ask("GET", path).status, status)

    def test_a_refusal_is_heard_though_the_body_was_not_taken(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def refuse():
            sock, _ = listener.accept()
            sock.recv(1000)
            sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            # What comes is taken, slowly, until the other end has read the answer.
            while sock.recv(10_000_000):
                pass
            sock.close()

        threading.Thread(target=refuse, daemon=True).start()
        connection = self.connection(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        self.assertEqual(connection.ask("PUT", "x", b"x" * 20_000_000).status, 413)

    def test_a_large_body_has_time_in_proportion(self):
        connection = self.connection("http://127.0.0.1:1/")
        with mock.patch.object(connection, "_exchange") as exchange:
            connection.ask("PUT", "x", b"x" * connection_module.BYTES_A_SECOND * 7, within=10)
        self.assertEqual(exchange.call_args[0][4], 17)


class Keeping(unittest.TestCase):
    def test_bases_are_bounded_by_number_and_bytes(self):
        kept = Bases()
        for number in range(bases.MAX_BASES + 2):
            kept.put(str(number), "sha", b"x")
            kept.get("0")
        self.assertIsNotNone(kept.get("0"))
        self.assertIsNone(kept.get("1"))
        with mock.patch.object(bases, "MAX_BYTES", 10):
            kept.put("large", "sha", b"x" * 9)
            self.assertIsNotNone(kept.get("large"))
            self.assertIsNone(kept.get("2"))
            kept.put("larger", "sha", b"x" * 11)
            self.assertIsNone(kept.get("larger"))
            self.assertEqual(kept._bytes, 0)


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class InJupyterServer(unittest.TestCase):
    def test_a_notebook_that_jupyter_saves_arrives_without_its_private_cell(self):
        service = CopiesService()
        self.addCleanup(service.stop)
        jupyter = JupyterServer(environment_of("alice", service.url))
        self.addCleanup(jupyter.stop)
        cells = [
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# ü"},
            {
                "cell_type": "markdown",
                "id": "b",
                "metadata": {"tags": ["private"]},
                "source": CANARY,
            },
        ]
        saved = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        jupyter.save("a.ipynb", saved)
        service.wait(lambda service: "a.ipynb" in service.copies)
        on_disk = (jupyter.home / "a.ipynb").read_bytes()
        self.assertIn(CANARY.encode(), on_disk)
        pushed = service.copies["a.ipynb"]
        self.assertNotIn(CANARY.encode(), pushed)
        # Around the cell it is what Jupyter wrote.
        self.assertTrue(on_disk.startswith(pushed[: pushed.index(b"# ")]))
        self.assertEqual(json.loads(pushed)["cells"], json.loads(on_disk)["cells"][:1])
        jupyter.request("PATCH", "api/contents/a.ipynb", {"path": "b.ipynb"})
        service.wait(lambda service: list(service.copies) == ["b.ipynb"])

    def test_what_is_saved_by_several_at_once_is_pushed_too(self):
        """jupyter-collaboration 4 and 5 save by the contents manager, without a request."""
        from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

        service = CopiesService()
        self.addCleanup(service.stop)
        with tempfile.TemporaryDirectory() as home:
            reporter = reporter_module.Reporter(Service(service.url, TOKEN, "alice"), home)
            self.addCleanup(reporter.close, TIMEOUT_S)
            manager = AsyncLargeFileManager(root_dir=home)
            log = logging.getLogger("test_push")
            heard = events.listener(reporter, manager, log)
            manager.event_logger.add_listener(schema_id=events.SCHEMA, listener=heard)
            saves.watch(manager, reporter, log)
            model = {"type": "notebook", "format": "json", "content": JupyterServer.NOTEBOOK}

            async def save():
                # As FileLoader does it.
                await asyncio.shield(asyncio.create_task(manager.save(model, "a.ipynb")))
                await asyncio.sleep(0.1)

            asyncio.run(save())
            service.wait(lambda service: "a.ipynb" in service.copies)
            reporter.close(TIMEOUT_S)


if __name__ == "__main__":
    unittest.main()
