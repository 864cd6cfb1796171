"""One notice: as the service sends it, and as a page in JupyterLab gets it."""

import os
from dataclasses import dataclass
from typing import Optional

# Longer texts are cut for a page; the service takes none that is longer.
MAX_TEXT = 4000
# Characters of HTML of one notice; of one with more a page gets the text alone.
MAX_HTML = 256 * 1024
# JupyterLab cuts what a notification says after so many characters.
MAX_BRIEF = 140


@dataclass(frozen=True)
class Notice:
    """A notice of the service; a page takes no element of its HTML but those that it knows."""

    id: int
    seq: int
    text: str
    # None of a service that sends none.
    html: Optional[str]
    brief: Optional[str]
    title: Optional[str]
    link: Optional[dict]
    file: Optional[str]
    # The path of `file` on the disk; None where the service does not know it.
    path: Optional[str]
    created_at_ms: int
    until_ms: Optional[int]
    retracted: bool
    # Whether the participant has opened or dismissed it.
    opened: bool

    @classmethod
    def read(cls, said):
        """Raises ValueError when `said` is not a notice."""
        return cls(
            id=field(said, "id", int),
            seq=field(said, "seq", int),
            text=field(said, "text", str),
            html=field(said, "html", str, None),
            brief=field(said, "brief", str, None),
            title=field(said, "title", str, None),
            link=_link(field(said, "link", dict, None)),
            file=field(said, "file", str, None),
            path=field(said, "path", str, None),
            created_at_ms=field(said, "created_at_ms", int),
            until_ms=field(said, "until_ms", int, None),
            retracted=field(said, "retracted", bool),
            opened=field(said, "opened", bool, False),
        )

    def for_page(self, now_ms, home, root):
        """The notice for the page, or None when it has expired.

        `file` is a path in the class, which is below the server's `root` as the page needs it.
        The service sends the whole path of a notebook that it knows. Of another file it has
        only the name, which is taken to be below `home` where that has it and `root` has not:
        a service that reads homes looks there.
        """
        remaining = None if self.until_ms is None else self.until_ms - now_ms
        if remaining is not None and remaining <= 0 and not self.retracted:
            return None
        html = self.html if self.html and len(self.html) <= MAX_HTML else None
        return {
            "id": self.id,
            "created_at_ms": self.created_at_ms,
            "retracted": self.retracted,
            "opened": self.opened,
            "title": self.title and self.title[:MAX_TEXT],
            "brief": (self.brief or self.text)[:MAX_BRIEF],
            "html": html,
            # What is shown where there is no HTML.
            "text": None if html else self.text[:MAX_TEXT],
            "link": self.link,
            "path": self.file and _below(root, self.path or _whole(self.file, home, root)),
            "remaining_ms": remaining,
        }


def field(said, name, kind, *default):
    """One field of an answer, of exactly this type."""
    value = said.get(name) if isinstance(said, dict) else None
    if value is None and default:
        return default[0]
    # An exact check, because True is an int in Python.
    if type(value) is not kind:
        raise ValueError(f"{name} is not {kind.__name__}")
    return value


def _link(said):
    if said is None:
        return None
    url = field(said, "url", str)
    # Only links to other pages, because a `javascript:` link would run a script.
    if not url.startswith(("https://", "http://", "/")):
        return None
    return {"url": url, "label": field(said, "label", str, "") or url}


def _whole(file, home, root):
    """The path of a file that the service knows by name only."""
    places = [os.path.join(root, file), os.path.join(home, file)]
    return next(filter(os.path.exists, places), places[0])


def _below(root, path):
    """The path as JupyterLab needs it; None for a file that it cannot open."""
    root, path = os.path.realpath(root), os.path.realpath(path)
    below = os.path.relpath(path, root)
    outside = below == os.pardir or below.startswith(os.pardir + os.sep)
    return None if outside else below.replace(os.sep, "/")
