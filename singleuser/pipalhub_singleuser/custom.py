"""What whoever runs the server has put into everyone's JupyterLab: `custom.css` and `custom.js` of
one folder, `/etc/jupyter/custom` unless `PIPALHUB_CUSTOM` names another.

The two files are code in everyone's page. So a server whose user could write one of them does not
hand it out: what one participant can change must not run in another's browser.
"""

import os
import stat

DEFAULT_FOLDER = "/etc/jupyter/custom"
# What the page calls each, and its file.
FILES = {"css": "custom.css", "js": "custom.js"}
MAX_BYTES = 1 << 20


class Custom:
    """The folder; `log` gets a line for each reason why a file of it is not handed out."""

    def __init__(self, folder, log):
        self._folder = folder
        self._log = log
        self._told = set()

    @classmethod
    def from_environment(cls, log):
        return cls(os.environ.get("PIPALHUB_CUSTOM") or DEFAULT_FOLDER, log)

    def read(self):
        """The texts of the files that are there, by what the page calls them."""
        texts = {kind: self._read(name) for kind, name in FILES.items()}
        return {kind: text for kind, text in texts.items() if text}

    def _read(self, name):
        path = os.path.join(self._folder, name)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return self._refuse(path, "it is no file")
            if self._is_writable(path):
                return self._refuse(path, "the user of this server can change it")
            with open(path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._refuse(path, error.strerror)
        if len(content) > MAX_BYTES:
            return self._refuse(path, f"it has more than {MAX_BYTES} bytes")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return self._refuse(path, "it is not UTF-8")

    def _is_writable(self, path):
        """Whether this process could change the file, or put another in its place.

        Root always could; where a server runs as root, its user is alone there.
        """
        if os.geteuid() == 0:
            return False
        return any(os.access(it, os.W_OK) for it in [path, self._folder])

    def _refuse(self, path, reason):
        if (path, reason) not in self._told:
            self._told.add((path, reason))
            self._log.warning("pipalhub: %s is not loaded: %s", path, reason)
        return None
