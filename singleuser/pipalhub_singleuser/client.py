"""How the service is asked without anybody waiting: tornado's client, on the server's loop.

Saves are not reported by this but by `reporter`, which has a thread and no loop.
"""

import json

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from .answers import ABSENT, REFUSED, meaning_of

# Seconds that the service may take to answer, beyond what it was asked to wait.
TIMEOUT = 10
# More than all notices of a class; what is longer is not read.
MAX_ANSWER = 4 * 1024 * 1024


class Unanswered(Exception):
    """There is no answer to go by.

    `final` when the same question would get none later either, `lasting` when it is worth
    asking again, but not soon: somebody has to change something first.
    """

    def __init__(self, why, final=False, lasting=False, retry_after=None):
        super().__init__(why)
        self.final = final
        self.lasting = lasting
        self.retry_after = retry_after


class Client:
    """Asks the service in the participant's name."""

    def __init__(self, service):
        self._service = service
        self._client = None

    async def ask(self, path, body=None, wait=0):
        """The answer's body, bytes; `wait` is how long the service was asked to think."""
        if self._client is None:
            # Made here, where there is a loop; its own, so that nobody else's requests
            # stand in line with these.
            self._client = AsyncHTTPClient(force_instance=True, max_body_size=MAX_ANSWER)
        request = HTTPRequest(
            self._service.address(path),
            method="GET" if body is None else "POST",
            body=None if body is None else json.dumps(body),
            headers=self._service.headers(),
            connect_timeout=TIMEOUT,
            request_timeout=wait + TIMEOUT,
            # The token must not travel anywhere else.
            follow_redirects=False,
        )
        try:
            return (await self._client.fetch(request)).body
        except HTTPClientError as error:
            status, answer = error.code, error.response
            meaning = meaning_of(status)
            raise Unanswered(
                f"HTTP {status}",
                # What is not there may be there for another question.
                final=meaning == REFUSED or status in (404, 405, 410),
                lasting=meaning in (REFUSED, ABSENT),
                retry_after=answer and answer.headers.get("Retry-After"),
            ) from None
        except Exception as error:
            # Whatever else a network and a stranger's answer can be.
            raise Unanswered(type(error).__name__) from None
