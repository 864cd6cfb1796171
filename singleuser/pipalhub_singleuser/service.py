"""The address of the service, and the user and token of this server.

PIPALHUB_URL is set by `pipalhub.configure` in the Hub's configuration; JUPYTERHUB_USER,
JUPYTERHUB_API_TOKEN and JUPYTERHUB_SERVER_NAME the Hub gives every server. The token goes to PIPALHUB_URL only, and
never into a log or to a page.
"""

import os
from dataclasses import dataclass, field

from . import __version__


@dataclass(frozen=True)
class Service:
    """The service as one participant's server knows it."""

    url: str
    token: str = field(repr=False)
    user: str
    # The name of this server among several of one participant; empty for the first.
    server: str = ""

    @classmethod
    def from_environment(cls):
        """None without a configured service, or without a Hub."""
        url = os.environ.get("PIPALHUB_URL")
        token = os.environ.get("JUPYTERHUB_API_TOKEN")
        user = os.environ.get("JUPYTERHUB_USER")
        server = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
        return cls(url, token, user, server) if url and token and user else None

    def address(self, path):
        """The address of `path` below the service."""
        return self.url.rstrip("/") + "/" + path

    def headers(self):
        """The headers of every request to the service."""
        return {
            "Authorization": "token " + self.token,
            "Content-Type": "application/json",
            # The page *Setup* shows the version.
            "User-Agent": f"pipalhub-singleuser/{__version__}",
        }
