"""Switches everything on in a server that knows of a service, and nothing in any other."""

from . import reporter
from .events import SCHEMA, listener
from .service import Service


def load(app):
    """Called by jupyter_server when it starts, with the application."""
    service = Service.from_environment()
    if service is None:
        return
    shared = reporter.shared()
    # What happens is for the server's own log.
    shared.log = app.log
    manager = app.contents_manager
    app.event_logger.add_listener(
        schema_id=SCHEMA, listener=listener(shared, manager, app.log)
    )
