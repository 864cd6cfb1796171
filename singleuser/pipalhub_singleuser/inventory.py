"""Tells the service which notebooks there are, `POST /api/copies/inventory`, from its own thread.

Saves are pushed when they happen; this is for all that comes and goes by another way: git,
nbgitpuller, `cp`, a folder that is renamed, a file that is deleted, a service that has lost what
it had. The service names what it wants of it, which the reporter then pushes.

A notebook's content is read when it has changed since the service had it, one after the other,
with rests in between, so that neither a save nor a push waits for it.
"""

import hashlib
import http.client
import json
import os
import random
import threading
import time

from . import content
from .answers import ABSENT, DONE, REFUSED, meaning_of
from .backoff import Backoff
from .connection import Connection
from .ledger import Known
from .reporter import DELETE
from .walk import notebooks_below

# Seconds between two looks, and of the rest after one that takes long: so many times as long.
INTERVAL = 60
REST = 20
# Seconds after which it is told though nothing differs: the service may have lost what it had.
AGAIN = 600
# At least so many seconds are between two looks, whatever happens.
SHORTEST = 10
# A class's servers start together.
FIRST_DELAY = 3
# Seconds until a service is asked again that takes no inventory, or refuses it.
NOT_THERE_DELAY = 600
TIMEOUT = 30
# How many notebooks are told, and in how many bytes: the newest.
MAX_FILES = 2000
MAX_BYTES = 1024 * 1024


class Inventory:
    """What there is below the server's folder, told when it differs from what was told."""

    def __init__(self, service, reporter, root, log, home=None):
        self._service = service
        self._reporter = reporter
        self._ledger = reporter.ledger
        self._root = os.path.abspath(root)
        self._folder = self._folder_of_walk(home or os.path.expanduser("~"))
        self._log = log
        self._connection = Connection(service)
        self._backoff = Backoff(1, 60)
        # By path: the Known of what was read.
        self._hashes = {}
        self._told_at = None
        self._has_warned = False
        self._woken = threading.Event()
        self._closed = False
        self._ledger.on_doubt(self.soon)
        self._thread = threading.Thread(
            target=self._run, name="pipalhub_singleuser inventory", daemon=True
        )

    def _folder_of_walk(self, home):
        """The server's folder, or the home where that is far above: never a whole machine."""
        home = os.path.abspath(home)
        return home if home.startswith(os.path.join(self._root, "")) else self._root

    def start(self):
        """Begins to look."""
        self._thread.start()

    def soon(self):
        """Something has happened of which no save tells."""
        self._woken.set()

    def close(self, timeout=None):
        """Ends the thread."""
        self._closed = True
        self._woken.set()
        self._thread.join(timeout)

    def _run(self):
        self._woken.wait(FIRST_DELAY * random.uniform(0.3, 1))
        while not self._closed:
            # Before the look: what happens during it may be missed by it, and is looked for after.
            self._woken.clear()
            try:
                pause = self._look()
            except Exception:
                # A fault of ours. What is saved is pushed all the same.
                self._log.exception("PipalHub: the inventory was not told")
                pause = NOT_THERE_DELAY
            shortest = min(SHORTEST, pause)
            if not self._closed:
                time.sleep(shortest)
                self._woken.wait(pause - shortest)
        self._connection.close()

    def _look(self):
        """Looks once; returns the seconds until the next time."""
        begun = time.monotonic()
        found = self._found()
        pause = max(INTERVAL, REST * (time.monotonic() - begun))
        is_doubtful = self._ledger.take_doubt()
        is_due = self._told_at is None or begun - self._told_at >= AGAIN
        if not (is_doubtful or is_due or self._differs(found)):
            return pause
        answer = self._tell(found)
        if answer is None:
            # What was in doubt still is.
            self._told_at = None
            return self._backoff.failed()
        meaning = meaning_of(answer.status)
        if meaning == DONE:
            self._backoff.succeeded()
            self._told_at = begun
            pace_ms = answer.body.get("pace_ms")
            return max(pause, pace_ms / 1000 if isinstance(pace_ms, int) else 0)
        self._told_at = None
        if answer.status in (404, 405) or meaning == REFUSED:
            if meaning == REFUSED and not self._has_warned:
                self._has_warned = True
                self._log.warning(
                    "PipalHub refuses to be told which notebooks there are (HTTP %s%s). What "
                    "is saved is pushed all the same",
                    answer.status,
                    f": {answer.said}" if answer.said else "",
                )
            return NOT_THERE_DELAY
        return self._backoff.failed(answer.retry_after, 60 if meaning == ABSENT else None)

    def _found(self):
        """What there is, by names below the server's folder, and whether that is all."""
        found = notebooks_below(self._folder)
        stamps = {
            self._name(os.path.join(self._folder, name)): stamp
            for name, stamp in found.stamps.items()
        }
        # What was pushed is told wherever it lies: in a hidden folder, or above the home.
        for path in self._ledger.paths():
            name = self._name(path)
            if name is None or name in stamps:
                continue
            try:
                stamps[name] = content.Stamp.of(os.stat(path))
            except OSError:
                continue
        return found._replace(
            stamps=stamps, is_complete=found.is_complete and self._folder == self._root
        )

    def _name(self, path):
        root = os.path.join(self._root, "")
        return path[len(root) :] if path.startswith(root) else None

    def _path(self, name):
        return os.path.join(self._root, name)

    def _differs(self, found):
        """Whether the service has something else than what was found."""
        for name, stamp in found.stamps.items():
            known = self._ledger.get(self._path(name))
            if known is None or known.stamp != stamp:
                return True
        return bool(self._gone(found))

    def _gone(self, found):
        """The paths of what the service has and is not there any more."""
        names = ((self._name(path), path) for path in self._ledger.paths())
        return [path for name, path in names if name is not None and name not in found.stamps]

    def _tell(self, found):
        """The answer, None where there is none."""
        newest = sorted(found.stamps, key=lambda name: found.stamps[name], reverse=True)
        files = []
        size = 200
        is_complete = found.is_complete and len(newest) <= MAX_FILES
        for name in newest[:MAX_FILES]:
            if self._closed:
                return None
            file = self._file(name, found.stamps[name])
            if file is None:
                continue
            size += len(json.dumps(file)) + 2
            if size > MAX_BYTES:
                is_complete = False
                break
            files.append(file)
        gone = self._gone(found)
        said = {"server": self._service.server, "complete": is_complete, "files": files}
        try:
            answer = self._connection.ask("POST", "api/copies/inventory", said, TIMEOUT)
        except (OSError, http.client.HTTPException):
            return None
        if meaning_of(answer.status) == DONE:
            self._acknowledged(files, gone, is_complete, answer.body.get("wanted"))
        return answer

    def _file(self, name, stamp):
        """What is told of one, None when it has gone meanwhile or cannot be read now."""
        path = self._path(name)
        known = self._ledger.get(path)
        if known is None or known.stamp != stamp:
            known = self._hashes.get(path)
        if known is None or known.stamp != stamp:
            begun = time.monotonic()
            try:
                known = _read(path)
            except FileNotFoundError:
                return None
            except OSError:
                # It is there, and not gone.
                known = Known(stamp, None, stamp.size)
            # As long a rest as reading took.
            time.sleep(min(time.monotonic() - begun, 1))
        self._hashes[path] = known
        return {"filename": name, "size": known.size, "sha256": known.sha256}

    def _acknowledged(self, files, gone, is_complete, wanted):
        wanted = wanted if isinstance(wanted, list) else []
        told = {file["filename"] for file in files}
        wanted = [name for name in wanted if isinstance(name, str) and name in told]
        for name in told.difference(wanted):
            path = self._path(name)
            if path in self._hashes:
                self._ledger.put(path, self._hashes[path])
        # Only what was read is kept, and only of what there is.
        self._hashes = {
            path: known for path, known in self._hashes.items() if self._name(path) in told
        }
        for path in gone:
            self._ledger.forget(path)
            if not is_complete:
                # The service takes nothing for gone by such a list.
                self._reporter.note(DELETE, path, self._root)
        self._reporter.want(wanted, self._root)


def _read(path):
    read = content.read(path)
    if read.data is None:
        return Known(read.stamp, None, read.stamp.size)
    return Known(read.stamp, hashlib.sha256(read.data).hexdigest(), len(read.data))
