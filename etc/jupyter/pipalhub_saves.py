"""Tells PipalHub when a participant saves, renames or deletes a notebook.

A jupyter_server extension. What it promises the participant: it can neither fail nor
delay a save. The save path does nothing but put one entry into a dictionary; a thread
of its own sends it. While the service is away the newest event of each notebook is
kept and sent when it is back. The log gets one line when the service is lost and one
when it is found again.

It reads PIPALHUB_URL (set in jupyterhub_config.py; without it nothing is reported), and
what the Hub gives every server: JUPYTERHUB_USER and JUPYTERHUB_API_TOKEN. The token
proves to the service who is reporting; it goes to PIPALHUB_URL only and never into a
log.

Notebooks inside a folder that is renamed or deleted as a whole are not reported from
here: the service's own watcher notices those.

Needs nothing that is not in Python's standard library.
"""

import json
import logging
import os
import random
import threading
import urllib.error
import urllib.request
from collections import OrderedDict

SAVE = "save-notebook"
DELETE = "delete-notebook"

EVENT_SCHEMA = "https://events.jupyter.org/jupyter_server/contents_service/v1"

# How many notebooks are remembered while the service is away; beyond it the oldest
# are forgotten, and shown again with their next save.
MAX_PENDING = 1000
# Seconds the thread waits for the service to answer.
TIMEOUT = 10
# Seconds between attempts: doubled from the first to the second, plus Retry-After.
FIRST_DELAY = 0.2
MAX_DELAY = 2.5
MAX_RETRY_AFTER = 300

log = logging.getLogger("pipalhub_saves")


class Reporter:
    """Keeps the newest event of each notebook and sends them from its own thread."""

    def __init__(self, url, token, user, home=None):
        self._events_url = url.rstrip("/") + "/events"
        self._token = token
        self._user = user
        self._home = home or os.path.expanduser("~")
        # By path, oldest first. Whoever touches it holds the condition, and nobody
        # does anything slow while holding it.
        self._pending = OrderedDict()
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._failures = 0
        self._warned = set()
        # No proxy of the environment and no redirect is followed: the token must not
        # travel anywhere else.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect()
        )
        self._thread = threading.Thread(
            target=self._run, name="pipalhub_saves", daemon=True
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
        event = {
            "type": kind,
            "user": self._user,
            "filename": _below(path, self._home, root),
            "path": path,
        }
        with self._changed:
            self._pending[path] = event
            self._pending.move_to_end(path)
            dropped = len(self._pending) > MAX_PENDING
            if dropped:
                self._pending.popitem(last=False)
            self._changed.notify()
        if dropped:
            self._warn_once("full", "too many unsent events, the oldest are dropped")

    def close(self, timeout=TIMEOUT):
        """Ends the thread; what has not been sent is forgotten."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self):
        while not self._closed.is_set():
            with self._changed:
                while not self._pending and not self._closed.is_set():
                    self._changed.wait()
                event = next(iter(self._pending.values()), None)
            if event is None:
                continue
            try:
                delay = self._send(event)
            except Exception as error:
                # Nothing may end this thread: whatever it was, it is tried again.
                delay = self._failed(type(error).__name__)
            with self._changed:
                # A newer event of the same notebook stays and is sent in its turn.
                if self._pending.get(event["path"]) is event:
                    if delay is None:
                        del self._pending[event["path"]]
                    else:
                        # Behind the others, so that one bad event cannot block them.
                        self._pending.move_to_end(event["path"])
            if delay:
                self._closed.wait(delay)

    def _send(self, event):
        """Posts one event; returns None when done with it, else seconds to wait."""
        request = urllib.request.Request(
            self._events_url,
            data=json.dumps(event).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": "token " + self._token,
            },
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
        if self._failures:
            log.info("PipalHub is back, saves are reported again")
            self._failures = 0
        return None

    def _failed(self, why, retry_after=None):
        # One that was closed while it waited for an answer has nothing to say any more.
        if self._failures == 0 and not self._closed.is_set():
            log.warning(
                "PipalHub cannot be told of saves (%s): they are kept until it can. "
                "Saving works as ever",
                why,
            )
        # Bounded, so that the power below stays small however long it lasts.
        self._failures = min(self._failures + 1, 16)
        delay = min(MAX_DELAY, FIRST_DELAY * 2**self._failures)
        # Spread out: a whole class must not come back in the same instant.
        delay *= random.uniform(0.5, 1)
        try:
            # Its other form, a date, is not worth parsing here.
            asked = float(retry_after)
        except (TypeError, ValueError):
            asked = 0
        return delay + min(max(asked, 0), MAX_RETRY_AFTER)

    def _warn_once(self, key, message, *args):
        if key not in self._warned:
            self._warned.add(key)
            log.warning("PipalHub: " + message, *args)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


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


_reporter = None
_reporter_lock = threading.Lock()


def _shared_reporter():
    """The one reporter of this server, or None when there is nobody to report to."""
    global _reporter
    with _reporter_lock:
        if _reporter is None:
            url = os.environ.get("PIPALHUB_URL")
            token = os.environ.get("JUPYTERHUB_API_TOKEN")
            user = os.environ.get("JUPYTERHUB_USER")
            if url and token and user:
                _reporter = Reporter(url, token, user)
        return _reporter


def _jupyter_server_extension_points():
    return [{"module": "pipalhub_saves"}]


def _load_jupyter_server_extension(app):
    global log
    log = app.log
    reporter = _shared_reporter()
    if reporter is None:
        return

    async def on_contents_event(logger, schema_id, data):
        root = app.contents_manager.root_dir
        action = data["action"]
        if action in ("save", "copy", "upload", "create"):
            reporter.note(SAVE, os.path.join(root, data["path"].lstrip("/")), root)
        elif action == "delete":
            reporter.note(DELETE, os.path.join(root, data["path"].lstrip("/")), root)
        elif action == "rename":
            old = os.path.join(root, data["source_path"].lstrip("/"))
            reporter.note(DELETE, old, root)
            reporter.note(SAVE, os.path.join(root, data["path"].lstrip("/")), root)

    app.event_logger.add_listener(schema_id=EVENT_SCHEMA, listener=on_contents_event)


def post_save_hook(model, os_path, contents_manager, **kwargs):
    """The same for a Hub that is configured by `c.FileContentsManager.post_save_hook`.

    jupyter_server calls it in the middle of a save and fails the save when it raises,
    so it does not. Having the extension on as well does no harm.
    """
    try:
        reporter = _shared_reporter()
        if reporter is not None and model.get("type") == "notebook":
            reporter.note(SAVE, os_path, contents_manager.root_dir)
    except Exception:
        log.exception("PipalHub: the hook did not work; the notebook is saved")
