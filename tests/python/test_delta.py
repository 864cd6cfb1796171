"""What is sent of a notebook that was sent before."""

import random
import unittest
import zlib
from unittest import mock

import support  # noqa: F401, it finds the package

from pipalhub_singleuser import delta


def put_together(base, found, middle):
    return base[: found.prefix] + middle + base[len(base) - found.suffix :]


class Delta(unittest.TestCase):
    def check(self, base, content):
        found = delta.between(base, content)
        self.assertLessEqual(found.prefix + found.suffix, min(len(base), len(content)))
        middle = zlib.decompress(delta.deflated(found.middle), wbits=-15)
        self.assertEqual(middle, found.middle)
        self.assertEqual(put_together(base, found, middle), content)
        return found

    def test_any_content_comes_of_any_base(self):
        chance = random.Random(1)
        with mock.patch.object(delta, "PIECE", 4):
            for _ in range(5000):
                base, content = (
                    bytes(chance.choices(b"ab", k=chance.randrange(24))) for _ in range(2)
                )
                found = self.check(base, content)
                # No byte more is the same on either side.
                most = min(len(base), len(content)) - found.prefix - found.suffix
                if most:
                    self.assertNotEqual(base[found.prefix], content[found.prefix])
                    last = -1 - found.suffix
                    self.assertNotEqual(base[last], content[last])

    def test_a_change_in_a_large_notebook_is_all_that_is_sent(self):
        chance = random.Random(2)
        base = bytes(chance.choices(range(256), k=500_000))
        for at in [0, 1, 65_535, 65_536, 65_537, 250_000, 499_999, 500_000]:
            for removed, put in [(0, b"!new!"), (1, b""), (300, b"!other!")]:
                content = base[:at] + put + base[at + removed :]
                self.assertLessEqual(len(self.check(base, content).middle), len(put) + 2)

    def test_the_same_has_no_middle(self):
        for content in [b"", b"a", b"ab" * 100_000]:
            found = self.check(content, content)
            self.assertEqual(len(found.middle), 0)
            self.assertEqual(found.prefix, len(content))

    def test_what_is_whole_needs_no_base(self):
        for content in [b"", b"a" * 1_000_000]:
            found = delta.whole(content)
            middle = zlib.decompress(delta.deflated(found.middle), wbits=-15)
            self.assertEqual(put_together(b"", found, middle), content)


if __name__ == "__main__":
    unittest.main()
