"""The handlers for JupyterLab: `/pipalhub/notices`, and the receipts below it; `/pipalhub/help`,
`/pipalhub/workshop` and `/pipalhub/custom`.

A user who may read this server's files may read its participant's notices. The page never gets
the server's token; the server sends the requests to the service.
"""

import asyncio

from jupyter_server.auth import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from .help import NotSent
from .receipts import OPENED, STATES

# Seconds that a page's request waits for newer notices: less than the timeouts of proxies.
WAIT = 20
# Seconds after which a page above the limit may try again.
FULL_DELAY = 30


class _Handler(APIHandler):
    auth_resource = "contents"
    # A page that waits for notices must not keep an idle server from being stopped.
    _track_activity = False

    def _log(self):
        """Keeps what goes well out of the log, and so out of the Hub's.

        Each open page asks three times a minute, and a Hub logs every request of the servers that
        it starts.
        """
        if self.get_status() >= 400:
            super()._log()


class NoticesHandler(_Handler):
    """`GET /pipalhub/notices?after=CURSOR`; with `&help=CURSOR` it waits for the note, too, which
    is `help` in the answer when it is another than at that cursor.
    """

    def initialize(self, notices):
        self._notices = notices
        self._answer = None

    @web.authenticated
    @authorized
    async def get(self):
        try:
            after = int(self.get_query_argument("after", "0"))
            help_after = self.get_query_argument("help", None)
            help_after = None if help_after is None else int(help_after)
        except ValueError:
            raise web.HTTPError(400, "after or help is not a cursor, a whole number") from None
        if self._notices.is_full():
            self.set_header("Retry-After", FULL_DELAY)
            raise web.HTTPError(429, "so many pages wait for notices already")
        newer = self._notices.newer_than(after, WAIT, help_after)
        self._answer = asyncio.ensure_future(newer)
        try:
            self.finish(await self._answer)
        except asyncio.CancelledError:
            # The page has gone.
            raise web.Finish from None

    def on_connection_close(self):
        if self._answer is not None:
            self._answer.cancel()


class ReceiptHandler(_Handler):
    """`POST /pipalhub/notices/ID/receipt` with `{"state": "shown"}` or `"opened"`"""

    def initialize(self, notices, receipts):
        self._notices = notices
        self._receipts = receipts

    @web.authenticated
    @authorized
    async def post(self, notice_id):
        body = self.get_json_body()
        state = body.get("state") if isinstance(body, dict) else None
        if state not in STATES:
            raise web.HTTPError(400, f"state is one of {', '.join(STATES)}")
        notice_id = int(notice_id)
        if state == OPENED:
            self._notices.note_opened(notice_id)
        self._receipts.note(notice_id, state)
        # Accepted; it is sent to the service in the background.
        self.set_status(202)
        self.finish()


class HelpHandler(_Handler):
    """`PUT /pipalhub/help` with `{"note", "text", "paused", "path", "cell"}`: the participant needs
    help, is done, or neither. What comes of it is told with the notices.
    """

    def initialize(self, help):
        self._help = help

    @web.authenticated
    @authorized
    async def put(self):
        wish = self.get_json_body()
        if not isinstance(wish, dict):
            raise web.HTTPError(400, "the body is no note")
        try:
            self.finish(await self._help.put(wish))
        except ValueError as error:
            raise web.HTTPError(400, str(error)) from None
        except NotSent as error:
            # The page says so, and keeps what was written.
            self.set_status(503)
            self.finish({"message": str(error)})


class WorkshopHandler(_Handler):
    """`GET /pipalhub/workshop`: what the panel shows beside the notices"""

    def initialize(self, workshop):
        self._workshop = workshop

    @web.authenticated
    @authorized
    async def get(self):
        self.finish(await self._workshop.read())


class CustomHandler(_Handler):
    """`GET /pipalhub/custom`: the texts of `custom.css` and `custom.js`, as far as they are there"""

    def initialize(self, custom):
        self._custom = custom

    @web.authenticated
    @authorized
    async def get(self):
        # A disk that does not answer must not stop the server.
        loop = asyncio.get_running_loop()
        self.finish(await loop.run_in_executor(None, self._custom.read))


def custom_routes(base_url, custom):
    """The route of what whoever runs the server has put into everyone's JupyterLab."""
    return [(url_path_join(base_url, "pipalhub", "custom"), CustomHandler, {"custom": custom})]


def routes(base_url, notices, receipts, workshop, help):
    """The routes of a server with a service, below the server's base URL."""
    base = url_path_join(base_url, "pipalhub")
    noted = {"notices": notices, "receipts": receipts}
    return [
        (base + "/notices", NoticesHandler, {"notices": notices}),
        (base + r"/notices/([0-9]{1,18})/receipt", ReceiptHandler, noted),
        (base + "/workshop", WorkshopHandler, {"workshop": workshop}),
        (base + "/help", HelpHandler, {"help": help}),
    ]
