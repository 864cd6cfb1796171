"""Which notebooks there are: found on the disk, told when it differs, pushed when wanted."""

import json
import os
import pathlib
import shutil
import tempfile
import threading
import time
import unittest
from unittest import mock

from copies_service import CopiesService
from generated import CANARY
from support import HAS_JUPYTER, TIMEOUT_S, TOKEN, JupyterServer, environment_of
from test_push import PushCase, cell, text_of

from pipalhub_singleuser import content, inventory as inventory_module, walk
from pipalhub_singleuser import reporter as reporter_module
from pipalhub_singleuser.inventory import Inventory
from pipalhub_singleuser.service import Service
from pipalhub_singleuser.walk import notebooks_below

SAVE, DELETE = reporter_module.SAVE, reporter_module.DELETE


class Walking(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name, "root")
        self.root.mkdir()

    def make(self, *names):
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"{}")

    def names(self):
        found = notebooks_below(str(self.root))
        return sorted(found.stamps), found.is_complete

    def test_notebooks_are_found_and_nothing_else(self):
        deep = "/".join("abcdefghijklm") + "/deep.ipynb"
        mine = ["a.ipynb", "m/b.ipynb", "m/n/Ü 1.ipynb", deep, "env/a.ipynb"]
        self.make(*mine, "notes.txt", ".hidden/a.ipynb", ".~a.ipynb", "a.ipynb.bak")
        self.make(".ipynb_checkpoints/a-checkpoint.ipynb", "node_modules/x/a.ipynb")
        self.make("venv/pyvenv.cfg", "venv/a.ipynb", "venv/lib/a.ipynb")
        self.make("conda/conda-meta/history", "conda/share/a.ipynb", "m/__pycache__/a.ipynb")
        (self.root / "folder.ipynb").mkdir()
        os.mkfifo(self.root / "pipe.ipynb")
        self.assertEqual(self.names(), (sorted(mine), True))

    def test_a_stamp_is_that_of_the_file(self):
        self.make("a.ipynb")
        stamp = notebooks_below(str(self.root)).stamps["a.ipynb"]
        self.assertEqual(stamp, content.Stamp.of(os.stat(self.root / "a.ipynb")))

    def test_links_lead_nowhere_else_and_nothing_is_listed_twice(self):
        self.make("real/a.ipynb", "b.ipynb", ".hidden/c.ipynb")
        outside = self.root.parent / "outside"
        outside.mkdir()
        (outside / "secret.ipynb").write_bytes(b"{}")
        (self.root / "a-link").symlink_to("real")
        (self.root / "out").symlink_to(outside)
        (self.root / "secret.ipynb").symlink_to(outside / "secret.ipynb")
        (self.root / "same.ipynb").symlink_to("b.ipynb")
        (self.root / "shown").symlink_to(".hidden")
        (self.root / "real/up").symlink_to("..")
        (self.root / "broken").symlink_to("nowhere")
        (self.root / "loop").symlink_to("loop")
        expected = ["b.ipynb", "real/a.ipynb", "same.ipynb", "shown/c.ipynb"]
        self.assertEqual(self.names(), (expected, True))

    def test_what_is_too_much_is_left_out_from_below(self):
        self.make("a.ipynb", "m/b.ipynb", *(f"m/n/{number}.ipynb" for number in range(50)))
        with mock.patch.object(walk, "MAX_ENTRIES", 20):
            names, is_complete = self.names()
        self.assertFalse(is_complete)
        self.assertEqual(names[0], "a.ipynb")
        self.assertIn("m/b.ipynb", names)
        with mock.patch.object(walk, "MAX_SECONDS", -1):
            self.assertFalse(notebooks_below(str(self.root)).is_complete)

    def test_a_home_that_is_empty_or_not_there_is_not_complete(self):
        self.assertEqual(self.names(), ([], False))
        self.root.rmdir()
        self.assertEqual(self.names(), ([], False))

    @unittest.skipIf(os.geteuid() == 0, "root may read all")
    def test_a_folder_that_may_not_be_read_holds_nothing(self):
        self.make("a.ipynb", "closed/b.ipynb")
        (self.root / "closed").chmod(0)
        self.addCleanup((self.root / "closed").chmod, 0o700)
        self.assertEqual(self.names(), (["a.ipynb"], True))

    def test_a_folder_that_is_broken_makes_it_incomplete(self):
        self.make("a.ipynb", "broken/b.ipynb")
        scandir = os.scandir

        def broken(path):
            if path.endswith("broken"):
                raise OSError(5, "Input/output error")
            return scandir(path)

        with mock.patch.object(walk.os, "scandir", broken):
            self.assertEqual(self.names(), (["a.ipynb"], False))


class Telling(PushCase):
    def setUp(self):
        super().setUp()
        for name, seconds in [("INTERVAL", 0.1), ("SHORTEST", 0.05), ("FIRST_DELAY", 0.01)]:
            patched = mock.patch.object(inventory_module, name, seconds)
            patched.start()
            self.addCleanup(patched.stop)

    def begin(self, service, root=None, start=True, server=""):
        reporter = self.reporter(service.url, server)
        inventory = Inventory(
            Service(service.url, TOKEN, "alice", server),
            reporter,
            root or self.home,
            self.logger,
            self.home,
        )
        if start:
            inventory.start()
            self.addCleanup(inventory.close, TIMEOUT_S)
        else:
            self.addCleanup(inventory._connection.close)
        return reporter, inventory

    def test_what_there_is_is_told_and_pushed_when_the_server_starts(self):
        service = self.service()
        service.copies["old.ipynb"] = b"{}"
        data = text_of([cell("x"), cell(CANARY, ["private"])])
        self.write("a/b.ipynb", data)
        self.write("c.ipynb", b"{}")
        self.begin(service, server="second")
        service.wait(lambda service: sorted(service.copies) == ["a/b.ipynb", "c.ipynb"])
        said = service.inventories[0]
        self.assertEqual((said["server"], said["complete"]), ("second", True))
        told = {file["filename"]: file for file in said["files"]}
        pushed = service.copies["a/b.ipynb"]
        self.assertEqual(told["a/b.ipynb"]["size"], len(pushed))
        pushed_as = {head["filename"]: head["sha256"] for head in service.heads}
        self.assertEqual({name: file["sha256"] for name, file in told.items()}, pushed_as)
        self.assertEqual(json.loads(pushed), json.loads(text_of([cell("x")])))
        self.assertNotIn(CANARY.encode(), b"".join(service.received))
        self.assertEqual(service.events, [])

    def test_what_comes_goes_and_is_renamed_without_jupyter_is_seen(self):
        service = self.service()
        self.write("a.ipynb", b"{}")
        self.write("folder/b.ipynb", b'{"b": 1}')
        self.begin(service)
        service.wait(lambda service: len(service.copies) == 2)
        # As git, cp and nbgitpuller do it.
        self.write("pulled/c.ipynb", b'{"c": 1}')
        self.write("a.ipynb", b'{"a": 2}')
        service.wait(lambda service: service.copies.get("a.ipynb") == b'{"a": 2}')
        service.wait(lambda service: "pulled/c.ipynb" in service.copies)
        os.rename(os.path.join(self.home, "folder"), os.path.join(self.home, "renamed"))
        service.wait(lambda service: "renamed/b.ipynb" in service.copies)
        service.wait(lambda service: "folder/b.ipynb" not in service.copies)
        os.remove(os.path.join(self.home, "a.ipynb"))
        service.wait(lambda service: "a.ipynb" not in service.copies)

    def test_it_is_not_told_again_when_nothing_differs(self):
        service = self.service()
        self.write("a.ipynb", b"{}")
        reporter, inventory = self.begin(service, start=False)
        inventory._look()
        self.until(lambda: not len(reporter._wanted))
        # A save that was pushed makes no difference either, and is not read once more.
        self.save(reporter, "b.ipynb", b"{}")
        service.wait(lambda service: "b.ipynb" in service.copies)
        self.until(lambda: not reporter.pending())
        with mock.patch.object(inventory_module.content, "read", side_effect=AssertionError):
            inventory._look()
            self.assertEqual(len(service.inventories), 1)
            # But for what may have been lost meanwhile.
            reporter.ledger.doubt()
            inventory._look()
        self.assertEqual(len(service.inventories), 2)
        with mock.patch.object(inventory_module, "AGAIN", 0):
            inventory._look()
        self.assertEqual(len(service.inventories), 3)

    def test_a_service_that_has_lost_all_gets_it_again(self):
        service = self.service()
        for number in range(5):
            self.write(f"{number}.ipynb", b'{"number": %d}' % number)
        reporter, _ = self.begin(service)
        service.wait(lambda service: len(service.copies) == 5)
        service.copies.clear()
        # One save is answered by 409, and tells.
        self.save(reporter, "0.ipynb", b'{"number": 7}')
        service.wait(lambda service: len(service.copies) == 5)

    def test_what_lies_where_it_is_not_looked_for_stays_when_it_was_pushed(self):
        service = self.service()
        self.write("a.ipynb", b"{}")
        reporter, _ = self.begin(service)
        self.save(reporter, ".hidden/b.ipynb", b"{}")
        service.wait(lambda service: len(service.copies) == 2)
        self.write("c.ipynb", b"{}")
        service.wait(lambda service: "c.ipynb" in service.copies)
        self.assertIn(".hidden/b.ipynb", service.copies)
        shutil.rmtree(os.path.join(self.home, ".hidden"))
        service.wait(lambda service: ".hidden/b.ipynb" not in service.copies)

    def test_where_the_server_shows_the_whole_machine_the_home_is_looked_at(self):
        service = self.service()
        self.write("a.ipynb", b"{}")
        root = os.path.dirname(self.home)
        self.begin(service, root=root)
        name = os.path.basename(self.home) + "/a.ipynb"
        service.wait(lambda service: name in service.copies)
        self.assertFalse(service.inventories[0]["complete"])
        # Nothing is gone by such a list, so it is told by itself.
        os.remove(os.path.join(self.home, "a.ipynb"))
        service.wait(lambda service: service.events)
        self.assertEqual(service.told[-1], (DELETE, name))

    def test_it_is_bounded_by_the_newest(self):
        service = self.service()
        for number in range(6):
            path = self.write(f"{number}.ipynb", b"{}")
            os.utime(path, (number, number))
        _, inventory = self.begin(service, start=False)
        with mock.patch.object(inventory_module, "MAX_FILES", 4):
            inventory._look()
        said = service.inventories[0]
        names = [file["filename"] for file in said["files"]]
        self.assertEqual(names, ["5.ipynb", "4.ipynb", "3.ipynb", "2.ipynb"])
        self.assertFalse(said["complete"])
        service.wait(lambda service: len(service.copies) == 4)

    def test_what_cannot_leave_has_no_hash(self):
        service = self.service()
        self.write("half.ipynb", text_of([cell(CANARY, ["private"])])[:-9])
        with open(self.write("large.ipynb", b""), "wb") as file:
            file.truncate(content.MAX_SIZE + 1)
        _, inventory = self.begin(service, start=False)
        inventory._look()
        told = {file["filename"]: file["sha256"] for file in service.inventories[0]["files"]}
        self.assertEqual(told, {"half.ipynb": None, "large.ipynb": None})

    def test_a_service_that_is_away_is_told_later(self):
        answers = iter([(503, {}, {}), CopiesService.CUT, (429, {"Retry-After": "0"}, {})])

        def before(method, path, body):
            return next(answers, None) if path == "api/copies/inventory" else None

        service = self.service(before)
        self.write("a.ipynb", b"{}")
        self.begin(service)
        service.wait(lambda service: service.copies)
        self.assertEqual(self.log.lines, [])

    def test_an_older_service_is_not_asked_again_and_again(self):
        asked = []

        def before(method, path, body):
            asked.append(path)
            return 404, {}, {}

        service = self.service(before)
        self.write("a.ipynb", b"{}")
        self.begin(service)
        service.wait(lambda service: service.received)
        time.sleep(0.5)
        self.assertEqual(asked, ["api/copies/inventory"])
        self.assertEqual(self.log.lines, [])

    def test_names_that_are_no_text_are_left_out(self):
        service = self.service()
        self.write("a.ipynb", b"{}")
        pathlib.Path(os.fsdecode(os.fsencode(self.home) + b"/\xff.ipynb")).write_bytes(b"{}")
        self.begin(service)
        service.wait(lambda service: service.copies)
        self.assertEqual([file["filename"] for file in service.inventories[0]["files"]], ["a.ipynb"])

    def hold_reads(self, name):
        """Makes the inventory's reads of this notebook wait; gives what is set when one does, and
        what lets them go on.
        """
        reading = threading.Event()
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        read = content.read

        def slow(path):
            if path.endswith(name):
                reading.set()
                go_on.wait(TIMEOUT_S)
            return read(path)

        held = mock.patch.object(inventory_module.content, "read", slow)
        held.start()
        self.addCleanup(held.stop)
        return reading, go_on

    def test_pushes_do_not_wait_for_it(self):
        service = self.service()
        reading, go_on = self.hold_reads("slow.ipynb")
        self.write("slow.ipynb", b"{}")
        reporter, _ = self.begin(service)
        self.assertTrue(reading.wait(TIMEOUT_S))
        self.save(reporter, "a.ipynb", b"{}")
        service.wait(lambda service: "a.ipynb" in service.copies)
        self.assertEqual(service.inventories, [])
        go_on.set()
        service.wait(lambda service: "slow.ipynb" in service.copies)

    def test_what_happens_during_a_look_is_looked_for_after_it(self):
        service = self.service()
        reading, go_on = self.hold_reads("slow.ipynb")
        self.write("slow.ipynb", b"{}")
        with mock.patch.object(inventory_module, "INTERVAL", 10 * TIMEOUT_S):
            _, inventory = self.begin(service)
            self.assertTrue(reading.wait(TIMEOUT_S))
            self.write("new.ipynb", b"{}")
            inventory.soon()
            go_on.set()
            service.wait(lambda service: "new.ipynb" in service.copies)


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class InJupyterServer(unittest.TestCase):
    def test_a_renamed_folder_is_told_before_the_minute_is_over(self):
        service = CopiesService()
        self.addCleanup(service.stop)
        jupyter = JupyterServer(environment_of("alice", service.url))
        self.addCleanup(jupyter.stop)
        (jupyter.home / "copied.ipynb").write_bytes(b"{}")
        jupyter.request("PUT", "api/contents/old", {"type": "directory"})
        jupyter.save("old/a.ipynb")
        service.wait(lambda service: set(service.copies) == {"copied.ipynb", "old/a.ipynb"})
        jupyter.request("PATCH", "api/contents/old", {"path": "new"})
        service.wait(lambda service: set(service.copies) == {"copied.ipynb", "new/a.ipynb"})


if __name__ == "__main__":
    unittest.main()
