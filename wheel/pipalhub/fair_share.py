"""`python -m pipalhub.fair_share`: keeps each participant's processes to their share, in a container.

The kernel holds each process to limits there, and not all of one participant's together (see
limits.py). So this looks every few seconds at what they take. Whoever is over the limit of memory
loses the largest process, and the server itself last; whoever has as many processes as they may
loses all but the server, since only a program that starts itself again and again gets there;
whoever uses more of the processors than is theirs comes after everybody else, until they use less.
What is done is said in the log.

It runs as root, since it judges everyone, and needs of root's rights four: CAP_KILL, CAP_SYS_NICE,
CAP_SETUID and CAP_SETGID.
"""

import collections
import json
import os
import signal
import sys
import time

from .processes import (
    end,
    idle_time,
    in_proportion,
    processes_of,
    processors,
    renice,
    signal_all,
    stop_all_of,
    threads_of,
)

NOTES = os.environ.get("PIPALHUB_LIMITS", "/run/pipalhub-limits")
# How often it looks, in seconds.
INTERVAL_S = 2
# How soon again while one has too many processes.
SOON_S = 0.3
# Over so many seconds the use of processors is measured, and so long one comes last at least.
WINDOW_S = 10
# Who comes last runs when nobody else wants to; others as limits.py starts them.
LAST, USUAL = 19, 5
# While processors are this busy, one's share is what there is for each who works, and half more.
BUSY, GENEROSITY = 0.9, 1.5
# Who uses less of a processor does not work, but waits.
AT_WORK = 0.05
# With so much of the processes that one may have, in two looks, one has all of them.
CROWD = 0.9
# So many processes of one participant may go on while it is looked at what they share.
FEW = 16


class Share:
    """What is known of one participant from look to look."""

    def __init__(self):
        self.uses = collections.deque()
        self.comes_last_until = None
        self.crowded = 0

    def use(self, now, processes):
        """How many processors they used over the last seconds."""
        self.uses.append((now, {it.pid: (it.started, it.cpu) for it in processes}))
        while len(self.uses) > 2 and self.uses[1][0] <= now - WINDOW_S:
            self.uses.popleft()
        looks = [look for _, look in self.uses]
        used = sum(map(_used, looks, looks[1:]))
        return used / max(now - self.uses[0][0], INTERVAL_S)


def _used(before, after):
    """Processor time between two looks.

    Whoever waits for a process that has ended takes its time over, so the sum is right. Times of
    those that nobody has waited for are gone from it, and for this once it is too small.
    """
    total = sum(cpu for _, cpu in after.values()) - sum(cpu for _, cpu in before.values())
    return max(0.0, total)


class FairShare:
    """Looks, and does what has to be done."""

    def __init__(self, notes=NOTES, log=None):
        self.notes = notes
        self.log = log or (lambda text: print(f"fair share: {text}", file=sys.stderr, flush=True))
        self.shares = {}
        self.processors = processors()
        self.idle = collections.deque(maxlen=1 + WINDOW_S // INTERVAL_S)

    def look(self):
        """Looks once, and returns how long there is time until the next look, in seconds."""
        now = time.monotonic()
        self.idle.append(idle_time())
        limits = read_limits(self.notes)
        found = collections.defaultdict(list)
        for process in processes_of(set(limits)):
            found[process.uid].append(process)
        uses = {}
        for uid, processes in found.items():
            share = self.shares.setdefault(uid, Share())
            uses[uid] = share.use(now, processes)
            if not self._hold_number(share, uid, limits[uid], processes):
                self._hold_memory(uid, limits[uid], processes)
        most = self._most(uses)
        for uid, use in uses.items():
            self._hold_processors(now, uid, limits[uid], use, most, found[uid])
        for uid in [uid for uid in self.shares if uid not in found]:
            del self.shares[uid]
        return SOON_S if any(it.crowded for it in self.shares.values()) else INTERVAL_S

    def _hold_memory(self, uid, limit, processes):
        left = list(processes)
        taken = sum(it.memory for it in left)
        if not limit.get("memory") or taken <= limit["memory"]:
            return
        # Processes that were forked share much, which is counted more than once so far. Many that
        # work would be slow to look at, and become more meanwhile.
        are_stopped = len(left) > FEW
        if are_stopped:
            stop_all_of(uid)
        taken = first = in_proportion(uid, left) or taken
        while taken > limit["memory"] and left:
            is_server = servers_of(limit, left)
            others = [it for it in left if it.pid not in is_server]
            largest = max(others or left, key=lambda it: it.memory)
            if end(largest):
                self._say_ended(limit, first, largest, len(processes) - len(left))
            left.remove(largest)
            taken -= largest.memory
        if are_stopped:
            signal_all(processes_of({uid}), signal.SIGCONT)

    def _say_ended(self, limit, taken, process, place):
        """A line for the first of them, and one for the tenth: there may be hundreds."""
        if place in (0, 9):
            self.log(
                f"{limit['name']} takes {_mib(taken)} of memory and may take "
                f"{_mib(limit['memory'])}: process {process.pid} with {_mib(process.memory)} "
                f"ends{', as do others' if place else ''}"
            )

    def _hold_number(self, share, uid, limit, processes):
        """Whether there are too many; at the second look all but the server are ended."""
        most = limit.get("processes")
        count = sum(it.threads for it in processes)
        share.crowded = share.crowded + 1 if most and count >= CROWD * most else 0
        if share.crowded == 1:
            # Until it is clear, others come first.
            renice(os.PRIO_USER, uid, LAST)
            share.comes_last_until = time.monotonic() + WINDOW_S
        if share.crowded < 2:
            return share.crowded == 1
        share.crowded = 0
        self.log(
            f"{limit['name']} has {count} of {most} processes and threads: all but the server end"
        )
        stop_all_of(uid)
        stopped = list(processes_of({uid}))
        kept = servers_of(limit, stopped)
        for process in stopped:
            if process.pid not in kept:
                end(process)
        signal_all([it for it in stopped if it.pid in kept], signal.SIGCONT)
        return True

    def _most(self, uses):
        """How many processors are one's share now, or None while there is enough for all."""
        working = [use for use in uses.values() if use > AT_WORK]
        is_busy = sum(working) > BUSY * self.processors or self._machine_is_busy()
        if not is_busy or len(working) < 2:
            return None
        # Others on the machine may have their part of it, so it is shared what there is.
        return GENEROSITY * sum(working) / len(working)

    def _machine_is_busy(self):
        (idle, total), (now_idle, now_total) = self.idle[0], self.idle[-1]
        return now_total > total and now_idle - idle < (1 - BUSY) * (now_total - total)

    def _hold_processors(self, now, uid, limit, use, most, processes):
        share = self.shares[uid]
        bounds = [it for it in (limit.get("cpu"), most) if it is not None]
        if not bounds:
            return
        if use > min(bounds) * 1.05:
            if share.comes_last_until is None:
                self.log(
                    f"{limit['name']} uses {use:.1f} processors, more than {min(bounds):.1f}: "
                    "others come first"
                )
            share.comes_last_until = now + WINDOW_S
        if share.comes_last_until is None:
            return
        if now >= share.comes_last_until:
            share.comes_last_until = None
            renice(os.PRIO_USER, uid, USUAL)
            return
        # Each time, for those that were started since.
        renice(os.PRIO_USER, uid, LAST)
        # The server goes on answering, unless it is what works.
        for pid in servers_of(limit, processes):
            if use_of(share, pid) < min(bounds):
                for thread in threads_of(pid):
                    renice(os.PRIO_PROCESS, thread, USUAL)


def use_of(share, pid):
    """How many processors one process used over the last seconds."""
    (begun, first), (ended, last) = share.uses[0], share.uses[-1]
    if pid not in first or pid not in last:
        return 0.0
    return (last[pid][1] - first[pid][1]) / max(ended - begun, INTERVAL_S)


def servers_of(limit, processes):
    """The numbers of those processes that are the participant's servers."""
    known = {tuple(server) for server in limit.get("servers", [])}
    return {it.pid for it in processes if (it.pid, it.started) in known}


def read_limits(folder):
    """The limits that limits.py has noted, by the accounts' numbers."""
    limits = {}
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return limits
    for name in names:
        stem, _, ending = name.partition(".")
        if ending != "json" or not stem.isdecimal():
            continue
        try:
            with open(os.path.join(folder, name)) as file:
                limits[int(stem)] = json.load(file)
        except (OSError, ValueError):
            # Its server has just ended.
            continue
    return limits


def _mib(count):
    return f"{count / 2**20:.0f} MiB"


def main():
    fair_share = FairShare()
    fair_share.log(f"{fair_share.processors:g} processors are shared")
    while True:
        pause_s = INTERVAL_S
        try:
            pause_s = fair_share.look()
        except Exception as error:
            # The next look may do better, and nobody else does this work.
            fair_share.log(f"a look has failed: {error!r}")
        time.sleep(pause_s)


if __name__ == "__main__":
    main()
