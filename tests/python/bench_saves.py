"""The time that reporting adds to a save of a participant's JupyterLab.

Two real servers side by side, one without the extension and one with it, are saved to in
turns, so that whatever else the machine does is done to both. For each state that the
service can be in, and notebooks of up to 50 MB, it prints how long saves took and ends with 1
when one failed, or when more than 3 ms were added at the 99th percentile, or 5 % at the median
of a large notebook:

    python tests/python/bench_saves.py [SAVES]

It needs jupyter_server; `cargo xtask bench saves` runs it in the Hub's venv.
"""

import statistics
import sys
import time

from copies_service import CopiesService
from support import ETC, JupyterServer, RawService, Service, environment_of

DEFAULT_SAVES = 1000
MAX_ADDED_MS = 3
# Saves before a save that takes long, its part at the median.
MOST_ADDED = 0.05
# Of the measurement, because Python imports and compiles in the first ones.
WARM_UP_SAVES = 50
# How many cells make 0.2, 5 and 50 MB; of large notebooks there are fewer saves.
SMALL, MEDIUM, LARGE, HUGE = 40, 400, 9_500, 95_000
FEWER = {SMALL: 1, MEDIUM: 2, LARGE: 20, HUGE: 200}


def notebook(cells):
    """A notebook as large as those of participants."""
    return {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "execution_count": number,
                "source": f"value = {number}\nprint(value)",
                "outputs": [{"output_type": "stream", "name": "stdout", "text": "7\n" * 20}],
            }
            for number in range(cells)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


class ClosedPort:
    """A port without a listener."""

    def __init__(self):
        service = RawService(b"")
        service.stop()
        self.url = service.url

    def stop(self):
        pass


STATES = [
    ("well", CopiesService, "", SMALL),
    ("well, 0.2 MB", CopiesService, "", MEDIUM),
    ("well, 5 MB", CopiesService, "", LARGE),
    ("well, 50 MB", CopiesService, "", HUGE),
    ("without contents", Service, "", SMALL),
    ("down", ClosedPort, "", SMALL),
    ("hanging", lambda: RawService(None), "", SMALL),
    ("nonsense", lambda: RawService(b"\x00\xff lorem ipsum\r\n\r\n"), "", SMALL),
    ("hanging, by hook", lambda: RawService(None), ETC / "jupyter_server_config.py", SMALL),
]


def main():
    saves = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SAVES
    print(f"{saves} saves each, of large notebooks fewer, in ms")
    print(f"{'':24}{'without':>17}{'with':>16}{'added':>16}")
    print(f"{'the service is':24}{'p50':>9}{'p99':>8}{'p50':>9}{'p99':>8}"
          f"{'p50':>9}{'p99':>8}   failed")
    # A list, so that all states are measured.
    all_well = [measure(*state, saves) for state in STATES]
    return 0 if all(all_well) else 1


def measure(name, make_service, config, cells, saves):
    """Whether saves are within the limits while the service is in this state."""
    saves = max(saves // FEWER[cells], 5)
    warm_up = WARM_UP // FEWER[cells] + 1
    work = notebook(cells)
    service = make_service()
    environment = environment_of("alice", service.url)
    config = config and config.read_text()
    without = JupyterServer(environment, extension=False)
    with_it = JupyterServer(environment, config, extension=not config)
    try:
        took = {without: [], with_it: []}
        failed = 0
        for number in range(-warm_up, saves):
            # A line is typed.
            work["cells"][cells // 2]["source"] = f"value = {number}"
            # Neither is always the first.
            for server in [without, with_it][:: 1 if number % 2 else -1]:
                begun = time.perf_counter()
                try:
                    server.save("work.ipynb", work)
                except Exception as error:
                    failed += server is with_it
                    print(f"{name}: {error}", file=sys.stderr)
                if number >= 0:
                    took[server].append((time.perf_counter() - begun) * 1000)
    finally:
        without.stop()
        with_it.stop()
        service.stop()
    before, after = percentiles(took[without]), percentiles(took[with_it])
    added = [b - a for a, b in zip(before, after)]
    print(f"{name:24}" + "".join(f"{p50:9.2f}{p99:8.2f}" for p50, p99 in
                                 [before, after, added]) + f"{failed:9}", flush=True)
    if cells > MEDIUM:
        # Of a few saves of seconds the 99th percentile is the machine's doing.
        return failed == 0 and added[0] <= max(MOST_ADDED_MS, before[0] * MOST_ADDED)
    return failed == 0 and added[1] <= MAX_ADDED_MS


def percentiles(times):
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    sys.exit(main())
