"""Sends what a notebook holds, `PUT /api/copies`: what is new of it, without its private cells.

The file is read when it is sent and not when it was saved, so that of what waits the newest is
sent, once. The service checks what it puts together by its SHA-256; where it does not have what
the delta is of, it is sent the whole.
"""

import errno
import hashlib
import json

from . import content, delta
from .bases import Bases
from .ledger import Known

CONTENT_TYPE = "application/vnd.pipalhub.copy"
# How long the name of a notebook may be, in bytes.
MAX_FILENAME = 1024
# What an answer is taken for that asks for the whole again and again: a fault on the way.
BROKEN = 500

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)


class NotThere(Exception):
    """The service takes no contents: it is older, or reads homes itself."""


class Gone(Exception):
    """There is no file any more, or no notebook."""


class CannotRead(Exception):
    """The file cannot be read now."""


def can_be_named(filename):
    """Whether the service has a name for it: below the server's folder, and not too long."""
    try:
        length = len(filename.encode())
    except UnicodeEncodeError:
        return False
    return not filename.startswith("/") and length <= MAX_FILENAME


class Pusher:
    """Pushes over one connection; for one thread."""

    def __init__(self, service, connection, ledger, timeout):
        self._service = service
        self._connection = connection
        self._ledger = ledger
        self._timeout = timeout
        self._bases = Bases()

    def forget(self, path):
        """The service has been told that the notebook is gone."""
        self._bases.forget(path)
        self._ledger.forget(path)

    def push(self, filename, path):
        """Sends the notebook at `path` under its name; returns the Answer.

        Raises NotThere, Gone and CannotRead, and what the connection raises.
        """
        try:
            read = content.read(path)
        except OSError as error:
            if error.errno in _GONE or isinstance(error, FileNotFoundError):
                raise Gone from None
            raise CannotRead(type(error).__name__) from None
        head = {
            "filename": filename,
            "path": path,
            "server": self._service.server,
            "saved_at_ms": read.stamp.mtime_ns // 1_000_000,
        }
        if read.withheld is not None:
            return self._withhold(path, head, read.stamp, read.withheld)
        sha256 = hashlib.sha256(read.data).hexdigest()
        head.update(size=len(read.data), sha256=sha256)
        answer = self._send_data(path, head, read.data)
        if answer.status == 413:
            return self._withhold(path, head, read.stamp, content.TOO_LARGE)
        if answer.status == 200:
            self._bases.put(path, sha256, read.data)
            self._ledger.put(path, Known(read.stamp, sha256, len(read.data)))
        return answer

    def _send_data(self, path, head, data):
        base = self._bases.get(path)
        if base is not None:
            sha256, before = base
            answer = self._send({**head, "base": sha256}, delta.between(before, data))
            if not _needs_whole(answer):
                return answer
            # What it had of others it may have lost as well.
            self._bases.forget(path)
            self._ledger.doubt()
        answer = self._send({**head, "base": None}, delta.whole(data))
        return answer._replace(status=BROKEN) if _needs_whole(answer) else answer

    def _send(self, head, change):
        head.update(prefix=change.prefix, suffix=change.suffix)
        return self._put(head, delta.deflated(change.middle))

    def _withhold(self, path, head, stamp, why):
        self._bases.forget(path)
        head = {**head, "size": stamp.size, "withheld": why}
        head.pop("sha256", None)
        answer = self._put(head, b"")
        if answer.status == 200:
            self._ledger.put(path, Known(stamp, None, stamp.size))
        return answer

    def _put(self, head, rest):
        line = json.dumps(head, ensure_ascii=False).encode("utf-8", "replace")
        answer = self._connection.ask(
            "PUT", "api/copies", line + b"\n" + rest, self._timeout(), CONTENT_TYPE
        )
        if answer.status in (404, 405):
            raise NotThere
        return answer


def _needs_whole(answer):
    return answer.status == 409 and answer.body.get("need") == "whole"
