"""Reports to the service that a notice was shown or opened, or a handout opened, in the background.

The page does not wait for it. While the service is away a bounded number of receipts is kept,
each once; sending one twice does no harm. One that is not accepted goes behind the others.
"""

import asyncio

from .backoff import Backoff
from .client import Unanswered

SHOWN = "shown"
OPENED = "opened"
STATES = (SHOWN, OPENED)
MAX_PENDING = 500
FIRST_DELAY = 0.5
MAX_DELAY = 60


class Receipts:
    """Sends receipts one after the other, in the order they came."""

    def __init__(self, client):
        self._client = client
        # A dictionary keeps the order and has each receipt once.
        self._pending = {}
        self._task = None
        self._backoff = Backoff(FIRST_DELAY, MAX_DELAY)

    def note(self, notice_id, state):
        """Queues the receipt of a notice."""
        self.send(f"api/notices/{notice_id}/receipt", state)

    def send(self, path, state):
        """Queues a receipt for `path`; beyond the bound, further ones are dropped."""
        if len(self._pending) < MAX_PENDING:
            self._pending[path, state] = None
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._send_all())

    async def _send_all(self):
        while self._pending:
            path, state = receipt = next(iter(self._pending))
            try:
                await self._client.ask(path, body={"state": state})
            except Unanswered as error:
                if not error.final:
                    # Behind the others, which may be accepted.
                    self._pending[receipt] = self._pending.pop(receipt)
                    await asyncio.sleep(self._backoff.failed(error.retry_after))
                    continue
            self._backoff.succeeded()
            del self._pending[receipt]
