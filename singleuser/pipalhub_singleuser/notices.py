"""The notices for this participant, and what comes of their note, kept up to date while a page of
JupyterLab asks for them.

For any number of open pages this server sends one request at a time to the service, which
answers when there is something newer. Requests are sent only while a page waits, so a server
without an open page sends none.

A page passes a cursor, and so does this server to the service. Answers are checked field by
field.
"""

import asyncio
import dataclasses
import json
import time

from .backoff import Backoff
from .client import Unanswered
from .help import checked
from .notice import Notice, field

# Seconds that the service may wait for something newer before it answers.
WAIT = 25
# How many requests of pages may wait at once.
MAX_PAGES = 16
# How many notices are kept: the newest.
MAX_KNOWN = 200
# Seconds for which requests go on after the last page's request, until the page's next one.
LINGER = 5
# The least seconds between two requests, in case the service answers without waiting.
PACE = 0.5
FIRST_DELAY = 0.5
MAX_DELAY = 10
# Seconds between requests to a service without notices, which may be upgraded, or with a token
# that is refused, which may become valid again.
NOT_THERE_DELAY = 60


class Notices:
    """The notices of one participant; `home` and `root` are for the paths of their files."""

    def __init__(self, client, home, root, log):
        self._client = client
        self._home = home
        self._root = root
        self._log = log
        # By id; with the retracted ones, because a page may still show them.
        self._known = {}
        # None until the first answer of the service.
        self._cursor = None
        # What the service says of the note, and since when it is known; None of a service that has
        # no help queue.
        self._help = None
        # A reading of the service's clock, and of the monotonic clock at that time.
        self._clock = (0, 0)
        # When the service was last asked for all notices.
        self._whole_at = 0
        # Why the service gives none at the moment: None, "away" or "refused".
        self._trouble = None
        self._pages = 0
        self._asked_at = 0
        self._news = None
        self._task = None
        self._backoff = Backoff(FIRST_DELAY, MAX_DELAY)

    def is_full(self):
        """Whether no further page may wait."""
        return self._pages >= MAX_PAGES

    async def newer_than(self, after, wait, help_after=None):
        """The notices newer than the page's cursor `after`, and what is said of the note when that
        is other than at the cursor `help_after`.

        Waits for up to `wait` seconds until there is one, or something is wrong, or well again.
        """
        self._pages += 1
        try:
            self._keep_asking()
            if after == 0:
                await self._renew()
            await asyncio.wait_for(self._until_newer(after, help_after), wait)
        except asyncio.TimeoutError:
            pass
        finally:
            self._pages -= 1
            self._asked_at = time.monotonic()
        said = self._help_since(help_after)
        return {**self._answer(after), **({} if said is None else {"help": said})}

    def take_help(self, mine):
        """What the service has just said of the note, which is `checked`."""
        if self._help is None or self._help["cursor"] != mine["cursor"]:
            self._help = mine
            self._wake()

    def note_opened(self, notice_id):
        """The participant has opened or dismissed a notice here, which the service hears later."""
        notice = self._known.get(notice_id)
        if notice is not None:
            self._known[notice_id] = dataclasses.replace(notice, opened=True)

    async def _renew(self):
        """Asks for all notices for a page that has just opened, because it is no news to the
        service which of them were read elsewhere.
        """
        now = time.monotonic()
        if self._cursor is None or now - self._whole_at < LINGER:
            return
        self._whole_at = now
        try:
            self._take(await self._request("api/notices?after=0"))
        except Unanswered as error:
            self._log.debug("PipalHub cannot be asked for notices (%s)", error)

    async def _until_newer(self, after, help_after):
        trouble = self._trouble
        while (self._cursor is None or self._cursor == after) and self._trouble == trouble:
            if self._help_since(help_after) is not None:
                return
            await self._news.wait()

    def _help_since(self, help_after):
        if help_after is None or self._help is None or self._help["cursor"] == help_after:
            return None
        return self._help

    def _answer(self, after):
        if self._cursor is None:
            return {"cursor": after, "trouble": self._trouble, "notices": []}
        # A cursor beyond ours is from before the service's database was replaced: send all.
        since = after if after <= self._cursor else 0
        said, heard_at = self._clock
        now_ms = said + int((time.monotonic() - heard_at) * 1000)
        shown = [
            notice.for_page(now_ms, self._home, self._root)
            for notice in sorted(self._known.values(), key=lambda notice: notice.seq)
            if notice.seq > since
        ]
        return {
            "cursor": self._cursor,
            "trouble": self._trouble,
            "notices": [page for page in shown if page],
        }

    def _keep_asking(self):
        if self._task is None or self._task.done():
            self._news = self._news or asyncio.Event()
            self._task = asyncio.ensure_future(self._ask_while_wanted())

    async def _ask_while_wanted(self):
        while self._pages or time.monotonic() - self._asked_at < LINGER:
            begun = time.monotonic()
            try:
                self._take(await self._ask())
                self._note_trouble(None)
                if self._backoff.succeeded():
                    self._log.debug("PipalHub: notices are back")
                pause = begun + PACE - time.monotonic()
            except Unanswered as error:
                self._log.debug("PipalHub cannot be asked for notices (%s)", error)
                self._note_trouble("refused" if error.lasting else "away")
                most = NOT_THERE_DELAY if error.lasting else None
                pause = self._backoff.failed(error.retry_after, most)
            await asyncio.sleep(max(pause, 0))

    async def _ask(self):
        if self._cursor is None:
            # A page has just opened: get all notices without waiting.
            self._whole_at = time.monotonic()
            return await self._request("api/notices?after=0&help=0")
        help_after = 0 if self._help is None else self._help["cursor"]
        path = f"api/notices?after={self._cursor}&wait={WAIT}&help={help_after}"
        return await self._request(path, WAIT)

    async def _request(self, path, wait=0):
        answer = await self._client.ask(path, wait=wait)
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
            # The service's database was replaced: start again with the next request.
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
            known = self._known.get(notice.id)
            if known is not None and known.opened and not notice.opened:
                # Its receipt is on its way.
                notice = dataclasses.replace(notice, opened=True)
            self._known[notice.id] = notice
        self._forget_oldest()
        self._take_help_of(answer)
        if cursor != self._cursor:
            self._cursor = cursor
            self._wake()

    def _take_help_of(self, answer):
        try:
            said = field(answer, "help", dict, None)
            if said is not None:
                self.take_help(checked(said))
        except ValueError as error:
            self._log.debug("PipalHub: what is said of the note cannot be read: %s", error)

    def _note_trouble(self, trouble):
        if trouble != self._trouble:
            self._trouble = trouble
            self._wake()

    def _wake(self):
        """Wakes the waiting requests; later ones wait for the next event."""
        if self._news is not None:
            self._news.set()
        self._news = asyncio.Event()

    def _forget_oldest(self):
        by_age = sorted(self._known.values(), key=lambda notice: notice.seq)
        for notice in by_age[: max(0, len(by_age) - MAX_KNOWN)]:
            del self._known[notice.id]
