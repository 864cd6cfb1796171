"""The participant's note: that they need help, or are done. It is sent when it is pressed; whoever
presses is told when it was not, and nothing is sent later that may no longer be meant.

What comes of it is news beside the notices, which wait for both (`notices`).
"""

import json

from .client import Unanswered
from .notice import field

NOTES = (None, "help", "done")
STATES = ("waiting", "claimed", "paused")
# As the service has them.
MAX_TEXT = 200
MAX_PATH = 4096
MAX_CELL_ID = 64
MAX_INDEX = 2**32 - 1

AWAY = "the workshop does not answer at the moment"
TOO_OFTEN = "that was pressed very often: wait a moment"
REFUSED = "the workshop does not know this server: stop it and start it again"
NO_QUEUE = "this workshop has no help queue"


class NotSent(Exception):
    """The note was not taken; its text says why."""


class Help:
    """Sends the note of the participant, and has `notices` tell what comes of it."""

    def __init__(self, client, server, notices):
        self._client = client
        self._server = server
        self._notices = notices

    async def put(self, wish):
        """Sends what a page wants, and returns what the service has from then on.

        Raises ValueError when it is no wish, and NotSent.
        """
        body = self._body(wish)
        try:
            said = json.loads(await self._client.ask("api/help/mine", body=body, method="PUT"))
            mine = checked(said)
        except Unanswered as error:
            raise NotSent(_why(error)) from None
        except (ValueError, RecursionError):
            raise NotSent(AWAY) from None
        self._notices.take_help(mine)
        return mine

    def _body(self, wish):
        note = field(wish, "note", str, None)
        if note not in NOTES:
            raise ValueError("note is help, done or null")
        text = field(wish, "text", str, None)
        if text is not None and len(text) > MAX_TEXT:
            raise ValueError(f"text has more than {MAX_TEXT} characters")
        body = {"note": note, "text": text, "paused": field(wish, "paused", bool, False)}
        path = field(wish, "path", str, None)
        cell = _cell(field(wish, "cell", dict, None))
        # What is no notebook, or a path of another drive, is left out, and no hindrance.
        if path and path.endswith(".ipynb") and len(path) <= MAX_PATH and ":" not in path:
            body["filename"] = self._name(path)
            if cell:
                body["cell"] = cell
        return body

    def _name(self, path):
        """The name that the service has for a notebook of this server."""
        path = path.strip("/")
        return f"@{self._server}/{path}" if self._server else path


def _cell(said):
    """A cell by its id and its place; what is too long or no place is left out."""
    identity = field(said, "id", str, None)
    index = field(said, "index", int, None)
    cell = {}
    if identity and len(identity) <= MAX_CELL_ID:
        cell["id"] = identity
    if index is not None and 0 <= index <= MAX_INDEX:
        cell["index"] = index
    return cell


def _why(error):
    if error.status == 429:
        return TOO_OFTEN
    if error.status in (404, 405):
        return NO_QUEUE
    return REFUSED if error.lasting else AWAY


def checked(said):
    """What the service says of the note, each field of its type; raises ValueError."""
    note = field(said, "note", str, None)
    if note not in NOTES:
        raise ValueError("note is none that is known")
    ticket = field(said, "ticket", dict, None)
    asked = field(said, "round", dict, None)
    return {
        "cursor": field(said, "cursor", int),
        "note": note,
        "ticket": ticket and _ticket(ticket),
        "round": asked
        and {"id": field(asked, "id", int), "answered": field(asked, "answered", bool)},
        "waiting": field(said, "waiting", int),
    }


def _ticket(said):
    state = field(said, "state", str)
    if state not in STATES:
        raise ValueError("state is none that is known")
    return {
        "id": field(said, "id", int),
        "text": field(said, "text", str)[:MAX_TEXT],
        "state": state,
        "place": field(said, "place", int, None),
        "helper": field(said, "helper", str, None),
    }
