"""Which notebooks there are below a folder, and by what they are known to be the same.

It goes breadth first, so that what lies deep is what is missed where there is too much. Hidden
folders, environments and what is installed into them are passed over. A link is followed when it
leads to what lies below the folder as well, and nothing is listed twice.
"""

import errno
import os
import time
from collections import deque
from typing import Dict, NamedTuple

from .content import Stamp
from .private import breathe
from .push import can_be_named

# After so many entries, and so many seconds, the rest is left out.
MAX_ENTRIES = 200_000
MAX_SECONDS = 30
# So many entries are looked at between two breaths.
ENTRIES_A_BREATH = 100
# Folders that hold no one's work, and what makes a folder one of those.
SKIPPED = frozenset(("node_modules", "__pycache__"))
MARKS = frozenset(("conda-meta", "pyvenv.cfg"))

# A folder that is gone meanwhile, or is not the participant's, holds nothing of theirs.
_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM)


class Found(NamedTuple):
    """The notebooks by their names below the folder, and whether these are all."""

    stamps: Dict[str, Stamp]
    is_complete: bool


def is_notebook(path):
    """Leaves out checkpoints and the halves of Jupyter's own writing."""
    return (
        path.endswith(".ipynb")
        and not os.path.basename(path).startswith(".~")
        and ".ipynb_checkpoints" not in path.split(os.sep)
    )


def notebooks_below(root):
    """What is Found below the folder `root`."""
    return _Walk(root).run()


class _Walk:
    def __init__(self, root):
        self._root = root
        self._real_root = os.path.realpath(root)
        self._stamps = {}
        self._is_complete = True
        self._entries = 0
        self._until = time.monotonic() + MAX_SECONDS
        # Folders by their names below the root; links wait until all else is done.
        self._folders = deque([""])
        self._links = deque()
        self._seen = set()

    def run(self):
        try:
            self._see(os.stat(self._root))
            while self._folders or self._links:
                if self._folders:
                    self._list(self._folders.popleft())
                else:
                    self._follow(self._links.popleft())
        except _Enough:
            self._is_complete = False
        except OSError:
            self._is_complete = False
        if not self._entries:
            # As a home looks whose disk is not there.
            self._is_complete = False
        return Found(self._stamps, self._is_complete)

    def _list(self, folder):
        try:
            with os.scandir(os.path.join(self._root, folder)) as entries:
                entries = list(self._counted(entries))
        except OSError as error:
            if not folder or error.errno not in _NO_FOLDER:
                self._is_complete = False
            return
        if folder and not MARKS.isdisjoint(entry.name for entry in entries):
            return
        for entry in entries:
            try:
                self._look_at(entry, os.path.join(folder, entry.name))
            except OSError as error:
                if error.errno not in _NO_FOLDER:
                    self._is_complete = False

    def _counted(self, entries):
        for entry in entries:
            self._entries += 1
            if self._entries > MAX_ENTRIES or time.monotonic() > self._until:
                raise _Enough
            if self._entries % ENTRIES_A_BREATH == 0:
                breathe()
            yield entry

    def _look_at(self, entry, name):
        if is_notebook(name) and can_be_named(name):
            if entry.is_symlink() and not self._is_below(name):
                return
            if entry.is_file():
                self._stamps[name] = Stamp.of(entry.stat())
        elif entry.name.startswith(".") or entry.name in SKIPPED:
            return
        elif entry.is_symlink():
            self._links.append(name)
        elif entry.is_dir() and self._see(entry.stat(follow_symlinks=False)):
            self._folders.append(name)

    def _follow(self, name):
        try:
            if self._is_below(name):
                path = os.path.join(self._root, name)
                if os.path.isdir(path) and self._see(os.stat(path)):
                    self._folders.append(name)
        except OSError:
            # It leads nowhere.
            return

    def _is_below(self, name):
        path = os.path.realpath(os.path.join(self._root, name))
        return os.path.commonpath([path, self._real_root]) == self._real_root

    def _see(self, status):
        """Whether this folder is met for the first time."""
        key = (status.st_dev, status.st_ino)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new


class _Enough(Exception):
    """So much was looked at that the rest is left out."""
