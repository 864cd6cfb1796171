"""A participant's disk that is full or broken: the service is told, and no save is harmed.

The first classes need nothing; the last a jupyter_server and root, for a disk that is really
full, and is skipped without.
"""

import asyncio
import errno
import logging
import sqlite3
import unittest

from support import (
    CAN_MOUNT,
    HAS_JUPYTER,
    SMALL_HOME,
    TOKEN,
    JupyterServer,
    Lines,
    Service,
    environment_of,
)

from pipalhub_singleuser import reporter as reporter_module, saves, service

FULL = OSError(errno.ENOSPC, "No space left on device")


class Told:
    """A reporter that only remembers; `broken` ones raise."""

    def __init__(self, broken=False):
        self.told = []
        self._broken = broken

    def note_saving(self, path, reason=None, root=None):
        if self._broken:
            raise RuntimeError("a fault of the reporter's")
        self.told.append((path, reason))


class Manager:
    """A contents manager whose saves raise what is in `error`."""

    root_dir = "/home/alice"

    def __init__(self):
        self.error = None
        self.saved = []

    def save(self, model, path=""):
        if self.error is not None:
            try:
                raise self.error
            except OSError as error:
                raise RuntimeError("as jupyter_server does") from error
        self.saved.append(path)
        return model


class AsyncManager(Manager):
    async def save(self, model, path=""):
        await asyncio.sleep(0)
        return super().save(model, path)


class Watched(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.log = Lines()
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.log)

    def watched(self, manager, reporter):
        saves.watch(manager, reporter, self.logger)
        return manager

    def save(self, manager, path="/a.ipynb"):
        saved = manager.save({"type": "notebook"}, path)
        return asyncio.run(saved) if asyncio.iscoroutine(saved) else saved

    def test_what_fails_is_told_and_raised_as_it_was_and_so_is_that_it_works_again(self):
        for make in (Manager, AsyncManager):
            told = Told()
            manager = self.watched(make(), told)
            self.assertEqual(self.save(manager), {"type": "notebook"})
            self.assertEqual(told.told, [], "what always worked is nothing new")
            manager.error = FULL
            for _ in range(3):
                with self.assertRaisesRegex(RuntimeError, "as jupyter_server does"):
                    self.save(manager)
            manager.error = None
            self.save(manager)
            self.save(manager)
            path = "/home/alice/a.ipynb"
            self.assertEqual(told.told, [(path, "disk-full"), (path, None)])

    def test_a_fault_of_ours_reaches_no_save(self):
        for make in (Manager, AsyncManager):
            manager = self.watched(make(), Told(broken=True))
            manager.error = FULL
            with self.assertRaisesRegex(RuntimeError, "as jupyter_server does"):
                self.save(manager)
            manager.error = None
            self.assertEqual(self.save(manager), {"type": "notebook"})
        self.assertIn("was not noted", self.log.lines[0])

    def test_one_failure_is_told_again_after_a_while_and_another_at_once(self):
        told = Told()
        noted = saves.Saves(told, "/home/alice", self.logger, clock=lambda: self.now)
        noted.note("a.ipynb", FULL)
        self.now += saves.AGAIN / 2
        noted.note("a.ipynb", FULL)
        noted.note("a.ipynb", OSError(errno.EIO, "broken"))
        self.now += saves.AGAIN
        noted.note("a.ipynb", OSError(errno.EIO, "broken"))
        reasons = [reason for _, reason in told.told]
        self.assertEqual(reasons, ["disk-full", "disk-fails", "disk-fails"])

    def test_reasons(self):
        for error, reason in [
            (FULL, "disk-full"),
            (OSError(errno.EDQUOT, ""), "quota-used-up"),
            (OSError(errno.EROFS, ""), "read-only"),
            (OSError(errno.EIO, ""), "disk-fails"),
            (PermissionError(errno.EACCES, ""), "not-allowed"),
            (OSError(errno.EMFILE, ""), "other"),
            (sqlite3.OperationalError("database or disk is full"), "disk-full"),
            (sqlite3.OperationalError("database is locked"), None),
            (ValueError("no JSON"), None),
        ]:
            self.assertEqual(saves.reason_of(error), reason, error)
            try:
                raise RuntimeError("around it") from error
            except RuntimeError as around:
                self.assertEqual(saves.reason_of(around), reason, error)

    def test_however_many_fail_few_are_remembered(self):
        noted = saves.Saves(Told(), "/home/alice", self.logger)
        for n in range(2 * saves.MAX_FAILING):
            noted.note(f"{n}.ipynb", FULL)
        self.assertEqual(len(noted._failing), saves.MAX_FAILING)

    def test_a_manager_without_a_folder_is_left_alone(self):
        manager = Manager()
        manager.root_dir = None
        saves.watch(manager, Told(), self.logger)
        self.assertNotIn("save", vars(manager))


class Reported(unittest.TestCase):
    def test_what_holds_is_told_beside_what_happened_and_in_order(self):
        server = Service()
        self.addCleanup(server.stop)
        reporter = reporter_module.Reporter(
            service.Service(server.url, TOKEN, "alice"), "/home/alice"
        )
        self.addCleanup(reporter.close, 0.1)
        reporter.note_saving("/home/alice/a.ipynb", "disk-full")
        server.wait(lambda events: len(events) == 1)
        reporter.note("save-notebook", "/home/alice/a.ipynb")
        reporter.note_saving("/home/alice/a.ipynb")
        reporter.note_saving("/home/alice/notes.txt", "disk-full")
        failed, *later = server.wait(lambda events: len(events) == 3)
        self.assertEqual(
            (failed["type"], failed["reason"], failed["filename"]),
            ("save-failed", "disk-full", "a.ipynb"),
        )
        works = next(event for event in later if event["type"] == "save-works")
        self.assertNotIn("reason", works)
        self.assertLess(failed["timestamp"], works["timestamp"])


@unittest.skipUnless(HAS_JUPYTER and CAN_MOUNT, "needs jupyter_server and root")
class FullDisk(unittest.TestCase):
    def test_the_service_hears_of_a_disk_that_is_full_and_of_one_that_is_not_any_more(self):
        server = Service()
        self.addCleanup(server.stop)
        jupyter = JupyterServer(environment_of("alice", server.url), around=SMALL_HOME)
        self.addCleanup(jupyter.stop)
        jupyter.save("a.ipynb")
        server.wait(lambda events: len(events) == 1)

        filler = jupyter.seen_home() / "filler"
        with self.assertRaises(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        large = dict(JupyterServer.NOTEBOOK, metadata={"large": "x" * 100_000})
        for _ in range(3):
            with self.assertRaisesRegex(AssertionError, "500"):
                jupyter.save("a.ipynb", large)
        events = server.wait(lambda events: len(events) >= 2)
        self.assertEqual(events[-1]["type"], "save-failed")
        self.assertEqual(events[-1]["reason"], "disk-full")
        self.assertEqual(events[-1]["filename"], "a.ipynb")

        filler.unlink()
        jupyter.save("a.ipynb", large)
        kinds = {
            event["type"]
            for event in server.wait(lambda events: len(events) >= 4)
        }
        self.assertEqual(kinds, {"save-notebook", "save-failed", "save-works"})
        self.assertEqual(len(server.bodies()), 4)


if __name__ == "__main__":
    unittest.main()
