"""A socket that is written and read in time, whatever is at the other end.

A socket's own time-out begins anew with every byte that comes, so a service that sends one now
and then would hold the thread for ever. Here a moment is set before a request begins, and all
that is read and written has what is left until then.
"""

import io
import time


class Bounded:
    """As much of a socket as http.client needs, with an end."""

    def __init__(self, sock):
        self._sock = sock
        self._until = 0

    def end_in(self, seconds):
        """From now on."""
        self._until = time.monotonic() + seconds

    def fileno(self):
        """The socket's own, to ask whether there is something to read."""
        return self._sock.fileno()

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
