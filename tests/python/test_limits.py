"""Limits in a container: what spawners give a process, and what fair_share looks after, with real
processes of accounts that exist for the time of a test only as numbers."""

import asyncio
import collections
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

import hub_case  # noqa: F401, which finds the package
from pipalhub import fair_share, limits, processes

# An account's number that no machine of tests has.
UID = 54321
IS_ROOT = os.geteuid() == 0
MIB = 2**20
# One that any user may run; the tests' own may be in root's home.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable


def until(what, holds, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited for {what}")
        time.sleep(0.05)


@unittest.skipUnless(IS_ROOT, "takes root, as in the container")
class ProcessCase(unittest.TestCase):
    """A folder of notes, and processes that end with the test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.notes = pathlib.Path(folder.name)
        self.said = []
        self.share = fair_share.FairShare(str(self.notes), self.said.append)
        self.addCleanup(limits.end_all_of, account())

    def run_python(self, code):
        """A process of the account's that has said it is ready."""
        process = subprocess.Popen(
            [PYTHON, "-c", code],
            user=UID,
            group=UID,
            extra_groups=[],
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def waiting(self, more=""):
        return self.run_python(f"import time\n{more}\nprint('ready', flush=True)\ntime.sleep(600)")

    def limit(self, server=None, **limit):
        servers = [[server.pid, limits.started(server.pid)]] if server else []
        note = {"name": "ana", "servers": servers, **limit}
        (self.notes / f"{UID}.json").write_text(json.dumps(note))


class FairShareTest(ProcessCase):
    def test_the_largest_ends_and_the_server_last(self):
        server = self.waiting("x = b'x' * (90 << 20)")
        small, large = self.waiting(), self.waiting("x = b'x' * (70 << 20)")
        self.limit(server, memory=300 * MIB)
        self.share.look()
        self.assertEqual(self.said, [])
        self.limit(server, memory=150 * MIB)
        self.share.look()
        self.assertEqual(large.wait(10), -signal.SIGKILL)
        self.assertIsNone(server.poll())
        self.assertIsNone(small.poll())
        self.assertIn("ana takes", self.said[0])
        # The server alone is too large.
        self.limit(server, memory=50 * MIB)
        self.share.look()
        self.assertEqual(server.wait(10), -signal.SIGKILL)

    def test_what_forked_processes_share_counts_once(self):
        fork = "for _ in range(3):\n    if not os.fork(): time.sleep(600)"
        parent = self.waiting(f"import os\nx = b'x' * (80 << 20)\n{fork}")
        self.limit(memory=200 * MIB)
        until("four processes", lambda: len(list(fair_share.processes_of({UID}))) == 4)
        self.share.look()
        self.assertEqual(self.said, [])
        self.assertIsNone(parent.poll())
        # The same of many, which are stopped for it and go on.
        with mock.patch.object(fair_share, "FEW", 2):
            self.share.look()
        self.assertEqual(self.said, [])
        for process in fair_share.processes_of({UID}):
            self.assertNotEqual(state_of(process), "T")

    def test_a_number_that_is_anothers_by_now_is_none_of_the_servers(self):
        process = self.waiting("x = b'x' * (80 << 20)")
        (self.notes / f"{UID}.json").write_text(
            json.dumps({"name": "ana", "memory": 300 * MIB, "servers": [[process.pid, 1]]})
        )
        note = fair_share.read_limits(str(self.notes))[UID]
        found = list(fair_share.processes_of({UID}))
        self.assertEqual(fair_share.servers_of(note, found), set())
        stale = found[0]._replace(started=1)
        self.assertFalse(fair_share.end(stale))
        self.assertIsNone(process.poll())

    def test_one_who_has_too_many_processes_keeps_the_server(self):
        server = self.waiting()
        others = [self.waiting() for _ in range(4)]
        self.limit(server, processes=5)
        self.limit(server, processes=5, memory=1)
        self.share.look()
        self.assertEqual(self.said, [], "a moment may pass")
        self.share.look()
        for process in others:
            self.assertEqual(process.wait(10), -signal.SIGKILL)
        self.assertIsNone(server.poll())
        self.assertNotEqual(state_of(server), "T", "it is not stopped any more")
        self.assertIn("all but the server end", self.said[0])

    def test_who_uses_much_comes_last_and_the_server_does_not(self):
        server = self.waiting()
        loop = self.run_python("print('ready', flush=True)\nwhile True: pass")
        self.limit(server, cpu=0.05)
        clock = Clock()
        with mock.patch.object(fair_share.time, "monotonic", clock):
            for _ in range(6):
                clock.now += 1
                # Long enough for the kernel's ticks on a machine at work.
                time.sleep(0.3)
                self.share.look()
            self.assertEqual(niceness(loop), 19)
            self.assertEqual(niceness(server), 5)
            self.assertEqual(len(self.said), 1, "it is said once")
            os.kill(loop.pid, signal.SIGSTOP)
            clock.now += 30
            self.share.look()
            clock.now += 30
            self.share.look()
        self.assertEqual(niceness(loop), 5)

    def test_while_the_machine_is_busy_one_has_half_more_than_an_equal_share(self):
        self.share.processors = 2
        self.share.idle = collections.deque([(0, 0), (500, 1000)])
        self.assertIsNone(self.share._most({1: 0.5, 2: 0.5}))
        self.assertEqual(self.share._most({1: 1.7, 2: 0.3}), 1.5)
        # Who waits is none of those who work.
        self.assertIsNone(self.share._most({1: 2.0, 2: 0.01}))
        self.share.idle = collections.deque([(0, 0), (10, 1000)])
        self.assertEqual(self.share._most({1: 0.5, 2: 0.5}), 0.75)

    def stopping(self):
        """A participant's program that stops whatever else has their number, at any time."""
        return self.run_python(
            "import os, signal\nprint('ready', flush=True)\n"
            "while True:\n    try: os.kill(-1, signal.SIGSTOP)\n    except OSError: pass"
        )

    def test_what_stops_all_of_its_account_holds_up_nobody(self):
        self.stopping()
        begun = time.monotonic()
        self.assertEqual(processes.as_user(UID, lambda: time.sleep(0.3) or "said"), "")
        self.assertLess(time.monotonic() - begun, 2 * processes.AS_USER_S)
        self.assertEqual(processes.as_user(UID + 1, lambda: "said"), "said")

    def test_what_stops_all_of_its_account_ends_with_the_rest(self):
        other, stopping = self.waiting(), self.stopping()
        begun = time.monotonic()
        limits.end_all_of(account())
        self.assertLess(time.monotonic() - begun, 4 * limits.END_S)
        self.assertEqual(stopping.wait(10), -signal.SIGKILL)
        self.assertEqual(other.wait(10), -signal.SIGKILL)

    def test_notes_that_are_broken_or_gone_are_passed_over(self):
        for name in ["x.json", "1.json.new", f"{UID}.json"]:
            (self.notes / name).write_text("{")
        self.assertEqual(fair_share.read_limits(str(self.notes)), {})
        self.assertEqual(fair_share.read_limits("/nowhere"), {})
        self.share.look()


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def account():
    return pwd.struct_passwd(("ana", "x", UID, UID, "", "/tmp", "/bin/sh"))


def state_of(process):
    return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def niceness(process):
    return os.getpriority(os.PRIO_PROCESS, process.pid)


class Spawner(limits.LimitedSpawner):
    """One whose command is not the Hub's business."""

    cmd = ["sleep", "600"]

    def get_args(self):
        return []

    def get_env(self):
        return {"PATH": "/usr/bin:/bin"}

    async def _until_it_listens(self, address):
        self._started = limits.started(self.pid)
        self._note_limits()


@unittest.skipUnless(IS_ROOT, "takes root, as in the container")
class LimitedSpawnerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for patch in [
            mock.patch.object(limits, "NOTES", folder.name),
            mock.patch.object(limits.pwd, "getpwnam", lambda _: account()),
            mock.patch.object(os, "initgroups", lambda *_: os.setgroups([])),
            mock.patch.object(limits.InTurn, "_turns", None),
        ]:
            patch.start()
            self.addCleanup(patch.stop)
        self.addCleanup(limits.end_all_of, account())
        self.note = pathlib.Path(folder.name, f"{UID}.json")

    def spawner(self):
        spawner = Spawner(mem_limit="300M", cpu_limit=0.5, processes=77)
        user = mock.Mock(spec=["name", "spawners"])
        user.name, user.spawners = "ana", {}
        spawner.user = user
        return spawner

    def test_a_process_has_the_kernels_limits_and_the_notes_have_the_rest(self):
        spawner = self.spawner()
        asyncio.run(spawner.start())
        process = pathlib.Path("/proc", str(spawner.pid))
        lines = (process / "limits").read_text().splitlines()
        for which, most in [("data size", 225 * MIB), ("processes", 77), ("core file size", 0)]:
            (line,) = [line for line in lines if line.startswith(f"Max {which} ")]
            self.assertEqual(line.removeprefix(f"Max {which}").split()[:2], [str(most)] * 2)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, spawner.pid), 5)
        self.assertEqual((process / "oom_score_adj").read_text(), "500\n")
        self.assertEqual(process.stat().st_uid, UID)
        note = json.loads(self.note.read_text())
        self.assertEqual((note["memory"], note["cpu"], note["processes"]), (300 * MIB, 0.5, 77))
        self.assertEqual(note["servers"], [[spawner.pid, limits.started(spawner.pid)]])
        asyncio.run(spawner.stop(now=True))
        self.assertFalse(self.note.exists())

    def test_a_new_hub_knows_a_server_and_takes_no_other_process_for_it(self):
        spawner = self.spawner()
        asyncio.run(spawner.start())
        state = spawner.get_state()
        new = self.spawner()
        new.load_state(state)
        self.assertIsNone(asyncio.run(new.poll()))
        # In a new container the number is another process's.
        new = self.spawner()
        new.load_state({**state, "started": 1})
        self.assertEqual(asyncio.run(new.poll()), 0)
        # One that a Hub before had started.
        new.load_state({"pid": os.getpid()})
        self.assertEqual(asyncio.run(new.poll()), 0)
        asyncio.run(new.stop(now=True))
        os.kill(os.getpid(), 0)

    def test_what_a_server_has_left_ends_with_it(self):
        spawner = self.spawner()
        asyncio.run(spawner.start())
        left = subprocess.Popen(["sleep", "600"], user=UID, group=UID, extra_groups=[])
        asyncio.run(spawner.stop(now=True))
        self.assertEqual(left.wait(10), -signal.SIGKILL)


class InTurnTest(unittest.TestCase):
    def test_a_class_starts_a_few_at_a_time_and_who_waits_is_told(self):
        asyncio.run(self.a_class_starts())

    async def a_class_starts(self):
        let, running, most = asyncio.Event(), [], []

        class Starting:
            async def start(self):
                running.append(self)
                most.append(len(running))
                await let.wait()
                running.remove(self)

        class Waiting(limits.InTurn, Starting):
            http_timeout = 1

        with mock.patch.object(limits, "AT_ONCE", 3), mock.patch.object(
            limits.InTurn, "_turns", None
        ):
            spawners = [Waiting() for _ in range(10)]
            tasks = [asyncio.ensure_future(it.start()) for it in spawners]
            await asyncio.sleep(0.01)
            told = [message async for message in first(spawners[-1].progress())]
            self.assertIn("7 servers start before this one", told[0]["message"])
            let.set()
            await asyncio.gather(*tasks)
        self.assertEqual(max(most), 3)
        self.assertEqual(limits.InTurn._line, [])


async def first(messages):
    async for message in messages:
        yield message
        return


if __name__ == "__main__":
    unittest.main()
