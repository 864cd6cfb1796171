"""How long to wait before a failed request is sent again."""

import random

# The longest Retry-After that is honoured, in seconds.
MAX_RETRY_AFTER = 300


class Backoff:
    """Seconds between attempts: doubled with each failure, up to `most`."""

    def __init__(self, first, most):
        self._first = first
        self._most = most
        self.failures = 0

    def succeeded(self):
        """Returns whether there had been a failure before."""
        had_failed = self.failures > 0
        self.failures = 0
        return had_failed

    def failed(self, retry_after=None, most=None):
        """Returns the seconds to wait; `retry_after` is the answer's header, or None, and
        `most` another bound for this time.
        """
        # Bounded, so that the power below stays small.
        self.failures = min(self.failures + 1, 16)
        delay = min(most or self._most, self._first * 2**self.failures)
        # Spread out, so that a whole class does not come back in the same instant.
        return delay * random.uniform(0.5, 1) + seconds_of(retry_after)


def seconds_of(retry_after):
    """The seconds in a Retry-After header; its other form, a date, counts as none."""
    try:
        seconds = float(retry_after)
    except (TypeError, ValueError):
        return 0
    # NaN is neither below nor above the bounds.
    return min(max(seconds, 0), MAX_RETRY_AFTER) if seconds == seconds else 0
