"""Reports saved and deleted notebooks, and saves that fail, to the service in the background.

It can neither fail nor delay a save: `note` only puts one entry into a dictionary, and a thread
sends it: of a save the content (`push`), of all else, and where the service takes no content, the
event. While the service is away the newest event of each notebook is kept, and sent when it is
back. A refused event is dropped, and one that is not accepted now is sent again after a separate
pause, so that neither delays the others. The log gets one line when the service is lost, one when
it is back, and one for each kind of refusal.

It needs only Python's standard library and no event loop, because the hook has none.
"""

import datetime
import http.client
import logging
import os
import threading
import time

from .answers import ABSENT, AWAY, DONE, NOT_NOW, REFUSED, meaning_of, remedy_of
from .backoff import Backoff
from .connection import Connection
from .ledger import Ledger
from .pace import Pace
from .pending import Pending
from .push import CannotRead, Gone, NotThere, Pusher, can_be_named
from .service import Service
from .walk import is_notebook

SAVE = "save-notebook"
DELETE = "delete-notebook"
# Whether saves of a notebook fail: this state is reported in addition to saves and deletions.
FAILED = "save-failed"
WORKS = "save-works"

# How many events are kept while the service is away; beyond it the oldest are dropped, and
# their notebooks are reported again with the next save.
MAX_PENDING = 1000
# Of how many notebooks it is remembered when the service took them last.
MAX_RECEIVED = 1000
# How many of those are remembered that the service asks for.
MAX_WANTED = 2000
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
# Seconds after which a service that took no contents is tried with some again.
NO_PUSH_DELAY = 600
# The longest pause between two pushes of a notebook that the service can ask for, in seconds.
MAX_PACE = 300

# What is pending of a notebook: what happened to it, whether its saves fail, and that the
# service asks for it.
HAPPENED = "happened"
SAVING = "saving"
WANTED = "wanted"


class Reporter:
    """Keeps the newest event of each notebook and sends them from its own thread."""

    def __init__(self, service, home=None, log=None):
        self.log = log or logging.getLogger("pipalhub_singleuser")
        self._service = service
        self._home = home or os.path.expanduser("~")
        # By path and what it is about, oldest first. Whoever touches them holds the
        # condition, and nobody does anything slow while holding it.
        self._pending = Pending(MAX_PENDING, FIRST_DELAY, ABSENT_DELAY)
        # What the service asks for is sent when nothing else is to be: saves come first.
        self._wanted = Pending(MAX_WANTED, FIRST_DELAY, ABSENT_DELAY)
        # When the service last took a save of a notebook, by filename; the oldest first.
        self._received = {}
        # Until when the service would have no push of a notebook, by path.
        self._held = {}
        self._last_time = None
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._backoff = Backoff(FIRST_DELAY, MAX_DELAY)
        self._pace = Pace(PACE, BURST)
        self._connection = Connection(service)
        # What the service has; the inventory looks there too.
        self.ledger = Ledger()
        self._pusher = Pusher(service, self._connection, self.ledger, lambda: TIMEOUT)
        # Whether the service has taken contents, and from when on it is tried with them.
        self._takes_contents = False
        self._push_from = 0
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

        Its name in the class is its path below the server's folder `root`, or below the
        participant's home when it is elsewhere.
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
            # Named servers of one participant may have files of the same name.
            **({"server": self._service.server} if self._service.server else {}),
            "filename": _below(path, root, self._home),
            "path": path,
        }

    def want(self, filenames, root):
        """Remembers that the service asks for these, which are below the folder `root`."""
        for filename in filenames:
            path = os.path.abspath(os.path.join(root, filename))
            event = self._event(SAVE, path, root)
            with self._changed:
                if self._pending.event((path, HAPPENED)) is None:
                    self._wanted.put((path, WANTED), event, self._held.get(path, 0))
                    self._changed.notify()

    def _time_of_saving(self):
        """The time, later with each call even when the clock is set back."""
        now = datetime.datetime.now(datetime.timezone.utc)
        with self._changed:
            if self._last_time is not None and now <= self._last_time:
                now = self._last_time + datetime.timedelta(microseconds=1)
            self._last_time = now
        return now.isoformat()

    def _add(self, event):
        path = event["path"]
        with self._changed:
            # What is deleted is told at once, whatever the pace of its saves.
            held = self._held.get(path, 0) if event["type"] == SAVE else 0
            dropped = self._pending.put(_key(event), event, held)
            if event["type"] in (SAVE, DELETE):
                self._wanted.drop((path, WANTED))
            self._changed.notify()
        if dropped:
            self._warn_once("full", "too many unsent events, the oldest are dropped")

    def pending(self):
        """How many events are not sent yet."""
        with self._changed:
            return len(self._pending)

    def saves(self):
        """When the service last took a save, in seconds since the Unix epoch, by filename; and the
        filenames of saves that are not sent yet.
        """
        with self._changed:
            saves = [event for event in self._pending.events() if event["type"] == SAVE]
            return dict(self._received), {event["filename"] for event in saves}

    def close(self, timeout=TIMEOUT):
        """Ends the thread; events that were not sent are dropped."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self):
        while (one := self._next()) is not None:
            self._closed.wait(self._report(*one))
        self._connection.close()

    def _next(self):
        """Waits for an event that is due; None when the reporter is closed."""
        with self._changed:
            while not self._closed.is_set():
                key, event, wait = self._pending.next()
                if event is not None:
                    return key, event
                key, event, wait_for_wanted = self._wanted.next()
                if event is not None:
                    return key, event
                waits = [seconds for seconds in (wait, wait_for_wanted) if seconds is not None]
                self._changed.wait(min(waits, default=None))
            return None

    def _queue(self, key):
        return self._wanted if key[1] == WANTED else self._pending

    def _report(self, key, event):
        """Sends one; returns the seconds to wait before the next one."""
        try:
            answer = self._tell(key, event)
        except Gone:
            # Its deletion is told by itself.
            return self._settled(key, event)
        except CannotRead as error:
            return self._unread(key, str(error))
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
        else:
            self._note_received(event)
        self._hold(key, answer.body.get("pace_ms"))
        self._not_taken.clear()
        self._said.clear()
        if self._backoff.succeeded():
            # It may be another one, that knows nothing.
            self.ledger.doubt()
            self.log.info("PipalHub is back, saves are reported again")
        return self._settled(key, event)

    def _tell(self, key, event):
        """The answer to one; raises what it does not come to."""
        kind = event.get("type")
        if kind == SAVE and time.monotonic() >= self._push_from and _is_placed(event):
            try:
                answer = self._pusher.push(event["filename"], event["path"])
                self._takes_contents |= meaning_of(answer.status) == DONE
                return answer
            except Gone:
                # What takes contents has no use for a save of nothing.
                if self._takes_contents:
                    raise
            except NotThere:
                self._takes_contents = False
                if key[1] != WANTED:
                    return self._post_instead(event)
        if key[1] == WANTED:
            raise Gone
        return self._post(event)

    def _post_instead(self, event):
        answer = self._post(event)
        # What is not there at all is asked to take contents again as soon as it is.
        if meaning_of(answer.status) != ABSENT:
            self._push_from = time.monotonic() + NO_PUSH_DELAY
        return answer

    def _post(self, event):
        answer = self._connection.ask("POST", "events", event, TIMEOUT)
        if event.get("type") == DELETE and meaning_of(answer.status) == DONE:
            self._pusher.forget(event["path"])
        return answer

    def _note_received(self, event):
        filename, kind = event["filename"], event["type"]
        if kind not in (SAVE, DELETE):
            return
        with self._changed:
            self._received.pop(filename, None)
            if kind == SAVE:
                self._received[filename] = time.time()
            if len(self._received) > MAX_RECEIVED:
                del self._received[next(iter(self._received))]

    def _hold(self, key, pace_ms):
        """The service would have the next push of this notebook in so many milliseconds."""
        if not isinstance(pace_ms, int) or pace_ms <= 0:
            return
        now = time.monotonic()
        path, _ = key
        with self._changed:
            if len(self._held) >= MAX_PENDING:
                self._held = {path: held for path, held in self._held.items() if held > now}
            held = self._held[path] = now + min(pace_ms / 1000, MAX_PACE)
            key = (path, HAPPENED)
            newer = self._pending.event(key)
            if newer is not None and newer["type"] == SAVE:
                self._pending.hold(key, held)

    def _settled(self, key, event):
        with self._changed:
            self._queue(key).settle(key, event)
        return self._pace.sent()

    def _unread(self, key, why):
        """A file that cannot be read: the others go on, and it is tried again."""
        with self._changed:
            self._queue(key).put_off(key)
        self._warn_once(
            ("unread", why), "%s cannot be read (%s); it is tried again", ascii(key[0]), why
        )
        return self._pace.sent()

    def _not_now(self, key, why, retry_after=None):
        """Delays an event that was not accepted; after several in a row, pauses all."""
        if len(self._not_taken) < SEVERAL:
            self._not_taken.add(key)
        if len(self._not_taken) == SEVERAL:
            return self._away(key, why, retry_after)
        with self._changed:
            self._queue(key).put_off(key, retry_after)
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
            self._queue(key).put_last(key)
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
    return event["path"], SAVING if event["type"] in (FAILED, WORKS) else HAPPENED


def _is_placed(event):
    return can_be_named(event["filename"])


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
