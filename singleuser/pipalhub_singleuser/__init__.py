"""The participants' side of PipalHub, for every participant's server.

A jupyter_server extension that is on once this package is installed:

* `extension` switches it on in a server
* `events` knows what of the server's own events is worth telling
* `saves` sees which saves fail
* `reporter` tells it, from a thread of its own, and never fails or delays a save
* `push` sends what a notebook holds: `content` reads what of it may leave, which `private` and
  `spelling` decide, `delta` is what is new since `bases`, the contents that were sent last
* `inventory` tells which notebooks there are, which `walk` finds; `ledger` is what the service
  has of them
* `errands` fetches files that the service has for the participant, `place` writes them
* `hook` is the same for a Hub that is configured by a post_save_hook
* `notices` keeps what the instructor tells participants, `receipts` says that it was had, `help`
  sends that the participant needs help or is done, `workshop` knows what else the panel shows,
  `handlers` serves all four to JupyterLab, which shows them (`data/share/jupyter/labextensions`)
* `service` says where the service is, `client` and `connection` (in time, by `bounded`) how it
  is asked, `answers` what its answers mean, `pending`, `pace` and `backoff` when it is asked
  again

It needs jupyter_server, with what that needs (tornado), and nothing else. Imports here are
late, so that a server that only needs the hook loads nothing more.
"""

# As in pyproject.toml; the service is told with every request, to say whose package is old.
__version__ = "0.1.0"


def _jupyter_server_extension_points():
    return [{"module": "pipalhub_singleuser"}]


def _load_jupyter_server_extension(app):
    from .extension import load

    load(app)


def post_save_hook(model, os_path, contents_manager, **kwargs):
    """For `c.FileContentsManager.post_save_hook`; see `hook`."""
    from .hook import note_save

    note_save(model, os_path, contents_manager)
