"""One notice: what of it the service says, and what of that a page in JupyterLab gets."""

import os
from dataclasses import dataclass
from typing import Optional

# What is longer is cut for a page, which shows much less of it.
MAX_TEXT = 2000


@dataclass(frozen=True)
class Notice:
    """As the service tells it; texts are texts, HTML is not wanted here."""

    id: int
    seq: int
    text: str
    title: Optional[str]
    link: Optional[dict]
    file: Optional[str]
    # Where it is on the disk; a service that is older does not say.
    path: Optional[str]
    created_at_ms: int
    until_ms: Optional[int]
    retracted: bool

    @classmethod
    def read(cls, said):
        """Raises ValueError when `said` is not a notice."""
        return cls(
            id=field(said, "id", int),
            seq=field(said, "seq", int),
            text=field(said, "text", str),
            title=field(said, "title", str, None),
            link=_link(field(said, "link", dict, None)),
            file=field(said, "file", str, None),
            path=field(said, "path", str, None),
            created_at_ms=field(said, "created_at_ms", int),
            until_ms=field(said, "until_ms", int, None),
            retracted=field(said, "retracted", bool),
        )

    def for_page(self, now_ms, home, root):
        """What the page shows, or None when its time is over.

        `file` is a path below the homes as the service has them, which are the `home` when it
        does not say where that is; the page knows paths below the server's `root`.
        """
        remaining = None if self.until_ms is None else self.until_ms - now_ms
        if remaining is not None and remaining <= 0 and not self.retracted:
            return None
        return {
            "id": self.id,
            "created_at_ms": self.created_at_ms,
            "retracted": self.retracted,
            "title": self.title and self.title[:MAX_TEXT],
            "text": self.text[:MAX_TEXT],
            "link": self.link,
            "path": self.file and _below(root, self.path or os.path.join(home, self.file)),
            "remaining_ms": remaining,
        }


def field(said, name, kind, *default):
    """One field of an answer, of exactly this type."""
    value = said.get(name) if isinstance(said, dict) else None
    if value is None and default:
        return default[0]
    # True is an int in Python, and no number here.
    if type(value) is not kind:
        raise ValueError(f"{name} is not {kind.__name__}")
    return value


def _link(said):
    if said is None:
        return None
    url = field(said, "url", str)
    # A page may lead elsewhere, and may not run what stands in a link.
    if not url.startswith(("https://", "http://", "/")):
        return None
    return {"url": url, "label": field(said, "label", str, "") or url}


def _below(root, path):
    """The path as JupyterLab knows it, None for what it cannot open."""
    root, path = os.path.realpath(root), os.path.realpath(path)
    below = os.path.relpath(path, root)
    outside = below == os.pardir or below.startswith(os.pardir + os.sep)
    return None if outside else below.replace(os.sep, "/")
