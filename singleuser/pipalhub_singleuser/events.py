"""Translates the server's events into those that are reported to the service.

jupyter_server emits an event on its event bus for each change of a file; its listeners run as
separate tasks after the save.

The service has two kinds of events, saved and deleted. A copy, an upload and a new notebook is
a save of the new file; a rename is a deletion of the old path and a save of the new one,
because the service identifies notebooks by path. Notebooks in a folder that is renamed or
deleted as a whole are not reported from here, because the service's watcher notices those.
"""

import os

from .reporter import DELETE, SAVE

SCHEMA = "https://events.jupyter.org/jupyter_server/contents_service/v1"


def news_in(data):
    """`(kind, path)` for each file that the event `data` is about."""
    action = data.get("action")
    if action in ("save", "copy", "upload", "create"):
        return [(SAVE, data["path"])]
    if action == "delete":
        return [(DELETE, data["path"])]
    if action == "rename":
        return [(DELETE, data["source_path"]), (SAVE, data["path"])]
    return []


def listener(reporter, contents_manager, log):
    """A listener for the event bus that notes each change in `reporter`."""

    async def on_contents_event(logger, schema_id, data):
        try:
            root = contents_manager.root_dir
            for kind, path in news_in(data):
                reporter.note(kind, os.path.join(root, path.lstrip("/")), root)
        except Exception:
            log.exception("PipalHub: a save was not reported; the notebook is saved")

    return on_contents_event
