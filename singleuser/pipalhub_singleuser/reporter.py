"""Reports saved and deleted notebooks, and saves that fail, to the service in the background.

It can neither fail nor delay a save: `note` only puts one entry into a dictionary, and a thread
sends it. While the service is away the newest event of each notebook is kept, and sent when it
is back. A refused event is dropped, and one that is not accepted now is sent again after a
separate pause, so that neither delays the others. The log gets one line when the service is
lost, one when it is back, and one for each kind of refusal.

It needs only Python's standard library and no event loop, because the hook has none.
"""

import datetime
import http.client
import logging
import os
import threading

from .answers import ABSENT, AWAY, NOT_NOW, REFUSED, meaning_of, remedy_of
from .backoff import Backoff
from .pace import Pace
from .pending import Pending
from .post import post
from .service import Service

SAVE = "save-notebook"
DELETE = "delete-notebook"
# Whether saves of a notebook fail: this state is reported in addition to saves and deletions.
FAILED = "save-failed"
WORKS = "save-works"

# How many events are kept while the service is away; beyond it the oldest are dropped, and
# their notebooks are reported again with the next save.
MAX_PENDING = 1000
# Seconds that the thread waits for an answer.
TIMEOUT = 10
# Seconds between two events on average: the rate that the service accepts from one
# participant. Of more frequent saves only the last is sent.
PACE = 0.1
# How many may be sent at once, such as all open notebooks when the service comes back. The
# service accepts fifty.
BURST = 40
# Seconds between attempts while the service is away, without Retry-After.
FIRST_DELAY = 0.2
MAX_DELAY = 2.5
# The longest pause where the address accepts no events from this server until the configuration
# or token changes, and for an event that is not accepted while others are.
ABSENT_DELAY = 60
# After this many different events in a row that are not accepted, the service is taken to be
# away.
SEVERAL = 3


class Reporter:
    """Keeps the newest event of each notebook and sends them from its own thread."""

    def __init__(self, service, home=None, log=None):
        self.log = log or logging.getLogger("pipalhub_singleuser")
        self._service = service
        self._home = home or os.path.expanduser("~")
        # By path and kind, oldest first. Every access holds the condition, and nothing slow is
        # done while it is held.
        self._pending = Pending(MAX_PENDING, FIRST_DELAY, ABSENT_DELAY)
        self._last_time = None
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._backoff = Backoff(FIRST_DELAY, MAX_DELAY)
        self._pace = Pace(PACE, BURST)
        self._warned = set()
        # The keys of events not accepted since the last success, and the logged reasons.
        self._not_taken = set()
        self._said = set()
        self._thread = threading.Thread(
            target=self._run, name="pipalhub_singleuser", daemon=True
        )
        self._thread.start()

    def note(self, kind, path, root=None):
        """Queues an event for the notebook at `path`, absolute.

        Its filename is its path below the participant's home, or below the server's folder
        `root` when it is outside of the home.
        """
        path = os.path.abspath(path)
        if not is_notebook(path):
            return
        self._add(self._event(kind, path, root))

    def note_saving(self, path, reason=None, root=None):
        """Queues the event that saves of the notebook at `path` fail, with the name of the
        reason, or that they work again.
        """
        path = os.path.abspath(path)
        if not is_notebook(path):
            return
        event = self._event(FAILED if reason else WORKS, path, root)
        if reason:
            event["reason"] = reason
        # The events may arrive in another order.
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
        """The time, later with each call even when the clock is set back."""
        now = datetime.datetime.now(datetime.timezone.utc)
        with self._changed:
            if self._last_time is not None and now <= self._last_time:
                now = self._last_time + datetime.timedelta(microseconds=1)
            self._last_time = now
        return now.isoformat()

    def _add(self, event):
        with self._changed:
            dropped = self._pending.put(_key(event), event)
            self._changed.notify()
        if dropped:
            self._warn_once("full", "too many unsent events, the oldest are dropped")

    def pending(self):
        """How many events are not sent yet."""
        with self._changed:
            return len(self._pending)

    def close(self, timeout=TIMEOUT):
        """Ends the thread; events that were not sent are dropped."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self):
        while (one := self._next()) is not None:
            self._closed.wait(self._report(*one))

    def _next(self):
        """Waits for an event that is due; None when the reporter is closed."""
        with self._changed:
            while not self._closed.is_set():
                key, event, wait = self._pending.next()
                if event is not None:
                    return key, event
                self._changed.wait(wait)
            return None

    def _report(self, key, event):
        """Posts one event; returns the seconds to wait before the next one."""
        try:
            answer = post(
                self._service.address("events"), self._service.headers(), event, TIMEOUT
            )
        except (OSError, http.client.HTTPException) as error:
            return self._away(key, type(error).__name__)
        except Exception as error:
            # A bug here. No exception may end this thread.
            return self._not_now(key, type(error).__name__)
        meaning, why = meaning_of(answer.status), f"HTTP {answer.status}"
        if meaning == ABSENT:
            remedy = remedy_of(answer.status)
            return self._away(key, why, answer.retry_after, remedy, ABSENT_DELAY)
        if meaning == AWAY:
            return self._away(key, why, answer.retry_after)
        if meaning == NOT_NOW:
            return self._not_now(key, why, answer.retry_after)
        if meaning == REFUSED:
            self._say_refused(event, answer)
        return self._settled(key, event)

    def _settled(self, key, event):
        with self._changed:
            self._pending.settle(key, event)
        self._not_taken.clear()
        self._said.clear()
        if self._backoff.succeeded():
            self.log.info("PipalHub is back, saves are reported again")
        return self._pace.sent()

    def _not_now(self, key, why, retry_after=None):
        """Delays an event that was not accepted; after several in a row, pauses all."""
        if len(self._not_taken) < SEVERAL:
            self._not_taken.add(key)
        if len(self._not_taken) == SEVERAL:
            return self._away(key, why, retry_after)
        with self._changed:
            self._pending.put_off(key, retry_after)
        if not self._closed.is_set():
            path, _ = key
            self._warn_once(
                ("not now", why),
                "it did not take news of %s (%s), which is tried again later",
                ascii(path),
                why,
            )
        return self._pace.sent()

    def _away(self, key, why, retry_after=None, remedy="", longest=None):
        """Pauses all events; the event of `key` goes behind the others."""
        with self._changed:
            self._pending.put_last(key)
        return self._pause(why, retry_after, remedy, longest)

    def _pause(self, why, retry_after, remedy="", longest=None):
        # A reporter that was closed meanwhile logs nothing. Otherwise one line is logged per
        # outage, and one more for each reason with a remedy.
        news = self._backoff.failures == 0 or (remedy and why not in self._said)
        if news and not self._closed.is_set():
            self._said.add(why)
            self.log.warning(
                "PipalHub cannot be told of saves (%s): they are kept until it can. %s"
                "Saving works as ever",
                why,
                f"{remedy}. " if remedy else "",
            )
        return self._backoff.failed(retry_after, longest)

    def _say_refused(self, event, answer):
        said = answer.said.rstrip(". ")
        remedy = remedy_of(answer.status)
        self._warn_once(
            answer.status,
            "it refuses to be told of %s (HTTP %s%s), which is not said again. %sOther "
            "notebooks are reported, and saving works as ever; further refusals of this kind "
            "are not logged",
            ascii(event["path"]),
            answer.status,
            f": {said}" if said else "",
            f"{remedy}. " if remedy else "",
        )

    def _warn_once(self, key, message, *args):
        if key not in self._warned:
            self._warned.add(key)
            self.log.warning("PipalHub: " + message, *args)


def _key(event):
    return event["path"], event["type"] in (FAILED, WORKS)


def is_notebook(path):
    """Whether a path is a notebook, and no checkpoint or temporary file of Jupyter."""
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
    """The one reporter of this server, or None without a configured service."""
    global _shared
    with _shared_lock:
        if _shared is None:
            service = Service.from_environment()
            if service is not None:
                _shared = Reporter(service)
        return _shared


def close_shared():
    """Ends the shared reporter; the next call of `shared` makes another."""
    global _shared
    with _shared_lock:
        reporter, _shared = _shared, None
    if reporter is not None:
        reporter.close()
