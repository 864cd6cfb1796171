"""The time that reporting adds to a save of a participant's JupyterLab.

Two real servers side by side, one without the extension and one with it, are saved to in
turns, so that other work of the machine affects both. For each state of the service it
prints the times of saves. It ends with 1 when a save failed or when more than 3 ms were
added at the 99th percentile:

    python tests/python/bench_saves.py [SAVES]

It needs jupyter_server; `cargo xtask bench saves` runs it in the Hub's venv.
"""

import statistics
import sys
import time

from support import ETC, JupyterServer, RawService, Service, environment_of

DEFAULT_SAVES = 1000
MAX_ADDED_MS = 3
# Saves before the measurement, because Python imports and compiles in the first ones.
WARM_UP_SAVES = 50
# A notebook as large as those of participants.
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": number,
            "source": f"value = {number}\nprint(value)",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "7\n" * 20}],
        }
        for number in range(40)
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
    ("well", Service, ""),
    ("down", ClosedPort, ""),
    ("hanging", lambda: RawService(None), ""),
    ("nonsense", lambda: RawService(b"\x00\xff lorem ipsum\r\n\r\n"), ""),
    ("hanging, by hook", lambda: RawService(None), ETC / "jupyter_server_config.py"),
]


def main():
    saves = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SAVES
    print(f"{saves} saves each, in ms   {'without':>15} {'with':>15} {'added':>15}")
    print(f"{'the service is':24}{'p50':>9}{'p99':>8}{'p50':>9}{'p99':>8}"
          f"{'p50':>9}{'p99':>8}   failed")
    # A list, so that all states are measured.
    all_well = [measure(*state, saves) for state in STATES]
    return 0 if all(all_well) else 1


def measure(name, make_service, config, saves):
    """Whether saves are within the limits while the service is in this state."""
    service = make_service()
    environment = environment_of("alice", service.url)
    config = config and config.read_text()
    without = JupyterServer(environment, extension=False)
    with_it = JupyterServer(environment, config, extension=not config)
    try:
        took = {without: [], with_it: []}
        failed = 0
        for number in range(-WARM_UP_SAVES, saves):
            # In alternating order, so that neither server is always the first.
            for server in [without, with_it][:: 1 if number % 2 else -1]:
                begun = time.perf_counter()
                try:
                    server.save("work.ipynb", NOTEBOOK)
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
    return failed == 0 and added[1] <= MAX_ADDED_MS


def percentiles(times):
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    sys.exit(main())
