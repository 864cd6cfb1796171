"""What the panel *Workshop* shows beside the notices: where the service's page is, what is shared
with participants, and what the service has of this one's notebooks.

The service knows when each was saved, and this server when it was received and which are not sent
yet. The page gets ages and no times, because the clocks of three machines differ.
"""

import asyncio
import json
import time

from .client import Unanswered
from .notice import field

# Seconds for which an answer of the service is used again, for all open pages.
FRESH = 3
# Notebooks, and summaries, of one answer: more than a service lists.
MAX_LISTED = 100


class Workshop:
    """Asks the service with the participant's token; `reporter` knows what was sent."""

    def __init__(self, client, service, reporter):
        self._client = client
        self._server = service.server
        self._reporter = reporter
        # The last answer, None when there was none; when that was, and who waits for the next.
        self._answer = None
        self._answered_at = float("-inf")
        self._asking = None

    async def read(self):
        """All of it for the page; `known` is false when the service does not say."""
        is_asking = self._asking is not None and not self._asking.done()
        if not is_asking and time.monotonic() - self._answered_at >= FRESH:
            self._asking = asyncio.ensure_future(self._ask())
        # A page that goes away does not end what others wait for.
        await asyncio.shield(self._asking)
        if self._answer is None:
            return {"known": False}
        passed_ms = int((time.monotonic() - self._answered_at) * 1000)
        return self._for_page(self._answer, passed_ms)

    async def _ask(self):
        try:
            self._answer = _checked(json.loads(await self._client.ask("api/workshop")))
        except (Unanswered, ValueError, RecursionError):
            # The page tells by its notices whether the service is away.
            self._answer = None
        self._answered_at = time.monotonic()

    def _for_page(self, answer, passed_ms):
        received, waiting = self._reporter.saves()
        received = {self._name(name): at for name, at in received.items()}
        waiting = {self._name(name) for name in waiting}
        now = time.time()

        def seen(notebook):
            name = notebook["filename"]
            at = received.get(name)
            return {
                "filename": name,
                "saved_ago_ms": notebook["saved_ago_ms"] + passed_ms,
                "received_ago_ms": None if at is None else max(0, int((now - at) * 1000)),
                "waits": name in waiting,
                "problem": notebook["problem"],
            }

        listed = [seen(notebook) for notebook in answer["notebooks"]]
        names = {notebook["filename"] for notebook in listed}
        unseen = sorted(waiting - names)[:MAX_LISTED]
        return {**answer, "known": True, "notebooks": listed, "unseen": unseen}

    def _name(self, filename):
        """The name that the service has for a notebook of this server."""
        if not self._server and not filename.startswith("@"):
            return filename
        return f"@{self._server}/{filename}"


def _checked(said):
    """The answer's fields, each of its type; raises ValueError."""
    now_ms = field(said, "now_ms", int)
    page = field(said, "page", str)
    # An address that runs a script, or of a host without a scheme, is none.
    if not page.startswith(("https://", "http://", "/")) or page.startswith("//"):
        raise ValueError("page is no address")
    sharing = field(said, "sharing", dict)
    followed = field(sharing, "followed", dict, None)
    about = field(said, "about", dict)
    notebooks = field(said, "notebooks", list)[:MAX_LISTED]
    return {
        "page": page,
        "followed": followed
        and {name: field(followed, name, str) for name in ("user", "filename")},
        "summaries": [_text(name) for name in field(sharing, "summaries", list)[:MAX_LISTED]],
        "private_tag": field(about, "private_tag", str),
        "notebooks": [_notebook(notebook, now_ms) for notebook in notebooks],
        "more": field(said, "more", int),
    }


def _notebook(said, now_ms):
    return {
        "filename": field(said, "filename", str),
        "saved_ago_ms": max(0, now_ms - field(said, "saved_at_ms", int)),
        "problem": field(said, "problem", str, None),
    }


def _text(said):
    if type(said) is not str:
        raise ValueError("a summary's name is no text")
    return said
