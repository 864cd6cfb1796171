"""Participants' servers as far as they tell of notebooks: for each a real reporter and a real
inventory of the package in `singleuser/`, in a home of its own; all in one process.

It stands in for nothing but jupyter_server itself: a save writes the file and notes it, as the
extension does. Needs only Python's standard library.
"""

import collections
import logging
import os
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "singleuser"), str(ROOT / "tests" / "python")]

from pipalhub_singleuser import connection, content, inventory, reporter  # noqa: E402
from pipalhub_singleuser.service import Service  # noqa: E402

# The longest that anything here takes, in seconds; only what fails takes so long.
TIMEOUT_S = 600


class Participant:
    """One participant's server."""

    def __init__(self, url, homes, user, server=""):
        self.user = user
        self.server = server
        self.home = os.path.join(homes, user + server)
        os.makedirs(self.home)
        service = Service(url, "token-of-" + user, user, server)
        log = logging.getLogger(f"pipalhub_singleuser of {user}{server}")
        self.reporter = reporter.Reporter(service, self.home, log)
        self.inventory = inventory.Inventory(service, self.reporter, self.home, log, self.home)

    def path(self, filename):
        return os.path.join(self.home, filename)

    def write(self, filename, data, at_once=True):
        """Puts a file there, at once as jupyter_server does, or one half after the other."""
        path = self.path(filename)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not at_once:
            with open(path, "wb") as file:
                file.write(data[: len(data) // 2])
                file.flush()
                file.write(data[len(data) // 2 :])
            return
        part = os.path.join(os.path.dirname(path), ".~" + os.path.basename(path))
        with open(part, "wb") as file:
            file.write(data)
        os.replace(part, path)

    def note(self, filename):
        """A save of it has been heard of."""
        self.reporter.note(reporter.SAVE, self.path(filename), self.home)

    def is_told(self, filename):
        """Whether the service has acknowledged what is on the disk, or that it may not leave."""
        path = self.path(filename)
        known = self.reporter.ledger.get(path)
        return known is not None and known.stamp == content.Stamp.of(os.stat(path))

    def close(self):
        self.reporter.close()
        self.inventory.close()


class RequestLog:
    """All requests of this process to the service, by the second and by what came of them."""

    def __init__(self):
        self._lock = threading.Lock()
        self.clear()
        ask = connection.Connection.ask

        def logged(own, *args, **kwargs):
            try:
                answer = ask(own, *args, **kwargs)
            except BaseException as error:
                self._note(type(error).__name__)
                raise
            self._note(str(answer.status))
            return answer

        connection.Connection.ask = logged

    def _note(self, outcome):
        with self._lock:
            self._outcomes[outcome] += 1
            self._seconds[int(time.monotonic())] += 1

    def clear(self):
        with self._lock:
            self._outcomes = collections.Counter()
            self._seconds = collections.Counter()

    def figures(self):
        """Of the time since it was cleared."""
        with self._lock:
            return {
                "outcomes": dict(self._outcomes),
                "most_per_second": max(self._seconds.values(), default=0),
            }


def wait_until(what, condition):
    """Until it holds."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {TIMEOUT_S} s")
        time.sleep(0.02)
