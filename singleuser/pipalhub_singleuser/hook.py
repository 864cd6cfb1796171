"""For a Hub that is configured by `c.FileContentsManager.post_save_hook`.

jupyter_server calls a hook in the middle of a save and fails the save when it raises, so
this one does not. It sees saves only: what is renamed, copied or deleted, the extension
does. Having both on does no harm, since both note in the same reporter.
"""

import logging

from . import reporter


def note_save(model, os_path, contents_manager):
    """What the hook does."""
    try:
        shared = reporter.shared()
        if shared is not None and model.get("type") == "notebook":
            shared.note(reporter.SAVE, os_path, contents_manager.root_dir)
    except Exception:
        logging.getLogger("pipalhub_singleuser").exception(
            "PipalHub: the hook did not work; the notebook is saved"
        )
