"""Puts a new file below a folder: never over another one, and never out of the folder.

The file is whole before it has its name. Folders are opened one within the other from the root
on, and none of them by a link, so that nothing that is changed meanwhile leads elsewhere. The
file and the folders are made with the participant's own umask.
"""

import errno
import os
import secrets
import stat

# So many names are tried for one file: `a.ipynb`, `a-2.ipynb`, `a-3.ipynb`…
MAX_NAMES = 1000
# How long a path may be, in bytes, as in a push.
MAX_PATH = 1024

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
# What file systems say that know no hard links.
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV)


class CannotPlace(Exception):
    """The file is not there, and why, in words for a page."""


def parts_of(filename):
    """The folders and the name in `filename`, which came from the service.

    Nothing hidden is written: what programs read of themselves has such names.
    """
    parts = filename.split("/")
    for part in parts:
        if not part or part.startswith(".") or "\0" in part:
            raise CannotPlace("it is no name below the folder, or one of something hidden")
    try:
        length = len(filename.encode())
    except UnicodeEncodeError:
        raise CannotPlace("its name is no text") from None
    if length > MAX_PATH:
        raise CannotPlace("its name is too long")
    return parts


class Place:
    """Where one file is to be: `filename` below `root`.

    As a context manager, it is open between `with` and its end: `file` is to be written, then
    `finish` gives it its name. What was not finished is removed.
    """

    def __init__(self, root, filename, makes_folders):
        self._root = root
        *self._folders, self._name = parts_of(filename)
        self._makes_folders = makes_folders
        # The same as it lies on the disk, where a link may lead to it; and its descriptor.
        self._folders_on_disk = []
        self._folder = None
        self._hidden = f".~pipalhub-{secrets.token_hex(8)}"
        self.file = None

    def __enter__(self):
        try:
            self._folder = self._open_folder()
            # Its own umask says who may read it.
            descriptor = os.open(self._hidden, _NEW, 0o666, dir_fd=self._folder)
            self.file = os.fdopen(descriptor, "wb")
        except OSError as error:
            self._close()
            raise CannotPlace(_words(error)) from None
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_):
        self.file.close()
        try:
            os.unlink(self._hidden, dir_fd=self._folder)
        except OSError:
            pass
        self._close()

    def finish(self):
        """Gives the file its name; the name below the root, with a number where it was taken."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            name = self._give_name()
            os.fsync(self._folder)
        except OSError as error:
            raise CannotPlace(_words(error)) from None
        return "/".join([*self._folders, name])

    def _close(self):
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def _open_folder(self):
        """A descriptor of the folder, in which no link stands that leads out of the root."""
        root = os.path.realpath(self._root)
        self._follow_own_links(root)
        at = os.open(root, _FOLDER)
        for part in self._folders_on_disk:
            try:
                within = self._open_one(part, at)
            finally:
                os.close(at)
            at = within
        return at

    def _follow_own_links(self, root):
        """A participant's own links are followed as far as they stay below the root."""
        path = os.path.realpath(os.path.join(root, *self._folders))
        if os.path.commonpath([root, path]) != root:
            raise CannotPlace("its folder is a link that leads elsewhere")
        below = os.path.relpath(path, root)
        self._folders_on_disk = [] if below == "." else below.split(os.sep)

    def _open_one(self, name, at):
        try:
            return os.open(name, _FOLDER, dir_fd=at)
        except FileNotFoundError:
            if not self._makes_folders:
                raise CannotPlace("its folder is not there any more") from None
        try:
            os.mkdir(name, 0o777, dir_fd=at)
        except FileExistsError:
            pass
        return os.open(name, _FOLDER, dir_fd=at)

    def _give_name(self):
        stem, extension = os.path.splitext(self._name)
        for number in range(1, MAX_NAMES + 1):
            name = self._name if number == 1 else f"{stem}-{number}{extension}"
            try:
                self._link(name)
                return name
            except FileExistsError:
                continue
        raise CannotPlace("all names for it are taken")

    def _link(self, name):
        here = {"src_dir_fd": self._folder, "dst_dir_fd": self._folder}
        try:
            os.link(self._hidden, name, follow_symlinks=False, **here)
            return
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        # The name is taken first, by a file of nothing, which the whole one replaces.
        taken = os.open(name, _NEW, 0o666, dir_fd=self._folder)
        try:
            status = os.fstat(taken)
            if not stat.S_ISREG(status.st_mode):
                raise CannotPlace("its name is taken by something else")
            os.replace(self._hidden, name, **here)
        finally:
            os.close(taken)


def _words(error):
    """Why the disk did not take it."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "its folder is a link or a file"
    return error.strerror or type(error).__name__
