"""The newest contents that the service has acknowledged, to send the next ones by their delta."""

from collections import OrderedDict

# How much is kept: of so many notebooks, and so many bytes. What was not used for longest goes.
MAX_BASES = 8
MAX_BYTES = 32 * 1024 * 1024


class Bases:
    """By path: the SHA-256 of a content, and its bytes."""

    def __init__(self):
        self._bases = OrderedDict()
        self._bytes = 0

    def get(self, path):
        """`(sha256, bytes)`, or None."""
        if path in self._bases:
            self._bases.move_to_end(path)
        return self._bases.get(path)

    def put(self, path, sha256, content):
        """Replaces what is there for `path`."""
        self.forget(path)
        self._bases[path] = (sha256, content)
        self._bytes += len(content)
        while len(self._bases) > MAX_BASES or self._bytes > MAX_BYTES:
            self.forget(next(iter(self._bases)))

    def forget(self, path):
        """The next content of it is sent as a whole."""
        _, content = self._bases.pop(path, (None, b""))
        self._bytes -= len(content)
