"""Enables the extension in a server with a configured service, and nothing in any other."""

import os

from . import reporter, saves
from .client import Client
from .events import SCHEMA, listener
from .handlers import routes
from .notices import Notices
from .receipts import Receipts
from .service import Service


def load(app):
    """Called by jupyter_server when it starts, with the application."""
    service = Service.from_environment()
    if service is None:
        return
    _report_saves(app)
    _serve_notices(app, Client(service))


def _report_saves(app):
    shared = reporter.shared()
    # The reporter writes to the server's log.
    shared.log = app.log
    on_contents_event = listener(shared, app.contents_manager, app.log)
    app.event_logger.add_listener(schema_id=SCHEMA, listener=on_contents_event)
    saves.watch(app.contents_manager, shared, app.log)


def _serve_notices(app, client):
    home = os.path.expanduser("~")
    root = getattr(app.contents_manager, "root_dir", home)
    notices = Notices(client, home, root, app.log)
    handlers = routes(app.web_app.settings["base_url"], notices, Receipts(client))
    app.web_app.add_handlers(".*$", handlers)
