"""One request from a thread, which ends in time whatever is at the other end.

A socket's own time-out begins anew with every byte that comes, so a service that sends one now
and then would hold the thread for ever. Here a moment is set before it begins, and all that is
read and written has what is left until then.

No proxy of the environment is asked and no redirect followed: the token must not travel
anywhere else.
"""

import http.client
import io
import json
import ssl
import time
import urllib.parse
from typing import NamedTuple, Optional

# How much of an answer is read: what it says of a request that was not taken.
MAX_SAID = 4096


class Answer(NamedTuple):
    """What came back."""

    status: int
    retry_after: Optional[str]
    # What the service says of it, one line; empty when that was no success, or nothing.
    said: str


def post(address, headers, body, within):
    """Sends `body` as JSON and returns the Answer.

    Raises OSError or HTTPException when there is none within `within` seconds, counted from
    when the connection stands; that may take as long again for each address the name has.
    """
    url = urllib.parse.urlsplit(address)
    connection = _connection(url, within)
    try:
        connection.connect()
        connection.sock = _Bounded(connection.sock, time.monotonic() + within)
        target = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
        connection.request("POST", target, json.dumps(body).encode(), headers)
        response = connection.getresponse()
        retry_after = response.headers.get("Retry-After")
        said = _said(response) if response.status >= 300 else ""
        return Answer(response.status, retry_after, said)
    finally:
        connection.close()


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


def _said(response):
    """The `message` of an answer, as it may stand in a log."""
    try:
        message = json.loads(response.read(MAX_SAID))["message"]
    except Exception:
        # It came from a stranger, or not to its end; its status says enough.
        return ""
    if not isinstance(message, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in message[:500])


class _Bounded:
    """As much of a socket as http.client needs, with an end."""

    def __init__(self, sock, until):
        self._sock = sock
        self._until = until

    def sendall(self, data):
        self._sock.settimeout(_left(self._until))
        self._sock.sendall(data)

    def makefile(self, *args, **kwargs):
        return io.BufferedReader(_Reader(self._sock, self._until))

    def close(self):
        self._sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, sock, until):
        self._sock = sock
        self._until = until
        # Keeps the socket open until this is closed too.
        self._file = sock.makefile("rb", buffering=0)

    def readable(self):
        return True

    def readinto(self, buffer):
        self._sock.settimeout(_left(self._until))
        return self._file.readinto(buffer)

    def close(self):
        self._file.close()
        super().close()


def _left(until):
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no whole answer in time")
    return left
