"""Processes of accounts, as /proc tells of them, and what root does to them, for fair_share.py."""

import os
import select
import signal
import time
from typing import NamedTuple

# So long it may take to look at what processes share, in seconds.
PATIENCE_S = 1
# So long what is done with an account's number may take. The account's own processes may stop it.
AS_USER_S = 3
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


def stop_all_of(uid):
    """Stops all processes of an account, by its own right, which reaches all at once: else those
    that are left would start others meanwhile."""
    as_user(uid, lambda: os.kill(-1, signal.SIGSTOP))


def signal_all(processes, sig):
    for process in processes:
        try:
            os.kill(process.pid, sig)
        except ProcessLookupError:
            continue


def in_proportion(uid, processes):
    """The memory of all, with what several share counted once; None where it cannot be known.

    Who has the same number may read it, and root without a further right may not.
    """

    deadline = time.monotonic() + PATIENCE_S

    def measure():
        total = 0
        for process in processes:
            if time.monotonic() > deadline:
                total += process.memory
                continue
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
    is returned, and nothing where it has been stopped or ended."""
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
    try:
        is_said, _, _ = select.select([reader], [], [], AS_USER_S)
        return os.read(reader, 64).decode() if is_said else ""
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


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


def idle_time():
    """The time in which the machine's processors had nothing to do, and all time, in ticks."""
    with open("/proc/stat") as file:
        times = list(map(int, file.readline().split()[1:9]))
    return times[3] + times[4], sum(times)


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
