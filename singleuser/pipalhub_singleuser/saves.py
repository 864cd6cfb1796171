"""Notices whether saves succeed, and reports when they begin to fail and when they work again.

jupyter_server emits an event for each successful save and none for a failed one. So the contents
manager's `save` is wrapped: it behaves as before, and its result is noted. Nothing here is slow,
and no error here reaches the save.
"""

import asyncio
import errno
import functools
import inspect
import os
import sqlite3
import time
from collections import OrderedDict

# Why a file cannot be written, by the names of the service; see its SaveProblem.
REASONS = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "quota-used-up",
    errno.EROFS: "read-only",
    errno.EIO: "disk-fails",
    errno.EACCES: "not-allowed",
    errno.EPERM: "not-allowed",
}
# The same in SQLite's messages: Jupyter keeps the signatures of notebooks in a database, in the
# home too.
SQLITE_WORDS = {
    "disk is full": "disk-full",
    "readonly": "read-only",
    "disk i/o": "disk-fails",
}
# How many failing notebooks are kept; beyond it the oldest are dropped.
MAX_FAILING = 1000
# Seconds after which a failure is reported again, for a service that has restarted meanwhile.
AGAIN = 60


class Saves:
    """The notebooks whose last save has failed."""

    def __init__(self, reporter, root, log, clock=time.monotonic):
        self._reporter = reporter
        self._root = root
        self._log = log
        self._clock = clock
        # By path: the reason, and when it was reported.
        self._failing = OrderedDict()

    def succeeded(self, path):
        """A save of `path`, below the server's folder, has succeeded."""
        if self._failing.pop(path, None) is not None:
            self._reporter.note_saving(self._full(path), None, self._root)

    def failed(self, path, error):
        """A save has raised `error`; ignored unless the disk or the database is the cause."""
        reason = reason_of(error)
        if reason is None:
            return
        now = self._clock()
        told, when = self._failing.get(path, (None, 0))
        if told == reason and now - when < AGAIN:
            return
        self._failing[path] = (reason, now)
        self._failing.move_to_end(path)
        if len(self._failing) > MAX_FAILING:
            self._failing.popitem(last=False)
        self._reporter.note_saving(self._full(path), reason, self._root)

    def _full(self, path):
        return os.path.join(self._root, path)

    def note(self, path, error=None):
        """Notes the result of a save; never raises."""
        try:
            path = path.strip("/")
            if error is None:
                self.succeeded(path)
            else:
                self.failed(path, error)
        except Exception:
            self._log.exception("PipalHub: what a save came to was not noted")


def watch(contents_manager, reporter, log):
    """Reports failing saves of this manager, sync or async, to `reporter`."""
    root = getattr(contents_manager, "root_dir", None)
    if not root:
        # This manager keeps its files where the service does not look.
        return
    saves = Saves(reporter, root, log)
    save = contents_manager.save

    @functools.wraps(save)
    def noted(model, path="", *args, **kwargs):
        try:
            saved = save(model, path, *args, **kwargs)
        except Exception as error:
            saves.note(path, error)
            raise
        if inspect.isawaitable(saved):
            return _noted_later(saves, path, saved)
        saves.note(path)
        return saved

    contents_manager.save = noted


async def _noted_later(saves, path, saving):
    try:
        saved = await saving
    except asyncio.CancelledError:
        # The client has disconnected; the result of the save is unknown.
        raise
    except Exception as error:
        saves.note(path, error)
        raise
    saves.note(path)
    return saved


def reason_of(error):
    """Why the save failed, by the first error of the disk or of SQLite in the chain of causes;
    None when there is none.
    """
    for _ in range(10):
        if isinstance(error, OSError):
            return REASONS.get(error.errno, "other")
        if isinstance(error, sqlite3.Error):
            said = str(error).lower()
            return next((name for words, name in SQLITE_WORDS.items() if words in said), None)
        error = error.__cause__ or error.__context__
        if error is None:
            return None
    return None
