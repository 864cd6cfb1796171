"""One blocking request with a deadline.

A socket's timeout starts again with every byte that arrives, so a service that sends one now and
then would block the thread for ever. Here a deadline is set before the request, and every read
and write has the time that is left until then.

No proxy of the environment is used and no redirect followed: the token must not go anywhere
else.
"""

import http.client
import io
import json
import ssl
import time
import urllib.parse
from typing import NamedTuple, Optional

# How much of the body of a failure is read, for its message.
MAX_SAID = 4096


class Answer(NamedTuple):
    """The answer of the service."""

    status: int
    retry_after: Optional[str]
    # The service's message for a failure, one line; empty when there is none.
    said: str


def post(address, headers, body, within):
    """Sends `body` as JSON and returns the Answer.

    Raises OSError or HTTPException when there is none within `within` seconds after connecting;
    connecting may take as long again for each address of the host name.
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
    """The TLS context; made once, because it reads all trusted certificates."""
    global _context
    if _context is None:
        _context = ssl.create_default_context()
    return _context


def _said(response):
    """The `message` of an answer, made safe for a log."""
    try:
        message = json.loads(response.read(MAX_SAID))["message"]
    except Exception:
        # Not an answer of the service, or cut off; the status is enough then.
        return ""
    if not isinstance(message, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in message[:500])


class _Bounded:
    """The part of a socket that http.client needs, with a deadline."""

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
        # Keeps the socket open until this file is closed too.
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
