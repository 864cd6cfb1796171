"""The participants' side of PipalHub, for every participant's server.

A jupyter_server extension that is on once this package is installed:

* `extension` enables it in a server
* `events` translates the server's events into those of the service
* `saves` notices saves that fail
* `reporter` reports both from a thread, and never fails or delays a save
* `hook` reports saves for a Hub that is configured by a post_save_hook
* `notices` keeps the participant's notices, `receipts` reports that they were shown or opened,
  `handlers` serves both to JupyterLab, which shows them (`data/share/jupyter/labextensions`)
* `service` has the service's address, `client` and `post` send requests, `answers` interprets
  the answers, `pending`, `pace` and `backoff` decide when to send again

It needs jupyter_server and its dependencies (tornado), and nothing else. Imports here are
late, so that a server with only the hook loads no other module.
"""


def _jupyter_server_extension_points():
    return [{"module": "pipalhub_singleuser"}]


def _load_jupyter_server_extension(app):
    from .extension import load

    load(app)


def post_save_hook(model, os_path, contents_manager, **kwargs):
    """For `c.FileContentsManager.post_save_hook`; see `hook`."""
    from .hook import note_save

    note_save(model, os_path, contents_manager)
