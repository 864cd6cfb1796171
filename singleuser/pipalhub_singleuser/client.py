"""Sends requests to the service without blocking, by tornado's client on the server's loop.

Saves are reported by `reporter` instead, which has a thread and no loop.
"""

import json

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from .answers import ABSENT, REFUSED, meaning_of

# Seconds that the service may take to answer, in addition to `wait`.
TIMEOUT = 10
# The longest answer that is read, in bytes: more than all notices of a class.
MAX_ANSWER = 4 * 1024 * 1024


class Unanswered(Exception):
    """The request failed.

    `final` when the same request would fail later too, `lasting` when it may succeed later, but
    not soon, because the configuration has to change first. `status` is that of the answer, if
    there was one.
    """

    def __init__(self, why, final=False, lasting=False, retry_after=None, status=None):
        super().__init__(why)
        self.status = status
        self.final = final
        self.lasting = lasting
        self.retry_after = retry_after


class Client:
    """Sends requests with the participant's token."""

    def __init__(self, service):
        self._service = service
        self._client = None

    async def ask(self, path, body=None, wait=0, method=None):
        """Returns the answer's body, bytes; `wait` is how long the service may wait for news.

        `method` is GET, or POST of a body, unless it is given.
        """
        if self._client is None:
            # Made here, where there is a loop; a separate instance, so that these requests do not
            # share a queue with those of other extensions.
            self._client = AsyncHTTPClient(force_instance=True, max_body_size=MAX_ANSWER)
        request = HTTPRequest(
            self._service.address(path),
            method=method or ("GET" if body is None else "POST"),
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
                # Another path may exist where this one does not.
                final=meaning == REFUSED or status in (404, 405, 410),
                lasting=meaning in (REFUSED, ABSENT),
                retry_after=answer and answer.headers.get("Retry-After"),
                status=status,
            ) from None
        except Exception as error:
            # Any other failure of the network, or an invalid answer.
            raise Unanswered(type(error).__name__) from None
