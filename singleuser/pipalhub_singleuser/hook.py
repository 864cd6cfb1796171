"""The hook for a Hub that is configured by `c.FileContentsManager.post_save_hook`.

jupyter_server calls a hook during a save and fails the save when the hook raises, so this one
never does. It is called for saves only: the extension reports renames, copies and deletions
too. Enabling both does no harm, because both use the same reporter.
"""

import logging

from . import reporter


def note_save(model, os_path, contents_manager):
    """Notes the save of a notebook in the shared reporter."""
    try:
        shared = reporter.shared()
        if shared is not None and model.get("type") == "notebook":
            shared.note(reporter.SAVE, os_path, contents_manager.root_dir)
    except Exception:
        logging.getLogger("pipalhub_singleuser").exception(
            "PipalHub: the hook did not work; the notebook is saved"
        )
