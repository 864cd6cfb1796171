"""The events that are not sent yet: the newest of each key, each with a separate pause.

An event that was not accepted waits longer each time, and delays no other. Callers must hold a
lock; nothing here is slow.
"""

import time
from collections import OrderedDict

from .backoff import Backoff


class Pending:
    """At most `most` events by their keys, oldest first; pauses as in Backoff."""

    def __init__(self, most, first, longest, clock=time.monotonic):
        self._most = most
        self._delays = (first, longest)
        self._clock = clock
        self._entries = OrderedDict()

    def __len__(self):
        return len(self._entries)

    def put(self, key, event, held=0):
        """Replaces the event of `key`, which keeps its pause; returns whether the oldest event
        was dropped for it. It is not due before the clock says `held`.
        """
        entry = self._entries.setdefault(key, _Entry())
        entry.event, entry.held = event, held
        self._entries.move_to_end(key)
        dropped = len(self._entries) > self._most
        if dropped:
            self._entries.popitem(last=False)
        return dropped

    def next(self):
        """`(key, event, 0)` of the first event that is due; otherwise `(None, None, seconds)`,
        with the seconds until the first one is due, or None when there is none.
        """
        now = self._clock()
        first = None
        for key, entry in self._entries.items():
            due = max(entry.due, entry.held)
            if due <= now:
                return key, entry.event, 0
            first = due if first is None else min(first, due)
        return None, None, None if first is None else first - now

    def settle(self, key, event):
        """Removes `event`, which was sent; a newer event of its key is due at once."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.event is event:
            del self._entries[key]
        else:
            entry.due, entry.backoff = 0, None

    def hold(self, key, held):
        """What there is of `key` is not due before the clock says `held`."""
        if key in self._entries:
            self._entries[key].held = held

    def event(self, key):
        """The event that there is of `key`, or None."""
        entry = self._entries.get(key)
        return entry and entry.event

    def events(self):
        """All of them, oldest first."""
        return [entry.event for entry in self._entries.values()]

    def drop(self, key):
        """Forgets what there is of `key`."""
        self._entries.pop(key, None)

    def put_off(self, key, retry_after=None):
        """Delays the event of `key`, longer each time."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.backoff is None:
            entry.backoff = Backoff(*self._delays)
        entry.due = self._clock() + entry.backoff.failed(retry_after)
        self._entries.move_to_end(key)

    def put_last(self, key):
        """Moves the event of `key` behind all others."""
        if key in self._entries:
            self._entries.move_to_end(key)


class _Entry:
    __slots__ = ("event", "due", "held", "backoff")

    def __init__(self):
        self.event = None
        # When it may be tried again, and when the service would have one of this key again.
        self.due = 0
        self.held = 0
        self.backoff = None
