"""Requests to the service from a thread, one after the other over one connection.

The connection is kept: a proxy in front of several services sends what comes over it to the one
that knows what was sent before. It is opened anew when the other end has closed it, and after
ten minutes or so, that those who are connected spread again.

Each request ends in time (`bounded`). No proxy of the environment is asked and no redirect
followed: the token must not travel anywhere else.
"""

import http.client
import json
import random
import select
import ssl
import time
import urllib.parse
from typing import NamedTuple, Optional

from .bounded import Bounded

# Seconds after which a connection is closed, give or take 30 %.
MAX_AGE = 600
# How much of an answer is read: of one that is no success only what it says.
MAX_ANSWER = 4 * 1024 * 1024
MAX_SAID = 4096
# A large body, or answer, has a second more for each so many bytes: the slowest line that the
# service takes a body over.
BYTES_A_SECOND = 64 * 1024
JSON = "application/json"


class Answer(NamedTuple):
    """What came back."""

    status: int
    retry_after: Optional[str]
    # What the service says of it, one line; empty when that was a success, or nothing.
    said: str
    # The answer's JSON where that is an object, else an empty one.
    body: dict = {}


class Connection:
    """To the service, in the participant's name; for one thread."""

    def __init__(self, service, clock=time.monotonic):
        self._service = service
        self._clock = clock
        self._connection = None
        self._until = 0

    def ask(self, method, path, body=None, within=10, content_type=JSON):
        """The Answer to a request with `body`, bytes, or JSON of anything else but None.

        Raises OSError or HTTPException when there is none within `within` seconds, counted
        from when the connection stands; that may take as long again for each address the
        name has. A large body may take longer, in proportion.
        """
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        within += len(body or b"") / BYTES_A_SECOND
        headers = {**self._service.headers(), "Content-Type": content_type}
        return self._exchange(method, path, body, headers, within, _answer)

    def download(self, path, write, size, within=10):
        """Gives what is at `path` to `write`, in pieces, of `size` bytes at most and one; the
        Answer. Raises as `ask` does.
        """

        def take(response):
            if response.status != 200:
                return _answer(response)
            left = size + 1
            while left > 0:
                piece = response.read(min(left, 64 * 1024))
                if not piece:
                    break
                left -= len(piece)
                write(piece)
            return Answer(response.status, None, "")

        within += size / BYTES_A_SECOND
        return self._exchange("GET", path, None, self._service.headers(), within, take)

    def close(self):
        """The next request opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(self, method, path, body, headers, within, take):
        url = urllib.parse.urlsplit(self._service.address(path))
        target = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
        is_kept = self._is_usable()
        if not is_kept:
            self._connect(url, within)
        begun = time.monotonic()
        try:
            return self._request(method, target, body, headers, within, take)
        except ConnectionError:
            if not is_kept:
                raise
        # The other end has closed it in the same moment: it did not take the request.
        self._connect(url, within)
        within = max(1, within - (time.monotonic() - begun))
        return self._request(method, target, body, headers, within, take)

    def _is_usable(self):
        if self._connection is None or self._clock() >= self._until:
            return False
        # One on which something is to be read, unasked, has been closed.
        poll = select.poll()
        poll.register(self._connection.sock, select.POLLIN)
        return not poll.poll(0)

    def _connect(self, url, within):
        self.close()
        connection = _connection(url, within)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        connection.sock = Bounded(connection.sock)
        self._connection = connection
        self._until = self._clock() + MAX_AGE * random.uniform(0.7, 1.3)

    def _request(self, method, target, body, headers, within, take):
        connection = self._connection
        response = None
        try:
            connection.sock.end_in(within)
            response = self._response(connection, method, target, body, headers)
            answer = take(response)
        except BaseException:
            self.close()
            raise
        if response.will_close or not response.isclosed():
            # What was not read would be taken for the next answer.
            self.close()
        return answer

    def _response(self, connection, method, target, body, headers):
        try:
            connection.request(method, target, body, headers)
        except ConnectionError as error:
            # It may have refused the request by its head, and said so before it went away.
            try:
                return connection.getresponse()
            except Exception:
                raise error from None
        return connection.getresponse()


def _answer(response):
    retry_after = response.headers.get("Retry-After")
    is_success = 200 <= response.status < 300
    try:
        most = MAX_ANSWER if is_success else MAX_SAID
        if response.length is not None:
            most = min(most, response.length)
        body = json.loads(response.read(most))
    except Exception:
        # It came from a stranger, or not to its end; its status says enough.
        body = {}
    if not isinstance(body, dict):
        body = {}
    said = "" if is_success else _one_line(body.get("message"))
    return Answer(response.status, retry_after, said, body)


def _one_line(message):
    """The message of an answer, as it may stand in a log."""
    if not isinstance(message, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in message[:500])


def _connection(url, timeout):
    if url.scheme == "https":
        return http.client.HTTPSConnection(
            url.hostname, url.port, timeout=timeout, context=_tls()
        )
    if url.scheme != "http" or not url.hostname:
        raise http.client.InvalidURL("not the address of a service")
    return http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)


_context = None


def _tls():
    """Made once: it reads all certificates that are trusted here."""
    global _context
    if _context is None:
        _context = ssl.create_default_context()
    return _context
