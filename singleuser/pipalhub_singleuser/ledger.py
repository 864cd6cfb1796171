"""What the service has of each notebook, as far as it has said so.

The reporter writes down what was acknowledged, and the inventory compares it with what there
is, so that a notebook that was pushed is neither read nor listed once more for that.
"""

import threading
from collections import OrderedDict
from typing import NamedTuple, Optional

from .content import Stamp

# How many notebooks are remembered; of others the inventory reads the files again.
MAX_KNOWN = 4000


class Known(NamedTuple):
    """What may leave of a file: its SHA-256, None when nothing may, and its size in bytes."""

    stamp: Stamp
    sha256: Optional[str]
    size: int


class Ledger:
    """By path a Known. Several threads use it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._known = OrderedDict()
        self._is_doubtful = False
        self._listener = lambda: None

    def on_doubt(self, listener):
        """Calls `listener` when there is doubt."""
        self._listener = listener

    def put(self, path, known):
        """The service has this of the notebook at `path`."""
        with self._lock:
            self._known[path] = known
            self._known.move_to_end(path)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)

    def get(self, path):
        """The Known, or None."""
        with self._lock:
            return self._known.get(path)

    def forget(self, path):
        """The service has been told that the notebook is gone."""
        with self._lock:
            self._known.pop(path, None)

    def paths(self):
        """Of all that the service has of this session."""
        with self._lock:
            return list(self._known)

    def doubt(self):
        """The service may have lost what it had: it was away, or does not know a base."""
        with self._lock:
            self._is_doubtful = True
        self._listener()

    def take_doubt(self):
        """Whether there was any since this was asked."""
        with self._lock:
            was_doubtful, self._is_doubtful = self._is_doubtful, False
            return was_doubtful
