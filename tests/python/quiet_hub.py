"""What real Hubs of these tests have in common: a proxy that keeps its routes to itself."""

import socket

# The beginning of a configuration, for `format`: `wheel` is where the package `pipalhub` is.
CONFIG = """
import sys
sys.path.insert(0, {wheel!r})
from jupyterhub.proxy import Proxy

class QuietProxy(Proxy):
    should_start = False
    routes = {{}}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {{"routespec": routespec, "target": target, "data": data}}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return self.routes

c.JupyterHub.proxy_class = QuietProxy
c.JupyterHub.hub_port = {hub_port}
"""


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        for listener in (one, other):
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in (one, other)]
