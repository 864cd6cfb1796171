"""Tells the service, once, that the participant has opened a file that was handed out.

The files are remembered while this server runs, and nowhere else: after a restart nothing is
said of those that were written before.
"""

import threading
from collections import OrderedDict

# How many files are remembered.
MAX_FILES = 1000


class Openings:
    """The files that were handed out and not opened yet. `written` may be called from any
    thread, `heard` from the server's loop.
    """

    def __init__(self, receipts):
        self._receipts = receipts
        self._lock = threading.Lock()
        # By the path below the server's folder: the errand.
        self._errands = OrderedDict()

    def written(self, errand_id, filename):
        """Remembers a file; beyond the bound the oldest is forgotten."""
        with self._lock:
            self._errands[filename] = errand_id
            if len(self._errands) > MAX_FILES:
                self._errands.popitem(last=False)

    def heard(self, data):
        """Takes an event of the server's event bus about a file."""
        action = data.get("action")
        if action == "get":
            errand_id = self._take(data["path"])
            if errand_id is not None:
                self._receipts.send(f"api/errands/{errand_id}", "opened")
        elif action == "delete":
            self._take(data["path"])
        elif action == "rename":
            errand_id = self._take(data["source_path"])
            if errand_id is not None:
                self.written(errand_id, data["path"].strip("/"))

    def _take(self, path):
        with self._lock:
            return self._errands.pop(path.strip("/"), None)
