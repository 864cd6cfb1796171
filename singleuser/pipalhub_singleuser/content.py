"""What of a notebook may leave the participant's server: its bytes without its private cells.

Nearly every notebook has no private cell and goes as it is, byte for byte, which a quick look
tells (`spelling`). Of the others the private cells are cut out (`private`). What may have one
and cannot be read does not leave at all, and neither does half a file, since its other half may
say that a cell is private. The service cuts once more when the bytes arrive.
"""

import os
import re
import stat
import time
from typing import NamedTuple, Optional

from . import private, spelling

# The largest notebook that is sent, in bytes.
MAX_SIZE = 32 * 1024 * 1024
# Why one is not sent, in the words of the service.
TOO_LARGE = "too-large"
UNREADABLE = "unreadable"

# How much is looked at between two breaths, and the pieces in which a file is read.
PIECE = 64 * 1024
# Jupyter writes a file in place: one that is read meanwhile is read again, so often and after
# so many seconds.
READS = 5
READ_PAUSE = 0.05

# Where a file can be cut in two without cutting a character or an escape.
_PLAIN = re.compile(rb"[\x00-\x5b\x5d-\x7f]{24}")

_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")


class Unreadable(Exception):
    """It may hold private cells, and cannot be read."""


class Stamp(NamedTuple):
    """By what a file is known to be the same, without reading it."""

    mtime_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, status):
        """That of an `os.stat_result`."""
        return cls(status.st_mtime_ns, status.st_size, status.st_ino)


class Content(NamedTuple):
    """A notebook as it may leave: its bytes, or why there are none."""

    stamp: Stamp
    data: Optional[bytes]
    withheld: Optional[str] = None


def read(path):
    """The Content of the notebook at `path`; raises OSError."""
    for attempt in range(READS):
        stamp, data = _read(path)
        if data is None:
            return Content(stamp, None, TOO_LARGE)
        if _ends(data) and Stamp.of(os.stat(path)) == stamp:
            break
        if attempt + 1 < READS:
            time.sleep(READ_PAUSE)
    try:
        return Content(stamp, leaving(data))
    except Unreadable:
        return Content(stamp, None, UNREADABLE)


def _read(path):
    # A pipe that is called like a notebook must not hold the thread.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(f"not a file: {path}")
        stamp = Stamp.of(status)
        if stamp.size > MAX_SIZE:
            return stamp, None
        # One that grows meanwhile has another stamp, and is read again.
        left = stamp.size + 1
        pieces = []
        while left > 0:
            piece = file.read(left)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return stamp, pieces[0] if len(pieces) == 1 else b"".join(pieces)


def leaving(data):
    """What may leave of the file `data`: the same object when all may; raises Unreadable.

    Of a file that is cut off nothing may, tag or no tag: a cell's tags may have stood where it
    is cut.
    """
    if data and not data.isspace() and not _is_whole(data):
        raise Unreadable
    return without_private(data)


def _is_whole(data):
    """Whether all that begins in it ends; of what is no JSON it may say yes."""
    if not _ends(data):
        return False
    braces = brackets = 0
    for at in range(0, len(data), PIECE):
        piece = data[at : at + PIECE].translate(None, _NO_BRACKETS)
        braces += piece.count(b"{") - piece.count(b"}")
        brackets += piece.count(b"[") - piece.count(b"]")
        private.breathe()
    if braces == brackets == 0:
        return True
    # A text may have the brackets that make the difference.
    try:
        private.cuts_of(data)
    except private.NotJson:
        return False
    return True


def _ends(data):
    return data[-100:].rstrip().endswith(b"}")


def without_private(data):
    """`data` without its private cells: the same object when it has none; raises Unreadable."""
    if _is_wide(data):
        raise Unreadable
    if not may_have_private(data):
        return data
    try:
        return private.without_private(data)
    except private.NotJson:
        if spelling.may_be_tagged(data):
            raise Unreadable from None
        return data
    except private.CannotCut:
        raise Unreadable from None


def _is_wide(data):
    """Whether it is UTF-16 or UTF-32, in which a private cell would not be found."""
    return data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:2]


def may_have_private(data):
    """Whether the letters of the tag stand anywhere in `data`; a no is certain."""
    tag = spelling.TAG.encode()
    before = b""
    for piece in _pieces(data):
        letters = before + spelling.letters_of(piece)
        if tag in letters:
            return True
        before = letters[1 - len(tag) :]
        private.breathe()
    return False


def _pieces(data):
    """`data` in pieces of about PIECE, none of which ends within a character or an escape."""
    at = 0
    while len(data) - at > PIECE:
        end = data.find(b"\n", at + PIECE, at + 2 * PIECE)
        if end < 0:
            plain = _PLAIN.search(data, at + PIECE)
            if plain is None:
                break
            end = plain.start() + 12
        yield data[at:end]
        at = end
    yield data[at:]
