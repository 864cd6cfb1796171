"""Enables the extension in a server with a configured service; in any other only what whoever runs
it has put into everyone's JupyterLab (custom.py).
"""

import os

from . import reporter, saves
from .client import Client
from .custom import Custom
from .errands import Errands
from .events import SCHEMA, listener
from .handlers import custom_routes, routes
from .help import Help
from .inventory import Inventory
from .notices import Notices
from .openings import Openings
from .receipts import Receipts
from .service import Service
from .workshop import Workshop


def load(app):
    """Called by jupyter_server when it starts, with the application."""
    _serve_custom(app)
    service = Service.from_environment()
    if service is None:
        return
    client = Client(service)
    receipts = Receipts(client)
    _report_saves(app, service, Openings(receipts))
    _serve_workshop(app, service, client, receipts)


def _serve_custom(app):
    custom = Custom.from_environment(app.log)
    handlers = custom_routes(app.web_app.settings["base_url"], custom)
    app.web_app.add_handlers(".*$", handlers)


def _report_saves(app, service, openings):
    shared = reporter.shared()
    # The reporter writes to the server's log.
    shared.log = app.log
    folder_changed = _keep_in_step(app, service, shared, openings)
    on_contents_event = listener(
        shared, app.contents_manager, app.log, folder_changed, openings.heard
    )
    app.event_logger.add_listener(schema_id=SCHEMA, listener=on_contents_event)
    saves.watch(app.contents_manager, shared, app.log)


def _keep_in_step(app, service, shared, openings):
    """Starts what looks at the server's files, where they are on a disk; what is to be called
    when a folder has changed.
    """
    root = getattr(app.contents_manager, "root_dir", None)
    if not root or not os.path.isdir(root):
        return lambda: None
    inventory = Inventory(service, shared, root, app.log)
    inventory.start()
    Errands(service, shared, root, app.log, openings.written).start()
    return inventory.soon


def _serve_workshop(app, service, client, receipts):
    home = os.path.expanduser("~")
    root = getattr(app.contents_manager, "root_dir", home)
    notices = Notices(client, home, root, app.log)
    workshop = Workshop(client, service, reporter.shared())
    help = Help(client, service.server, notices)
    handlers = routes(app.web_app.settings["base_url"], notices, receipts, workshop, help)
    app.web_app.add_handlers(".*$", handlers)
