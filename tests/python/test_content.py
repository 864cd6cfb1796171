"""What of a notebook leaves the server: nothing of its private cells, all else byte for byte."""

import base64
import json
import os
import pathlib
import random
import re
import tempfile
import unittest
from unittest import mock

from generated import CANARIES, notebook, versions
from support import ROOT

from pipalhub_singleuser import content, private, spelling

VECTORS = ROOT / "shared" / "tests" / "private"
# How many notebooks are made by chance.
GENERATED = int(os.environ.get("PIPALHUB_GENERATED", 2000))


def rest_of(data):
    """What leaves, None when nothing does."""
    try:
        return content.without_private(data)
    except content.Unreadable:
        return None


class Vectors(unittest.TestCase):
    """The same that `shared/tests/private/main.rs` holds the service's cutter to."""

    def test_the_cutter_leaves_what_the_vectors_say(self):
        count = 0
        for path in sorted(VECTORS.glob("*.json")):
            for vector in json.loads(path.read_text("utf-8")):
                with self.subTest(file=path.name, about=vector["about"]):
                    self.check(vector)
                count += 1
        self.assertGreater(count, 100)

    def check(self, vector):
        data = self.bytes_of(vector, "notebook", "base64", None)
        expected = self.bytes_of(vector, "rest", "rest_base64", data)
        rest = rest_of(data)
        self.assertEqual(rest, expected)
        for canary in vector.get("canaries", []):
            self.assertIn(canary.encode(), data)
            self.assertNotIn(canary.encode(), rest or b"")

    def bytes_of(self, vector, name, name_of_base64, otherwise):
        if name_of_base64 in vector:
            return base64.b64decode(vector[name_of_base64])
        text = vector.get(name, otherwise)
        return text.encode() if isinstance(text, str) else text


class QuickLook(unittest.TestCase):
    def test_it_sees_the_tag_through_all_escapes_and_signs(self):
        chance = random.Random(17)
        escapes = [rb"\n", rb"\t", rb"\r", rb"\"", rb"\\\\", rb"\p", rb"\q", rb"\N", rb"\u001b", rb"\u000a",
                   rb"\u000D", rb"\u001", rb"\u", rb"\/", b" ", b"1", b'"', b"-", b"{"]
        for _ in range(GENERATED):
            between = [b"".join(chance.choices(escapes, k=chance.randint(0, 3))) for _ in range(8)]
            letters = [chance.choice([letter, letter.upper()]) for letter in "private"]
            said = between[0] + b"".join(
                letter.encode() + escape for letter, escape in zip(letters, between[1:])
            )
            # What an escape swallows is no letter of the tag.
            seen = re.sub(rb"\\(?:u[0-9a-fA-F]{4}|.)", b"", said, flags=re.DOTALL)
            is_said = b"private" in re.sub(rb"[^a-zA-Z]", b"", seen).lower()
            with self.subTest(said=said):
                self.assertLessEqual(is_said, spelling.may_say_tag(said))


class Generated(unittest.TestCase):
    def test_no_canary_leaves_and_what_has_no_private_cell_is_the_same(self):
        chance = random.Random(16)
        found = 0
        for number in range(GENERATED):
            data, is_private = notebook(chance)
            rest = rest_of(data)
            self.assertIsNotNone(rest, number)
            self.assert_no_canary(rest, number)
            self.assertEqual(rest.count(b"public\\n"), data.count(b"public\\n"), number)
            if not is_private:
                self.assertIs(rest, data)
            json.loads(rest.decode("utf-8-sig", "surrogatepass"))
            found += is_private
        self.assertGreater(found, GENERATED / 3)

    def test_of_a_version_its_marker_leaves_or_nothing(self):
        chance = random.Random(19)
        withheld = 0
        for number in range(GENERATED // 10):
            for saved in versions(chance, number, 3):
                try:
                    rest = content.leaving(saved.data)
                except content.Unreadable:
                    self.assertTrue(saved.is_withheld, number)
                    withheld += 1
                    continue
                self.assertFalse(saved.is_withheld, number)
                self.assertIn(saved.marker.encode(), rest, number)
                self.assert_no_canary(rest, number)
        self.assertGreater(withheld, GENERATED / 100)

    def assert_no_canary(self, rest, about):
        for canary in CANARIES:
            self.assertNotIn(canary, rest, about)

    def test_a_cut_file_with_a_private_cell_does_not_leave(self):
        chance = random.Random(17)
        for number in range(GENERATED // 10):
            data, _ = notebook(chance)
            end = chance.randrange(1, len(data))
            # Where it is hardest to tell too.
            end = chance.choice([end, data.find(b"}", end) + 1 or end])
            try:
                rest = content.leaving(data[:end])
            except content.Unreadable:
                continue
            self.assert_no_canary(rest, number)

    def test_braces_in_a_text_are_no_end_of_a_file(self):
        data = b'{"cells": [{"source": "}}"}]}'
        self.assertIs(content.leaving(data), data)
        for cut in [data[:-2], b'{"cells": [{"source": "}"}', b"x"]:
            with self.assertRaises(content.Unreadable):
                content.leaving(cut)
        self.assertEqual(content.leaving(b" \n"), b" \n")

    def test_a_quick_look_misses_no_tag(self):
        chance = random.Random(18)
        pieces = "p r i v a t e private \\n \\t \\\\ \\\" \\u0070 \\u001b \\uff50 \\ud835\\udc29"
        pieces = [*pieces.split(" "), " ", ",", "ü", "р", "ｐ", "\u200b", "🅿", "x"]
        seen = 0
        for _ in range(20_000):
            text = "".join(chance.choice(pieces) for _ in range(chance.randrange(1, 9)))
            text = text.encode()
            if spelling.has_tag(text):
                seen += 1
                self.assertTrue(content.may_have_private(b'{"tags": "' + text + b'"}'), text)
        self.assertGreater(seen, 500)


class Looking(unittest.TestCase):
    def test_a_tag_is_seen_wherever_a_large_file_is_cut_into_pieces(self):
        for filler in [b"x", b"\n", "ü".encode(), b"\\n"]:
            for before in range(content.PIECE - 60, content.PIECE + 20):
                data = b'"' + filler * (before // len(filler)) + b'", "priv\\u0061te"'
                data += b"y" * 2 * content.PIECE
                self.assertTrue(content.may_have_private(data), (filler, before))

    def test_nearly_every_notebook_is_only_looked_through(self):
        for text in ["", "privat", "prívät", "private: no".replace("a", "x"), "\\u001b[31m"]:
            self.assertFalse(content.may_have_private(text.encode()), text)

    def test_other_threads_go_on_while_a_large_notebook_is_read(self):
        data = json.dumps({"cells": [{"source": ["private\n"] * 10}] * 5000}).encode()
        with mock.patch.object(private, "breathe") as breathe:
            self.assertIs(content.without_private(data), data)
        self.assertGreater(breathe.call_count, 5)


class Reading(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "a.ipynb")

    def test_a_notebook_is_read_as_it_is(self):
        self.path.write_bytes(b'{"cells": []}\n')
        read = content.read(self.path)
        self.assertEqual(read.data, b'{"cells": []}\n')
        self.assertEqual(read.stamp, content.Stamp.of(os.stat(self.path)))
        self.assertIsNone(read.withheld)

    def test_what_is_too_large_is_not_read(self):
        with open(self.path, "wb") as file:
            file.truncate(content.MAX_SIZE + 1)
        with mock.patch.object(content, "without_private", side_effect=AssertionError):
            self.assertEqual(content.read(self.path)[1:], (None, content.TOO_LARGE))

    def test_what_may_hold_a_private_cell_and_cannot_be_read_is_withheld(self):
        self.path.write_bytes(b'{"cells": [{"metadata": {"tags": ["private"]}, "source": "se')
        with mock.patch.object(content, "READ_PAUSE", 0):
            self.assertEqual(content.read(self.path)[1:], (None, content.UNREADABLE))

    def test_a_file_that_is_being_written_is_read_again(self):
        self.path.write_bytes(b'{"cells": [')

        def finish(_):
            self.path.write_bytes(b'{"cells": []}')

        with mock.patch.object(content.time, "sleep", finish):
            self.assertEqual(content.read(self.path).data, b'{"cells": []}')

    def test_a_pipe_and_a_folder_are_no_notebooks(self):
        os.mkfifo(self.path)
        with self.assertRaises(OSError):
            content.read(self.path)
        with self.assertRaises(OSError):
            content.read(self.path.parent)


if __name__ == "__main__":
    unittest.main()
