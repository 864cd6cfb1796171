"""Spawners of a node: servers start a few at a time and, in a container, with limits.

A container may have no right over cgroups. There a process gets what the kernel gives each
process as a limit, and what one participant's processes take together is looked after by
fair_share.py, which is told here of whom and of how much.
"""

import asyncio
import contextlib
import json
import os
import pwd
import resource
import subprocess
import time

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Integer

from .processes import end, processes_of

# Where fair_share.py reads the limits of each account, by its number.
NOTES = os.environ.get("PIPALHUB_LIMITS", "/run/pipalhub-limits")
# Servers that start at the same time: each keeps a processor busy for a second or two.
AT_ONCE = max(4, 3 * (os.cpu_count() or 1))
LOOK_INTERVAL_S = 0.2
# So long ending all of an account's processes at once may take; what is left then, and what is
# started meanwhile, is ended one by one, so many times.
END_S = 1
SWEEPS = 20
# Numbers below are the system's, whose processes are none of a participant's.
FIRST_ID = 1000
# When memory is short a participant's process goes, and neither the Hub nor the service.
OOM_SCORE = 500
# The Hub and the service come first.
NICENESS = 5


class InTurn:
    """A spawner whose servers start a few at a time; others wait, and see how many are before them.

    A Hub would refuse those who come when too many start, or let all of a class start at once, of
    which none would be up in time.
    """

    _turns = None
    _line = []

    async def start(self):
        if InTurn._turns is None:
            InTurn._turns = asyncio.Semaphore(AT_ONCE)
        self._line.append(self)
        try:
            async with InTurn._turns:
                address = await super().start()
                await self._until_it_listens(address)
                return address
        finally:
            self._line.remove(self)

    async def _until_it_listens(self, address):
        """Waits until the server answers or has ended; the Hub itself says what is wrong then."""
        deadline = asyncio.get_running_loop().time() + self.http_timeout
        while address and asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(*address)
                writer.close()
                return
            if await self.poll() is not None:
                return
            await asyncio.sleep(LOOK_INTERVAL_S)

    def _before(self):
        """How many servers have to start before this one does."""
        place = self._line.index(self) if self in self._line else 0
        return max(0, place + 1 - AT_ONCE)

    async def progress(self):
        told = None
        while self._before():
            if told != self._before():
                told = self._before()
                yield {"progress": 10, "message": f"{told} servers start before this one"}
            await asyncio.sleep(1)
        yield {"progress": 50, "message": "The server starts"}


class LimitedSpawner(InTurn, LocalProcessSpawner):
    """Starts servers as processes of their users, with limits of the kernel's for each process.

    `mem_limit` is for all processes together, by fair_share.py, as `cpu_limit` is. One process has
    the greater part of it, beyond which Python raises MemoryError.
    """

    processes = Integer(
        512, allow_none=True, help="How many processes and threads one participant may have."
    ).tag(config=True)

    # When the server started, in the kernel's ticks: numbers of processes are used again, above
    # all in a new container.
    _started = None

    def make_preexec_fn(self, name):
        become = super().make_preexec_fn(name)
        limits = [(resource.RLIMIT_CORE, 0)]
        if self.mem_limit:
            limits.append((resource.RLIMIT_DATA, for_one(self.mem_limit)))
        if self.processes:
            limits.append((resource.RLIMIT_NPROC, self.processes))

        def prepare():
            for which, most in limits:
                resource.setrlimit(which, (most, most))
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write(str(OOM_SCORE))
            become()

        return prepare

    async def start(self):
        self._end_what_is_left()
        return await super().start()

    async def _until_it_listens(self, address):
        self._started = started(self.pid)
        self._note_limits()
        await super()._until_it_listens(address)

    def get_state(self):
        state = super().get_state()
        if self.pid:
            state["started"] = self._started
        return state

    def load_state(self, state):
        super().load_state(state)
        self._started = state.get("started")

    async def _signal(self, sig):
        # Another process may have the number now, and is not to be ended in place of this.
        if self.proc is None and (self._started is None or started(self.pid) != self._started):
            return False
        return await super()._signal(sig)

    async def stop(self, now=False):
        await super().stop(now)
        self._end_what_is_left()

    def _account(self):
        """The user's account, if there is one and it is a person's."""
        try:
            account = pwd.getpwnam(self.user.name)
        except KeyError:
            return None
        return account if account.pw_uid >= FIRST_ID else None

    def _others(self):
        """The same user's other servers, which have names."""
        spawners = getattr(self.user, "spawners", {}).values()
        return [it for it in spawners if it is not self and it.active]

    def _end_what_is_left(self):
        """Ends what the user's servers have left running, unless there is one."""
        account = self._account()
        if account is None or self._others():
            return
        end_all_of(account)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(note_of(account.pw_uid))

    def _note_limits(self):
        account = self._account()
        if account is None:
            return
        servers = [[it.pid, it._started] for it in [*self._others(), self]]
        note = {
            "name": account.pw_name,
            "memory": self.mem_limit,
            "cpu": self.cpu_limit,
            "processes": self.processes,
            "servers": servers,
        }
        os.makedirs(NOTES, mode=0o700, exist_ok=True)
        path = note_of(account.pw_uid)
        with open(f"{path}.new", "w") as file:
            json.dump(note, file)
        os.replace(f"{path}.new", path)


def for_one(memory):
    """The part of a participant's memory that one process may have: the rest is for the server, or
    one would be ended before it is told."""
    return max(memory * 3 // 4, memory - (256 << 20))


def note_of(uid):
    """The path of the file that says an account's limits."""
    return os.path.join(NOTES, f"{uid}.json")


def started(pid):
    """When a process started, in ticks since the machine did; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            # The program's name is in parentheses, and may have any of them itself.
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def end_all_of(account):
    """Ends all processes of an account, by its own right: so the kernel finds all at once, and none
    can start others meanwhile. Those that stop whatever would end them are found one by one."""
    # A program takes the account's number, and not Python before it starts one: that waits without
    # end for a process which is stopped then.
    become = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["/usr/bin/setpriv", *become, "/bin/sh", "-c", "kill -KILL -1"],
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=END_S,
            check=False,
        )
    for _ in range(SWEEPS):
        left = list(processes_of({account.pw_uid}))
        if not left:
            return
        for process in left:
            end(process)
        time.sleep(0.01)
