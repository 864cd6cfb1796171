"""Translates the server's events into those that are reported to the service.

jupyter_server emits an event on its event bus for each change of a file; its listeners run as
separate tasks after the save.

The service knows two things of a notebook, saved and deleted, and the rest is said in
these: a copy, an upload and a new one is a save of the new file; a rename is a deletion of
the old name and a save of the new one, since the service follows paths. Of a folder that is
renamed or deleted as a whole the inventory tells, which is asked to look soon.
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


def may_hold_notebooks(data):
    """Whether the event `data` is about a folder that was moved, copied or deleted."""
    action = data.get("action")
    return action in ("rename", "copy", "delete") and not data["path"].endswith(".ipynb")


def listener(
    reporter, contents_manager, log, folder_changed=lambda: None, heard=lambda data: None
):
    """A listener for the event bus that notes in `reporter` what happens to a notebook, calls
    `folder_changed` when several may have come or gone, and gives each event to `heard`.
    """

    async def on_contents_event(logger, schema_id, data):
        try:
            root = contents_manager.root_dir
            for kind, path in news_in(data):
                reporter.note(kind, os.path.join(root, path.lstrip("/")), root)
            if may_hold_notebooks(data):
                folder_changed()
            heard(data)
        except Exception:
            log.exception("PipalHub: a save was not reported; the notebook is saved")

    return on_contents_event
