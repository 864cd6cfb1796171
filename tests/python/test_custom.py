"""custom.css and custom.js: which are handed out, and to whom."""

import json
import logging
import os
import pathlib
import shutil
import tempfile
import unittest

from support import HAS_JUPYTER, JupyterServer, LogLines

from pipalhub_singleuser.custom import MAX_BYTES, Custom

NOBODY = 65534


class CustomTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.lines = LogLines()
        log = logging.Logger("test")
        log.addHandler(self.lines)
        self.custom = Custom(str(self.folder / "custom"), log)

    def write(self, name, content):
        (self.folder / "custom").mkdir(exist_ok=True)
        (self.folder / "custom" / name).write_bytes(content)

    def refused(self, words):
        """What is refused is named once in the log, however often it is asked for."""
        for _ in range(2):
            self.assertEqual(self.custom.read(), {})
        self.assertEqual(len(self.lines.lines), 1, self.lines.lines)
        self.assertIn("custom.css is not loaded: " + words, self.lines.lines[0])

    def test_what_is_there_is_read_and_nothing_else(self):
        self.assertEqual(self.custom.read(), {})
        self.write("custom.css", b"")
        self.write("other.js", b"1")
        self.assertEqual(self.custom.read(), {})
        self.write("custom.css", b"\xef\xbb\xbfbody { color: red }")
        self.assertEqual(self.custom.read(), {"css": "body { color: red }"})
        # A change is there at the next look.
        self.write("custom.js", "let ü = 1".encode())
        self.write("custom.css", b"a")
        self.assertEqual(self.custom.read(), {"css": "a", "js": "let ü = 1"})
        self.assertEqual(self.lines.lines, [])

    def test_a_file_is_bounded(self):
        self.write("custom.css", b"x" * MAX_BYTES)
        self.assertEqual(len(self.custom.read()["css"]), MAX_BYTES)
        self.write("custom.css", b"x" * (MAX_BYTES + 1))
        self.refused("it has more than")

    def test_what_is_no_text_is_refused(self):
        self.write("custom.css", b"\xff")
        self.refused("it is not UTF-8")

    def test_what_is_no_file_is_refused(self):
        (self.folder / "custom").mkdir()
        os.mkfifo(self.folder / "custom" / "custom.css")
        self.refused("it is no file")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_what_the_participant_could_change_is_refused(self):
        self.folder.chmod(0o755)
        self.write("custom.css", b"a")
        custom = self.folder / "custom"
        file = custom / "custom.css"

        for path, mode in [(file, 0o644), (custom, 0o755)]:
            path.chmod(mode)
        self.assertEqual(self.read_as_nobody(), [{"css": "a"}, []])
        for path, mode, usual in [(file, 0o646, 0o644), (custom, 0o777, 0o755)]:
            path.chmod(mode)
            texts, lines = self.read_as_nobody()
            self.assertEqual(texts, {}, path)
            self.assertIn("the user of this server can change it", lines[0])
            path.chmod(usual)

    def read_as_nobody(self):
        """What a server of another user hands out, and its log."""
        end, begin = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                os.write(begin, json.dumps([self.custom.read(), self.lines.lines]).encode())
            finally:
                os._exit(0)
        os.close(begin)
        os.waitpid(child, 0)
        with open(end, "rb") as said:
            return json.load(said)


@unittest.skipUnless(HAS_JUPYTER, "jupyter_server is not installed")
class CustomInJupyterServer(unittest.TestCase):
    def test_it_is_served_to_who_is_signed_in_also_without_a_service(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        jupyter = JupyterServer({"PIPALHUB_CUSTOM": str(folder)})
        self.addCleanup(jupyter.stop)
        self.assertEqual(jupyter.request("GET", "pipalhub/custom"), {})
        (folder / "custom.js").write_text("1")
        self.assertEqual(jupyter.request("GET", "pipalhub/custom"), {"js": "1"})
        jupyter.TOKEN = "wrong"
        with self.assertRaisesRegex(AssertionError, "403"):
            jupyter.request("GET", "pipalhub/custom")


if __name__ == "__main__":
    unittest.main()
