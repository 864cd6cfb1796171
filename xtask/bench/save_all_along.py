"""A class that saves all along by participants' real reporters and inventories:

    save_all_along.py URL HOMES PARTICIPANTS

Each of them has a few notebooks and saves one of them, in turns, every ten seconds. It answers each
line of its input, a command, by a line of JSON: `begin`, once all is told and saves begin;
`figures`, since `clear`; `stop`, with what is on the disks then. `cargo xtask faults --only
class-without-service` takes the service away meanwhile.
"""

import collections
import hashlib
import json
import logging
import os
import sys
import threading
import time

from participants import Participant, RequestLog, wait_until

NOTEBOOKS = ["day1.ipynb", "day2.ipynb", "notes/mine.ipynb"]
# Seconds between two saves of one participant.
INTERVAL = 10
# How many cells a notebook has: about 60 kB.
CELLS = 150


def notebook(user, name, number):
    """Another one for each `number`."""

    def cell(at):
        value = number if at == CELLS // 2 else 0
        return {
            "cell_type": "code",
            "execution_count": at,
            "id": f"c{at}",
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["7\n"] * 20}],
            "source": [f"value = {value}  # {user} {name} {at}\n", "print(value)"],
        }

    content = {"cells": [cell(at) for at in range(CELLS)], "metadata": {}}
    return json.dumps({**content, "nbformat": 4, "nbformat_minor": 5}).encode()


class SavingClass:
    """All participants, and a thread that saves for them, one after the other."""

    def __init__(self, url, homes, count):
        self._participants = [Participant(url, homes, f"p{number}") for number in range(count)]
        self._requests = RequestLog()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._save_all_along)
        # By participant and notebook: what is before and after the number that changes with each save.
        self._parts = {}
        self.clear()

    def clear(self):
        self._requests.clear()
        self._note_ms = []
        self._failures = collections.Counter()
        return {}

    def begin(self):
        for participant in self._participants:
            for name in NOTEBOOKS:
                participant.write(name, notebook(participant.user, name, 0))
                numbered = notebook(participant.user, name, "NUMBER")
                self._parts[participant, name] = numbered.split(b"NUMBER")
            participant.inventory.start()
        wait_until(
            "everything is told",
            lambda: all(
                participant.is_told(name)
                for participant in self._participants
                for name in NOTEBOOKS
            ),
        )
        self._thread.start()
        return {}

    def _save_all_along(self):
        due = time.monotonic()
        number = 0
        while not self._stopped.wait(max(0, due - time.monotonic())):
            due += INTERVAL / len(self._participants)
            participant = self._participants[number % len(self._participants)]
            # In turns, so that what was saved while the service was away is not saved once more.
            name = NOTEBOOKS[number // len(self._participants) % len(NOTEBOOKS)]
            before, after = self._parts[participant, name]
            number += 1
            try:
                participant.write(name, before + str(number).encode() + after)
                begun = time.perf_counter()
                participant.note(name)
                self._note_ms.append((time.perf_counter() - begun) * 1000)
            except Exception as error:
                self._failures[type(error).__name__] += 1

    def figures(self):
        note_ms = sorted(self._note_ms) or [0]
        with open("/proc/self/status") as status:
            resident = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
        return {
            "saves": len(self._note_ms),
            "failed": sum(self._failures.values()),
            "note_ms": [note_ms[len(note_ms) // 2], note_ms[len(note_ms) * 99 // 100]],
            "threads": threading.active_count(),
            "resident_kib": int(resident),
            "most_pending": max(one.reporter.pending() for one in self._participants),
            "requests": self._requests.figures(),
        }

    def stop(self):
        self._stopped.set()
        self._thread.join()
        files = []
        for participant in self._participants:
            for name in NOTEBOOKS:
                with open(participant.path(name), "rb") as file:
                    sha256 = hashlib.sha256(file.read()).hexdigest()
                files.append({"user": participant.user, "filename": name, "sha256": sha256})
        return {"files": files}


def main(url, homes, count):
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    saving = SavingClass(url, homes, count)
    commands = [saving.begin, saving.figures, saving.clear, saving.stop]
    by_name = {command.__name__: command for command in commands}
    for line in sys.stdin:
        print(json.dumps(by_name[line.strip()]()), flush=True)
    # Without waiting for threads that may wait for the service.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
