"""A rate limit for sending, below the limit of the service."""

import time


class Pace:
    """One every `seconds` on average, and up to `burst` of them at once after a rest."""

    def __init__(self, seconds, burst, clock=time.monotonic):
        self._seconds = seconds
        self._burst = burst
        self._clock = clock
        # When everything sent so far would have been sent, at one every `seconds`.
        self._paid_until = clock()

    def sent(self):
        """Notes one that was sent; returns the seconds to wait before the next."""
        now = self._clock()
        self._paid_until = max(self._paid_until, now) + self._seconds
        ahead = self._paid_until - now - self._burst * self._seconds
        return max(0, ahead)
