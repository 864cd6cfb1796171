"""Saves in a participant's server are reported: by the hook, and in a real jupyter_server.

The last class needs jupyter_server and is skipped without it:

    python -m unittest discover -s tests/python
"""

import os
import threading
import unittest
from unittest import mock

from support import (
    ETC,
    HAS_JUPYTER,
    TIMEOUT_S,
    TOKEN,
    JupyterServer,
    RawService,
    Service,
    environment_of,
)

import pipalhub_singleuser
from pipalhub_singleuser import reporter as reporter_module


class PostSaveHookTest(unittest.TestCase):
    """For hubs that are configured by post_save_hook."""

    def setUp(self):
        self.manager = mock.Mock(root_dir="/home/alice")
        self.addCleanup(reporter_module.close_shared)

    def hook(self, **model):
        pipalhub_singleuser.post_save_hook(
            model=model, os_path="/home/alice/a.ipynb", contents_manager=self.manager
        )

    def test_the_hook_reports_notebooks_only(self):
        server = Service()
        self.addCleanup(server.stop)
        with mock.patch.dict(os.environ, environment_of("alice", server.url)):
            self.hook(type="file")
            self.hook(type="notebook")
        events = server.wait(lambda events: events)
        self.assertEqual([event["filename"] for event in events], ["a.ipynb"])

    def test_the_hook_does_nothing_without_a_service(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("PIPALHUB_URL", None)
            self.hook(type="notebook")
            self.assertIsNone(reporter_module.shared())

    def test_the_hook_never_raises(self):
        with mock.patch.object(reporter_module, "shared", side_effect=OSError):
            with self.assertLogs("pipalhub_singleuser", "ERROR"):
                self.hook(type="notebook")


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class SavesInJupyterServer(unittest.TestCase):
    """A real server, in which the files of the package alone enable the extension."""

    def start(self, url, config=""):
        jupyter = JupyterServer(environment_of("alice", url), config)
        self.addCleanup(jupyter.stop)
        return jupyter

    def service(self, *args):
        server = Service(*args)
        self.addCleanup(server.stop)
        return server

    def test_a_save_copy_rename_and_deletion_are_reported(self):
        server = self.service()
        jupyter = self.start(server.url)
        for name in ["old", "gone", "kept"]:
            jupyter.save(f"{name}.ipynb")
        jupyter.request("POST", "api/contents/", {"copy_from": "kept.ipynb"})
        jupyter.request("PATCH", "api/contents/old.ipynb", {"path": "new.ipynb"})
        jupyter.request("DELETE", "api/contents/gone.ipynb")
        expected = {
            "old.ipynb": "delete-notebook",
            "new.ipynb": "save-notebook",
            "gone.ipynb": "delete-notebook",
            "kept.ipynb": "save-notebook",
            "kept-Copy1.ipynb": "save-notebook",
        }
        server.wait(
            lambda events: {e["filename"]: e["type"] for e in events} == expected
        )
        self.assertNotIn(TOKEN, jupyter.log())

    def test_a_server_with_hook_and_extension_reports_a_save_once(self):
        held = threading.Event()

        def answer(event):
            held.wait(TIMEOUT_S)
            return 201, {}

        server = self.service(answer)
        hook = ETC / "jupyter_server_config.py"
        jupyter = self.start(server.url, hook.read_text())
        jupyter.save("a.ipynb")
        # Hook and extension have noted the save once the answer to a later one has come.
        jupyter.save("b.ipynb")
        jupyter.save("last.ipynb")
        held.set()
        events = server.wait(
            lambda events: {"a.ipynb", "b.ipynb", "last.ipynb"}
            <= {e["filename"] for e in events}
        )
        # A report that is being sent while its save is noted again is sent once more.
        self.assertLessEqual(len(events), 4)

    def test_saves_work_whatever_the_service_does(self):
        for reply in [b"\x00\xff lorem ipsum\r\n\r\n", b"", None]:
            with self.subTest(reply=reply):
                raw = RawService(reply)
                self.addCleanup(raw.stop)
                jupyter = self.start(raw.url)
                for number in range(20):
                    jupyter.save(f"{number % 3}.ipynb")
                self.assertTrue(raw.seen.acquire(timeout=TIMEOUT_S))


if __name__ == "__main__":
    unittest.main()
