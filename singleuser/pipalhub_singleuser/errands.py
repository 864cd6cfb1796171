"""Files that the service has for the participant: what is restored, and what is handed out.

The service has no right over anyone's server: this asks for errands with the participant's own
token, by a request that waits there, fetches what is to be written, writes it as a new file
(`place`) and says under which name. One after the other, each once: one whose answer was lost is
answered once more and not written once more. One that the service does not have any more is
dropped: nothing is written, and nothing said of it.
"""

import hashlib
import http.client
import threading
import time
import urllib.parse
from collections import OrderedDict

from .answers import ABSENT, DONE, REFUSED, meaning_of
from .backoff import Backoff
from .connection import Connection
from .place import CannotPlace, Place
from .reporter import SAVE

# Seconds the service is asked to wait for an errand.
WAIT = 25
TIMEOUT = 10
FIRST_DELAY = 0.5
MAX_DELAY = 30
# At least so long between two requests: a service that does not wait is not flooded.
PACE = 1
# Seconds until a service is asked again that has no errands.
NOT_THERE_DELAY = 600
# The same where the token of this server is not known.
ABSENT_DELAY = 60
# The largest file that is fetched.
MAX_SIZE = 256 * 1024 * 1024
# How many errands are remembered that were done.
MAX_DONE = 1000
# How often a content is fetched that is not what was announced, or not there.
MAX_FETCHES = 3
MAX_REASON = 200
RESTORE = "restore"
HANDOUT = "handout"


class NotNow(Exception):
    """The errand is done later: the service or its content is not there."""

    def __init__(self, why, retry_after=None):
        super().__init__(why)
        self.retry_after = retry_after


class Gone(Exception):
    """The service does not have the content any more: a handout that was taken back."""


class Errands:
    """Asks for errands, from its own thread, and does them below the folder `root`. `written` is
    called with the number and the new file of each handout.
    """

    def __init__(self, service, reporter, root, log, written=lambda errand_id, filename: None):
        self._reporter = reporter
        self._root = root
        self._log = log
        self._written = written
        # Named servers of one participant have errands of their own.
        server = {"server": service.server} if service.server else {}
        self._path = "api/errands?" + urllib.parse.urlencode({**server, "wait": WAIT})
        self._connection = Connection(service)
        self._backoff = Backoff(FIRST_DELAY, MAX_DELAY)
        # By errand: what is answered, until the service has heard it and for long after; None
        # where nothing is.
        self._done = OrderedDict()
        self._fetches = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="pipalhub_singleuser errands", daemon=True
        )

    def start(self):
        """Begins to ask."""
        self._thread.start()

    def close(self, timeout=None):
        """Ends the thread after the request in hand."""
        self._closed.set()
        self._thread.join(timeout)

    def _run(self):
        while not self._closed.is_set():
            begun = time.monotonic()
            try:
                pause = self._ask()
                if pause is None:
                    if self._backoff.succeeded():
                        # It may be another one, that knows nothing.
                        self._reporter.ledger.doubt()
                    pause = begun + PACE - time.monotonic()
            except NotNow as error:
                self._log.debug("PipalHub: an errand waits (%s)", error)
                pause = self._backoff.failed(error.retry_after)
            except (OSError, http.client.HTTPException) as error:
                self._log.debug("PipalHub cannot be asked for errands (%s)", error)
                pause = self._backoff.failed()
            except Exception:
                # A fault of ours.
                self._log.exception("PipalHub: an errand was not done")
                pause = NOT_THERE_DELAY
            self._closed.wait(max(pause, 0))
        self._connection.close()

    def _ask(self):
        """Asks once and does what there is; the seconds to wait, None for the usual."""
        answer = self._connection.ask("GET", self._path, within=WAIT + TIMEOUT)
        meaning = meaning_of(answer.status)
        if answer.status in (404, 405) or meaning == REFUSED:
            return NOT_THERE_DELAY
        if meaning == ABSENT:
            return ABSENT_DELAY
        if meaning != DONE:
            raise NotNow(f"HTTP {answer.status}", answer.retry_after)
        errands = answer.body.get("errands")
        for errand in errands if isinstance(errands, list) else []:
            if self._closed.is_set():
                break
            if _is_errand(errand):
                self._do(errand)
        return None

    def _do(self, errand):
        # A service that has begun anew counts anew.
        key = (errand["id"], errand["filename"], errand["sha256"])
        if key not in self._done:
            try:
                outcome = self._outcome(errand)
            except Gone:
                # Perhaps a proxy said so: what the service lists again is fetched again.
                if not self._is_last_fetch(errand["id"]):
                    return
                outcome = None
            self._done[key] = outcome
            self._fetches.pop(errand["id"], None)
            if len(self._done) > MAX_DONE:
                self._done.popitem(last=False)
        if self._done[key] is None:
            return
        answer = self._connection.ask(
            "POST", f"api/errands/{errand['id']}", self._done[key], TIMEOUT
        )
        # One that the service does not know any more needs no answer.
        if meaning_of(answer.status) not in (DONE, REFUSED) and answer.status not in (404, 410):
            raise NotNow(f"HTTP {answer.status}", answer.retry_after)

    def _outcome(self, errand):
        """What is answered, once it is done or cannot be done."""
        try:
            filename = self._write(errand)
        except CannotPlace as error:
            self._log.warning(
                "PipalHub: %s could not be written: %s", ascii(errand["filename"]), error
            )
            return {"state": "failed", "reason": str(error)[:MAX_REASON]}
        self._log.info("PipalHub: %s is new (%s)", ascii(filename), errand["kind"])
        if errand["kind"] == HANDOUT:
            self._written(errand["id"], filename)
        # A notebook is a copy like others, from now on; of other files nothing is told.
        self._reporter.note(SAVE, f"{self._root}/{filename}", self._root)
        return {"state": "done", "filename": filename}

    def _write(self, errand):
        """Writes the file; its name below the root."""
        if errand["size"] > MAX_SIZE:
            raise CannotPlace("it is too large")
        makes_folders = errand["kind"] == HANDOUT
        with Place(self._root, errand["filename"], makes_folders) as place:
            digest = hashlib.sha256()

            def write(piece):
                digest.update(piece)
                try:
                    place.file.write(piece)
                except OSError as error:
                    raise CannotPlace(error.strerror or "the disk does not take it") from None

            # Its address is known by its id; what else the service says is no address.
            path = f"api/errands/{errand['id']}/content"
            answer = self._connection.download(path, write, errand["size"], TIMEOUT)
            if answer.status != 200:
                if answer.status in (404, 410):
                    raise Gone
                if meaning_of(answer.status) == REFUSED:
                    raise CannotPlace("the service refuses its content")
                raise NotNow(f"HTTP {answer.status}", answer.retry_after)
            if digest.hexdigest() != errand["sha256"]:
                self._another_content(errand["id"])
            return place.finish()

    def _another_content(self, errand_id):
        """What came is not what was announced: it was cut, perhaps."""
        if self._is_last_fetch(errand_id):
            raise CannotPlace("what came is not what was announced")
        raise NotNow("another content than announced")

    def _is_last_fetch(self, errand_id):
        """Counts a content that was fetched in vain; whether that was the last attempt."""
        fetches = self._fetches[errand_id] = self._fetches.get(errand_id, 0) + 1
        return fetches >= MAX_FETCHES


def _is_errand(errand):
    """Whether it says what it must; what does not is left to a newer version of this."""
    if not isinstance(errand, dict):
        return False
    is_number = all(type(errand.get(name)) is int and errand[name] >= 0 for name in ("id", "size"))
    is_text = all(isinstance(errand.get(name), str) for name in ("filename", "sha256"))
    return is_number and is_text and errand.get("kind") in (RESTORE, HANDOUT)
