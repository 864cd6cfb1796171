"""The proxy of a node, which the Hub does not start, and which may be started again at any time."""

import asyncio

from jupyterhub.proxy import ConfigurableHTTPProxy

# How often it is looked whether the proxy still knows its routes, in seconds.
LOOK_INTERVAL_S = 1


class KeptProxy(ConfigurableHTTPProxy):
    """Gives a proxy its routes back that was started anew and has none.

    A Hub does so every five minutes, in which nobody would reach anything.
    """

    _watching = None

    async def check_routes(self, user_dict, service_dict, routes=None):
        result = await super().check_routes(user_dict, service_dict, routes)
        if self._watching is None:
            self._watching = asyncio.ensure_future(self._watch(user_dict, service_dict))
        return result

    async def _watch(self, user_dict, service_dict):
        is_away = False
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            try:
                routes = await self.get_all_routes()
                if self.app.hub.routespec in routes:
                    is_away = False
                    continue
                self.log.warning("The proxy was started anew: it gets its routes back")
                await super().check_routes(user_dict, service_dict, routes)
            except Exception as error:
                # It is being started, by whoever starts it.
                if not is_away:
                    self.log.warning("The proxy does not answer: %s", error)
                is_away = True
