"""What the instructor tells this participant, kept up to date while a page asks.

However many pages of JupyterLab are open, the service is asked by one request of this
server's at a time, which waits there until there is something newer. It is made only while
a page waits for it: a server that nobody looks at asks nothing.

A page follows by a cursor, as this server does with the service. What the service says is
believed only as far as it is well-formed.
"""

import asyncio
import json
import time

from .backoff import Backoff
from .client import Unanswered
from .notice import Notice, field

# Seconds the service is asked to wait for something newer.
WAIT = 25
# How many pages may wait at once.
MAX_PAGES = 16
# How many notices are remembered: the newest.
MAX_KNOWN = 200
# Between the end of one page's request and its next, we go on asking.
LINGER = 5
# At least so long between two requests: a service that does not wait is not flooded.
PACE = 0.5
FIRST_DELAY = 0.5
MAX_DELAY = 10
# A service that has no notices may be upgraded, and a token be known again.
NOT_THERE_DELAY = 60


class Notices:
    """The notices of one participant; `home` and `root` say where files are for a page."""

    def __init__(self, client, home, root, log):
        self._client = client
        self._home = home
        self._root = root
        self._log = log
        # By id; with those retracted, since a page may still show them.
        self._known = {}
        # None until the service has said something.
        self._cursor = None
        # What the service's clock said, and ours then.
        self._clock = (0, 0)
        self._pages = 0
        self._asked_at = 0
        self._news = None
        self._task = None
        self._backoff = Backoff(FIRST_DELAY, MAX_DELAY)

    def is_full(self):
        """Whether so many pages wait that another one must come back later."""
        return self._pages >= MAX_PAGES

    async def newer_than(self, after, wait):
        """What there is for a page that has had all up to its cursor `after`.

        Waits for up to `wait` seconds until there is something.
        """
        self._pages += 1
        try:
            self._keep_asking()
            await asyncio.wait_for(self._until_newer(after), wait)
        except asyncio.TimeoutError:
            pass
        finally:
            self._pages -= 1
            self._asked_at = time.monotonic()
        return self._answer(after)

    async def _until_newer(self, after):
        while self._cursor is None or self._cursor == after:
            await self._news.wait()

    def _answer(self, after):
        if self._cursor is None:
            return {"cursor": after, "notices": []}
        # A cursor beyond ours is of a service that has begun anew: then all is news.
        since = after if after <= self._cursor else 0
        said, heard_at = self._clock
        now_ms = said + int((time.monotonic() - heard_at) * 1000)
        shown = [
            notice.for_page(now_ms, self._home, self._root)
            for notice in sorted(self._known.values(), key=lambda notice: notice.seq)
            if notice.seq > since
        ]
        return {"cursor": self._cursor, "notices": [page for page in shown if page]}

    def _keep_asking(self):
        if self._task is None or self._task.done():
            self._news = self._news or asyncio.Event()
            self._task = asyncio.ensure_future(self._ask_while_wanted())

    async def _ask_while_wanted(self):
        while self._pages or time.monotonic() - self._asked_at < LINGER:
            begun = time.monotonic()
            try:
                self._take(await self._ask())
                if self._backoff.succeeded():
                    self._log.debug("PipalHub: notices are back")
                pause = begun + PACE - time.monotonic()
            except Unanswered as error:
                self._log.debug("PipalHub cannot be asked for notices (%s)", error)
                most = NOT_THERE_DELAY if error.lasting else None
                pause = self._backoff.failed(error.retry_after, most)
            await asyncio.sleep(max(pause, 0))

    async def _ask(self):
        if self._cursor is None:
            # A page has just opened: what there is comes at once.
            answer = await self._client.ask("api/notices?after=0")
        else:
            path = f"api/notices?after={self._cursor}&wait={WAIT}"
            answer = await self._client.ask(path, wait=WAIT)
        try:
            return json.loads(answer)
        except (ValueError, RecursionError):
            raise Unanswered("no JSON") from None

    def _take(self, answer):
        try:
            cursor = field(answer, "cursor", int)
            now_ms = field(answer, "now_ms", int)
            said = field(answer, "notices", list)
        except ValueError as error:
            raise Unanswered(error) from None
        if self._cursor is not None and cursor < self._cursor:
            # It has begun anew, with another database: so do we, at the next request.
            self._known.clear()
            self._cursor = None
            return
        self._clock = (now_ms, time.monotonic())
        for one in said:
            try:
                notice = Notice.read(one)
            except ValueError as error:
                self._log.debug("PipalHub: a notice is not one: %s", error)
                continue
            self._known[notice.id] = notice
        self._forget_oldest()
        if cursor != self._cursor:
            self._cursor = cursor
            # Whoever waits for it wakes up; whoever comes later waits for the next.
            self._news.set()
            self._news = asyncio.Event()

    def _forget_oldest(self):
        by_age = sorted(self._known.values(), key=lambda notice: notice.seq)
        for notice in by_age[: max(0, len(by_age) - MAX_KNOWN)]:
            del self._known[notice.id]
