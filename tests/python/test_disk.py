"""A participant's disk that is full or broken: it is reported, and no save is harmed.

The last class needs jupyter_server and root, for a disk that is really full, and is skipped
without them.
"""

import asyncio
import errno
import logging
import sqlite3
import unittest

from support import (
    CAN_MOUNT,
    HAS_JUPYTER,
    MOUNT_SMALL_HOME,
    TOKEN,
    JupyterServer,
    LogLines,
    Service,
    environment_of,
)

from pipalhub_singleuser import reporter as reporter_module, saves, service

DISK_FULL = OSError(errno.ENOSPC, "No space left on device")


class RecordingReporter:
    """A reporter that records its reports; a `broken` one raises."""

    def __init__(self, broken=False):
        self.reports = []
        self._broken = broken

    def note_saving(self, path, reason=None, root=None):
        if self._broken:
            raise RuntimeError("a fault of the reporter's")
        self.reports.append((path, reason))


class FailingManager:
    """A contents manager whose saves raise `error`, if it is set."""

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


class AsyncFailingManager(FailingManager):
    async def save(self, model, path=""):
        await asyncio.sleep(0)
        return super().save(model, path)


class WatchedSavesTest(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.log = LogLines()
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.log)

    def watched(self, manager, reporter):
        saves.watch(manager, reporter, self.logger)
        return manager

    def save(self, manager, path="/a.ipynb"):
        saved = manager.save({"type": "notebook"}, path)
        return asyncio.run(saved) if asyncio.iscoroutine(saved) else saved

    def test_a_failed_save_is_reported_and_raised_and_the_next_good_one_is_reported(self):
        for make in (FailingManager, AsyncFailingManager):
            reporter = RecordingReporter()
            manager = self.watched(make(), reporter)
            self.assertEqual(self.save(manager), {"type": "notebook"})
            self.assertEqual(reporter.reports, [], "what always worked is nothing new")
            manager.error = DISK_FULL
            for _ in range(3):
                with self.assertRaisesRegex(RuntimeError, "as jupyter_server does"):
                    self.save(manager)
            manager.error = None
            self.save(manager)
            self.save(manager)
            path = "/home/alice/a.ipynb"
            self.assertEqual(reporter.reports, [(path, "disk-full"), (path, None)])

    def test_a_fault_of_the_reporter_reaches_no_save(self):
        for make in (FailingManager, AsyncFailingManager):
            manager = self.watched(make(), RecordingReporter(broken=True))
            manager.error = DISK_FULL
            with self.assertRaisesRegex(RuntimeError, "as jupyter_server does"):
                self.save(manager)
            manager.error = None
            self.assertEqual(self.save(manager), {"type": "notebook"})
        self.assertIn("was not noted", self.log.lines[0])

    def test_a_failure_is_reported_again_after_a_while_and_another_at_once(self):
        reporter = RecordingReporter()
        noted = saves.Saves(reporter, "/home/alice", self.logger, clock=lambda: self.now)
        noted.note("a.ipynb", DISK_FULL)
        self.now += saves.AGAIN / 2
        noted.note("a.ipynb", DISK_FULL)
        noted.note("a.ipynb", OSError(errno.EIO, "broken"))
        self.now += saves.AGAIN
        noted.note("a.ipynb", OSError(errno.EIO, "broken"))
        reasons = [reason for _, reason in reporter.reports]
        self.assertEqual(reasons, ["disk-full", "disk-fails", "disk-fails"])

    def test_errors_have_their_reasons(self):
        for error, reason in [
            (DISK_FULL, "disk-full"),
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

    def test_remembered_failures_are_bounded(self):
        noted = saves.Saves(RecordingReporter(), "/home/alice", self.logger)
        for n in range(2 * saves.MAX_FAILING):
            noted.note(f"{n}.ipynb", DISK_FULL)
        self.assertEqual(len(noted._failing), saves.MAX_FAILING)

    def test_a_manager_without_a_folder_is_left_alone(self):
        manager = FailingManager()
        manager.root_dir = None
        saves.watch(manager, RecordingReporter(), self.logger)
        self.assertNotIn("save", vars(manager))


class ReportedSavesTest(unittest.TestCase):
    def test_failing_saves_are_reported_beside_saves_and_in_order(self):
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
class FullDiskTest(unittest.TestCase):
    def test_a_full_disk_and_its_end_are_reported(self):
        server = Service()
        self.addCleanup(server.stop)
        jupyter = JupyterServer(environment_of("alice", server.url), around=MOUNT_SMALL_HOME)
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
