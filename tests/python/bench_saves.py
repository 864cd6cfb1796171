"""The time that reporting adds to a save of a participant's JupyterLab.

Two real servers side by side, one without the extension and one with it, are saved to in
turns, so that whatever else the machine does is done to both. Each save waits until what came of
the one before has been reported, as people do who save every few seconds, but in the state that
says `at once`. For each state that the service can be in, and notebooks of up to 50 MB, it prints
how long saves took, and how long the extension itself was on the way of a save. It ends with 1
when a save failed, or when more than 3 ms were added at the 99th percentile:

    python tests/python/bench_saves.py [SAVES]

Saves of large notebooks take a second and vary by more than 3 ms by themselves, so that of those
the 3 ms are those of the extension on the way, and what is added is held at the median.

It needs jupyter_server; `cargo xtask bench saves` runs it in the Hub's venv.
"""

import http.client
import json
import pathlib
import statistics
import sys
import tempfile
import time
import urllib.parse

from copies_service import CopiesService
from counting_proxy import in_process_of_its_own
from support import ETC, JupyterServer, RawService, Service, environment_of

DEFAULT_SAVES = 1000
MAX_ADDED_MS = 3
# Of saves that take long by themselves, how much more they may take at the median.
MOST_ADDED = 0.05
# Of the measurement, because Python imports and compiles in the first ones.
WARM_UP = 50
# How many cells make 0.2, 5 and 50 MB; of large notebooks there are fewer saves.
SMALL, MEDIUM, LARGE, HUGE = 40, 400, 9_500, 95_000
FEWER = {SMALL: 1, MEDIUM: 2, LARGE: 10, HUGE: 50}
# How long a save may take to be reported, in seconds, and how often that is asked.
PATIENCE_S = 60
POLL_S = 0.01

# Configuration of a server that times what the extension does on the way of a save.
TIMED = """
import atexit, json, os, time
from pipalhub_singleuser import reporter, saves

took = []

def timed(function):
    def run(*args, **kwargs):
        begun = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            took.append((time.perf_counter() - begun) * 1000)
    return run

reporter.Reporter.note = timed(reporter.Reporter.note)
saves.Saves.note = timed(saves.Saves.note)
atexit.register(lambda: open(os.environ["BENCH_TIMES"], "w").write(json.dumps(took)))
"""


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


class WellService:
    """A service that takes contents, in a process of its own."""

    def __init__(self):
        self.port = in_process_of_its_own(CopiesService)
        self.url = f"http://127.0.0.1:{self.port}/base/"

    def told(self):
        """How many saves it has been told of."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", urllib.parse.urlsplit(self.url).path + "told")
        told = json.loads(connection.getresponse().read())["told"]
        connection.close()
        return told

    def wait(self, told):
        """Until it has been told of so many."""
        deadline = time.monotonic() + PATIENCE_S
        while self.told() < told:
            if time.monotonic() > deadline:
                raise AssertionError("a save was not reported")
            time.sleep(POLL_S)

    def stop(self):
        pass


class HurriedService(WellService):
    """The same, for saves that wait for nothing."""

    def wait(self, told):
        pass


STATES = [
    ("well", WellService, "", SMALL),
    ("well, 0.2 MB", WellService, "", MEDIUM),
    ("well, 0.2 MB, at once", HurriedService, "", MEDIUM),
    ("well, 5 MB", WellService, "", LARGE),
    ("well, 50 MB", WellService, "", HUGE),
    ("without contents", Service, "", SMALL),
    ("down", ClosedPort, "", SMALL),
    ("hanging", lambda: RawService(None), "", SMALL),
    ("nonsense", lambda: RawService(b"\x00\xff lorem ipsum\r\n\r\n"), "", SMALL),
    ("hanging, by hook", lambda: RawService(None), ETC / "jupyter_server_config.py", SMALL),
]


def main():
    saves = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SAVES
    print(f"{saves} saves each, of large notebooks fewer, in ms")
    print(f"{'':24}{'without':>17}{'with':>16}{'added':>16}{'itself':>9}")
    print(f"{'the service is':24}{'p50':>9}{'p99':>8}{'p50':>9}{'p99':>8}"
          f"{'p50':>9}{'p99':>8}{'p99':>9}   failed")
    # A list, so that all states are measured.
    all_well = [measure(*state, saves) for state in STATES]
    return 0 if all(all_well) else 1


def measure(name, make_service, config, cells, saves):
    """Whether saves are within the limits while the service is in this state."""
    saves = max(saves // FEWER[cells], 5)
    warm_up = WARM_UP // FEWER[cells] + 1
    service = make_service()
    times = pathlib.Path(tempfile.mkdtemp()) / "times"
    environment = {**environment_of("alice", service.url), "BENCH_TIMES": str(times)}
    hook = config and config.read_text()
    without = JupyterServer(environment, extension=False)
    with_it = JupyterServer(environment, hook + TIMED, extension=not hook)
    try:
        took, failed = save_in_turns(name, service, without, with_it, cells, warm_up, saves)
    finally:
        without.stop()
        with_it.stop()
        service.stop()
    before, after = percentiles(took[without]), percentiles(took[with_it])
    added = [b - a for a, b in zip(before, after)]
    _, itself = percentiles(json.loads(times.read_text()))
    print(f"{name:24}" + "".join(f"{p50:9.2f}{p99:8.2f}" for p50, p99 in
                                 [before, after, added]) + f"{itself:9.2f}{failed:9}", flush=True)
    if cells > MEDIUM:
        added_at_most = max(MAX_ADDED_MS, before[0] * MOST_ADDED)
        return failed == 0 and itself <= MAX_ADDED_MS and added[0] <= added_at_most
    return failed == 0 and itself <= MAX_ADDED_MS and added[1] <= MAX_ADDED_MS


def save_in_turns(name, service, without, with_it, cells, warm_up, saves):
    """How long the saves of both servers took, and how many of the one with it failed."""
    work = notebook(cells)
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
            if server is with_it and isinstance(service, WellService):
                service.wait(number + warm_up + 1)
    return took, failed


def percentiles(times):
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    sys.exit(main())
