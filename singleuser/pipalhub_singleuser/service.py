"""The address of the service, and the user and token of this server.

The Hub's configuration (etc/jupyterhub) sets PIPALHUB_URL; the Hub sets JUPYTERHUB_USER and
JUPYTERHUB_API_TOKEN for every server. The token is sent to PIPALHUB_URL only, and never written
into a log or sent to a page.
"""

import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Service:
    """The service as one participant's server knows it."""

    url: str
    token: str = field(repr=False)
    user: str

    @classmethod
    def from_environment(cls):
        """None without a configured service, or without a Hub."""
        url = os.environ.get("PIPALHUB_URL")
        token = os.environ.get("JUPYTERHUB_API_TOKEN")
        user = os.environ.get("JUPYTERHUB_USER")
        return cls(url, token, user) if url and token and user else None

    def address(self, path):
        """The address of `path` below the service."""
        return self.url.rstrip("/") + "/" + path

    def headers(self):
        """The headers of every request to the service."""
        return {
            "Authorization": "token " + self.token,
            "Content-Type": "application/json",
        }
