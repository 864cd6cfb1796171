"""Tells the service of notebooks that were saved, not saved or deleted, in the background.

What it promises the participant: it can neither fail nor delay a save. `note` does nothing
but put one entry into a dictionary; a thread of its own sends it. While the service is away
the newest event of each notebook is kept and sent when it is back. The log gets one line
when the service is lost and one when it is found again.

It needs nothing that is not in Python's standard library, and no event loop, since the
hook has none to offer.
"""

import datetime
import json
import logging
import os
import threading
import urllib.error
import urllib.request
from collections import OrderedDict

from .backoff import Backoff
from .pace import Pace
from .service import Service

SAVE = "save-notebook"
DELETE = "delete-notebook"
# Whether saves of a notebook fail: what holds since is told beside what happened.
FAILED = "save-failed"
WORKS = "save-works"

# How many notebooks are remembered while the service is away; beyond it the oldest
# are forgotten, and shown again with their next save.
MAX_PENDING = 1000
# Seconds the thread waits for the service to answer.
TIMEOUT = 10
# Seconds between two events: what the service takes from one participant for long. What is
# saved more often than that is sent once, as it was last.
PACE = 0.1
# How many may be sent at once: all that somebody had open when the service came back. The
# service takes fifty.
BURST = 40
# Seconds between attempts while the service is away, but for what Retry-After adds.
FIRST_DELAY = 0.2
MAX_DELAY = 2.5


class Reporter:
    """Keeps the newest event of each notebook and sends them from its own thread."""

    def __init__(self, service, home=None, log=None):
        self.log = log or logging.getLogger("pipalhub_singleuser")
        self._service = service
        self._home = home or os.path.expanduser("~")
        # By path and what it is about, oldest first. Whoever touches it holds the
        # condition, and nobody does anything slow while holding it.
        self._pending = OrderedDict()
        self._last_time = None
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._backoff = Backoff(FIRST_DELAY, MAX_DELAY)
        self._pace = Pace(PACE, BURST)
        self._warned = set()
        # No proxy of the environment and no redirect is followed: the token must not
        # travel anywhere else.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect()
        )
        self._thread = threading.Thread(
            target=self._run, name="pipalhub_singleuser", daemon=True
        )
        self._thread.start()

    def note(self, kind, path, root=None):
        """Remembers what happened to the notebook at `path`, absolute.

        Its name in the class is its path below the participant's home, or below the
        server's folder `root` when it is elsewhere.
        """
        path = os.path.abspath(path)
        if not is_notebook(path):
            return
        self._add(self._event(kind, path, root))

    def note_saving(self, path, reason=None, root=None):
        """Remembers that saves of the notebook at `path` fail, with the name of the reason,
        or that they do not any more.
        """
        path = os.path.abspath(path)
        if not is_notebook(path):
            return
        event = self._event(FAILED if reason else WORKS, path, root)
        if reason:
            event["reason"] = reason
        # What is told first may arrive last.
        event["timestamp"] = self._time_of_saving()
        self._add(event)

    def _event(self, kind, path, root):
        return {
            "type": kind,
            "user": self._service.user,
            "filename": _below(path, self._home, root),
            "path": path,
        }

    def _time_of_saving(self):
        """The time, later with each call whatever is done to the clock."""
        now = datetime.datetime.now(datetime.timezone.utc)
        with self._changed:
            if self._last_time is not None and now <= self._last_time:
                now = self._last_time + datetime.timedelta(microseconds=1)
            self._last_time = now
        return now.isoformat()

    def _add(self, event):
        key = _key(event)
        with self._changed:
            self._pending[key] = event
            self._pending.move_to_end(key)
            dropped = len(self._pending) > MAX_PENDING
            if dropped:
                self._pending.popitem(last=False)
            self._changed.notify()
        if dropped:
            self._warn_once("full", "too many unsent events, the oldest are dropped")

    def pending(self):
        """How many notebooks have news that is not sent yet."""
        with self._changed:
            return len(self._pending)

    def close(self, timeout=TIMEOUT):
        """Ends the thread; what has not been sent is forgotten."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self):
        while (event := self._next()) is not None:
            try:
                delay = self._send(event)
            except Exception as error:
                # Nothing may end this thread: whatever it was, it is tried again.
                delay = self._failed(type(error).__name__)
            self._settle(event, sent=delay is None)
            self._closed.wait(self._pace.sent() if delay is None else delay)

    def _next(self):
        """Waits for an event; None when it is closed."""
        with self._changed:
            while not self._pending and not self._closed.is_set():
                self._changed.wait()
            if self._closed.is_set():
                return None
            return next(iter(self._pending.values()))

    def _settle(self, event, sent):
        with self._changed:
            # A newer event of the same notebook stays and is sent in its turn.
            key = _key(event)
            if self._pending.get(key) is not event:
                return
            if sent:
                del self._pending[key]
            else:
                # Behind the others, so that one bad event cannot block them.
                self._pending.move_to_end(key)

    def _send(self, event):
        """Posts one event; returns None when done with it, else seconds to wait."""
        request = urllib.request.Request(
            self._service.address("events"),
            data=json.dumps(event).encode(),
            headers=self._service.headers(),
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            status = error.code
            if 400 <= status < 500 and status not in (401, 403, 408, 429):
                # Sending it again would be refused again.
                self._warn_once(status, "the service refuses events: HTTP %s", status)
                return None
            return self._failed(f"HTTP {status}", error.headers.get("Retry-After"))
        if self._backoff.succeeded():
            self.log.info("PipalHub is back, saves are reported again")
        return None

    def _failed(self, why, retry_after=None):
        # One that was closed while it waited for an answer has nothing to say any more.
        if self._backoff.failures == 0 and not self._closed.is_set():
            self.log.warning(
                "PipalHub cannot be told of saves (%s): they are kept until it can. "
                "Saving works as ever",
                why,
            )
        return self._backoff.failed(retry_after)

    def _warn_once(self, key, message, *args):
        if key not in self._warned:
            self._warned.add(key)
            self.log.warning("PipalHub: " + message, *args)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


def _key(event):
    return event["path"], event["type"] in (FAILED, WORKS)


def is_notebook(path):
    """Leaves out checkpoints and the halves of Jupyter's own writing."""
    return (
        path.endswith(".ipynb")
        and not os.path.basename(path).startswith(".~")
        and ".ipynb_checkpoints" not in path.split(os.sep)
    )


def _below(path, *folders):
    for folder in filter(None, folders):
        folder = os.path.join(os.path.abspath(folder), "")
        if path.startswith(folder):
            return path[len(folder) :]
    return path


_shared = None
_shared_lock = threading.Lock()


def shared():
    """The one reporter of this server, or None when there is nobody to report to."""
    global _shared
    with _shared_lock:
        if _shared is None:
            service = Service.from_environment()
            if service is not None:
                _shared = Reporter(service)
        return _shared


def close_shared():
    """Ends it; the next one who asks begins anew."""
    global _shared
    with _shared_lock:
        reporter, _shared = _shared, None
    if reporter is not None:
        reporter.close()
