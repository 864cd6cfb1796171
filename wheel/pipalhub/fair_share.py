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
from typing import NamedTuple

NOTES = os.environ.get("PIPALHUB_LIMITS", "/run/pipalhub-limits")
# How often it looks, in seconds.
INTERVAL_S = 2
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
TICKS = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    """A process of a participant's."""

    pid: int
    uid: int
    # Memory that is not shared with other programs, in bytes.
    memory: int
    threads: int
    # Processor time of itself and of those that it has waited for, in seconds.
    cpu: float
    # In ticks since the machine started.
    started: int


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

    def look(self):
        now = time.monotonic()
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

    def _hold_memory(self, uid, limit, processes):
        left = list(processes)
        taken = sum(it.memory for it in left)
        if not limit.get("memory") or taken <= limit["memory"]:
            return
        # Processes that were forked share much, which is counted more than once so far.
        taken = first = in_proportion(uid, left) or taken
        while taken > limit["memory"] and left:
            is_server = servers_of(limit, left)
            others = [it for it in left if it.pid not in is_server]
            largest = max(others or left, key=lambda it: it.memory)
            if end(largest):
                self._say_ended(limit, first, largest, len(processes) - len(left))
            left.remove(largest)
            taken -= largest.memory

    def _say_ended(self, limit, taken, process, place):
        """A line for the first of them, and one for the tenth: there may be hundreds."""
        if place in (0, 9):
            self.log(
                f"{limit['name']} takes {_mib(taken)} of memory and may take "
                f"{_mib(limit['memory'])}: process {process.pid} with {_mib(process.memory)} "
                f"ends{', as do others' if place else ''}"
            )

    def _hold_number(self, share, uid, limit, processes):
        """Whether there were too many, and all but the server were ended."""
        most = limit.get("processes")
        count = sum(it.threads for it in processes)
        share.crowded = share.crowded + 1 if most and count >= CROWD * most else 0
        if share.crowded < 2:
            return False
        share.crowded = 0
        self.log(
            f"{limit['name']} has {count} of {most} processes and threads: all but the server end"
        )
        # They are stopped by the user's own right, which reaches all at once; else those that are
        # left would start others meanwhile.
        as_user(uid, lambda: os.kill(-1, signal.SIGSTOP))
        stopped = list(processes_of({uid}))
        kept = servers_of(limit, stopped)
        for process in stopped:
            if process.pid not in kept:
                end(process)
        for pid in kept:
            os.kill(pid, signal.SIGCONT)
        return True

    def _most(self, uses):
        """How many processors are one's share now, or None while there is enough for all."""
        working = [use for use in uses.values() if use > AT_WORK]
        if sum(working) < BUSY * self.processors or len(working) < 2:
            return None
        return GENEROSITY * self.processors / len(working)

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


def processes_of(uids):
    """The processes of these accounts that run now."""
    for name in os.listdir("/proc"):
        if name.isdecimal():
            process = process_at(int(name), uids)
            if process is not None:
                yield process


def process_at(pid, uids):
    """A process, if it is of one of these accounts."""
    try:
        # The owner of the folder in /proc is another where a program wants it so.
        with open(f"/proc/{pid}/status", "rb") as file:
            status = file.read()
        uid = int(_field(status, b"Uid:"))
        if uid not in uids:
            return None
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read().rpartition(b")")[2].split()
    except (OSError, ValueError, IndexError):
        # It has ended.
        return None
    if stat[0] == b"Z":
        return None
    anonymous, shared = (int(_field(status, it) or 0) for it in (b"RssAnon:", b"RssShmem:"))
    return Process(
        pid=pid,
        uid=uid,
        memory=(anonymous + shared) * 1024,
        threads=int(stat[17]),
        cpu=sum(map(int, stat[11:15])) / TICKS,
        started=int(stat[19]),
    )


def _field(status, name):
    place = status.find(b"\n" + name)
    return status[place + len(name) + 1 :].split(None, 1)[0] if place >= 0 else b""


def in_proportion(uid, processes):
    """The memory of all, with what several share counted once; None where it cannot be known.

    Who has the same number may read it, and root without a further right may not.
    """

    def measure():
        total = 0
        for process in processes:
            try:
                with open(f"/proc/{process.pid}/smaps_rollup", "rb") as file:
                    rollup = file.read()
            except PermissionError:
                # One that hides is counted by what everybody sees.
                total += process.memory
                continue
            except OSError:
                # It has ended.
                continue
            total += 1024 * sum(int(_field(rollup, it) or 0) for it in (b"Pss_Anon:", b"Pss_Shmem:"))
        return str(total)

    said = as_user(uid, measure)
    return int(said) if said and said.isdecimal() else None


def as_user(uid, work):
    """Does something in a process that has an account's number and no right besides; what it says
    is returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(writer, (work() or "").encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as said:
        text = said.read(64)
    os.waitpid(child, 0)
    return text


def end(process):
    """Ends a process, unless another has its number by now. Whether it was there."""
    now = process_at(process.pid, {process.uid})
    if now is None or now.started != process.started:
        return False
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def renice(kind, who, niceness):
    try:
        os.setpriority(kind, who, niceness)
    except (ProcessLookupError, PermissionError):
        pass


def threads_of(pid):
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def processors():
    """How many processors this container may use."""
    count = float(len(os.sched_getaffinity(0)))
    for path, read in [
        ("/sys/fs/cgroup/cpu.max", lambda text: text.split()),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", lambda text: [text, _period()]),
    ]:
        try:
            with open(path) as file:
                quota, period = read(file.read())
            if float(quota) > 0:
                return min(count, float(quota) / float(period))
        except (OSError, ValueError):
            # Without a limit there is none, or the word max.
            continue
    return count


def _period():
    with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us") as file:
        return file.read()


def _mib(count):
    return f"{count / 2**20:.0f} MiB"


def main():
    fair_share = FairShare()
    fair_share.log(f"{fair_share.processors:g} processors are shared")
    while True:
        try:
            fair_share.look()
        except Exception as error:
            # The next look may do better, and nobody else does this work.
            fair_share.log(f"a look has failed: {error!r}")
        time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main()
