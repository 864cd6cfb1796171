"""What pushing a save costs, and how soon a reader has it; the samples, as JSON.

A notebook of each size is changed as participants change theirs, and each change is sent in
three ways: by this package to a real service, as the whole file gzipped to a server that writes
it, and as nbgitpuller's kind of tool would, by a commit and a push to a repository. All three
go through a proxy that counts bytes. Then two real JupyterLab servers are saved to in turns, whose
saves reach one service by pushes and one by the home that it reads: until a reader has the tile,
and until a Wall in Chromium has painted it.

`cargo xtask bench push` runs it in the Hub's venv, beside the services:

    python tests/python/bench_push.py PUSH_URL HOMES_URL HOMES TOKEN_PREFIX RUNS
"""

import gzip
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from counting_proxy import CountingProxy, free_port, in_process_of_its_own, wait_for
from page_reader import PageReader
from support import JupyterServer, environment_of

from pipalhub_singleuser.connection import Connection
from pipalhub_singleuser.ledger import Ledger
from pipalhub_singleuser.push import Pusher
from pipalhub_singleuser.service import Service

MB = 1_000_000
# How many times fewer runs of large notebooks there are. The last is beyond what the service takes.
SIZES = {0.2: 1, 5: 2, 30: 6, 50: 10}
# Seconds that a push may take, with waiting for the service's limits.
PATIENCE_S = 120
# Saves that are not counted, because Python imports and the service opens in them.
WARM_UP_RUNS = 2
# Of the notebooks whose way to a reader is timed: their sizes, and how many times fewer saves.
SEEN_SIZES = {0.2: 1, 5: 5}


class WorkNotebook:
    """A notebook that somebody works on; its content is the same in each run."""

    def __init__(self, megabytes):
        self._random = random.Random(7)
        self._words = [
            "".join(self._random.choices("abcdefghijklmnopqrstuvwxyz", k=self._random.randint(2, 9)))
            for _ in range(4000)
        ]
        cells = []
        size = 0
        while size < megabytes * MB:
            cells.append(self._cell(len(cells)))
            # With the indentation.
            size += len(json.dumps(cells[-1], indent=1)) + 3 * 25
        self._notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        self.edits = {
            "a line typed": self._type_line,
            "a cell run": self._run_cell,
            "run all": self._run_all,
        }

    def json(self):
        return self._notebook

    def bytes(self):
        """As jupyter_server writes it."""
        return json.dumps(self._notebook, indent=1, ensure_ascii=False).encode() + b"\n"

    def mark(self, text):
        """Writes this into the last cell, which is on the tile."""
        self._notebook["cells"][-1]["source"] = text

    def _cell(self, number):
        return {
            "cell_type": "code",
            "execution_count": number + 1,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": self._outputs(),
            "source": "\n".join(self._line() for _ in range(6)),
        }

    def _line(self):
        return f"{' '.join(self._random.choices(self._words, k=5))} = {self._random.random()}"

    def _outputs(self):
        rows = [
            " ".join(f"{self._random.gauss(0, 100):10.4f}" for _ in range(6)) + "\n"
            for _ in range(10)
        ]
        return [{"name": "stdout", "output_type": "stream", "text": rows}]

    def _any_cell(self):
        return self._random.choice(self._notebook["cells"])

    def _type_line(self):
        self._any_cell()["source"] += "\n" + self._line()

    def _run_cell(self):
        cell = self._any_cell()
        cell["outputs"] = self._outputs()
        cell["execution_count"] += 1

    def _run_all(self):
        for cell in self._notebook["cells"]:
            cell["outputs"] = self._outputs()
            cell["execution_count"] += 1


class GzipSink(http.server.ThreadingHTTPServer):
    """Takes a gzipped file and has it on the disk before it answers."""

    daemon_threads = True

    def __init__(self):
        folder = tempfile.mkdtemp()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with open(os.path.join(folder, "kept"), "wb") as file:
                    file.write(gzip.decompress(body))
                    file.flush()
                    os.fsync(file.fileno())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_port

    def run(self):
        self.serve_forever()


class OurPush:
    """By this package."""

    def __init__(self, url, user, token_prefix):
        target = urllib.parse.urlsplit(url)
        self.proxy = CountingProxy.start(target.port)
        service = Service(f"http://127.0.0.1:{self.proxy.port}/", token_prefix + user, user)
        self._pusher = Pusher(service, Connection(service), Ledger(), lambda: PATIENCE_S)

    def send(self, path):
        answer = self._pusher.push("work.ipynb", str(path))
        if answer.status == 200:
            return None
        if answer.status not in (429, 503):
            raise AssertionError(f"a push got {answer}")
        return float(answer.retry_after or 1)


class WholeGzipped:
    """All of the file, gzipped."""

    def __init__(self, port):
        self.proxy = CountingProxy.start(port)
        self._connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port)

    def send(self, path):
        # Checked on arrival, as pushes are.
        data = path.read_bytes()
        headers = {"Digest": hashlib.sha256(data).hexdigest()}
        self._connection.request("PUT", "/", gzip.compress(data, 6), headers)
        self._connection.getresponse().read()


class GitPush:
    """A commit and a push to a repository behind git's own daemon."""

    def __init__(self, folder):
        self._folder = folder
        (folder / "kept").mkdir()
        self._git("init", "--quiet", "--bare", cwd=folder / "kept")
        self._daemon, port = self._serve(folder)
        self.proxy = CountingProxy.start(port)
        self.work = folder / "work"
        self.work.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        for name, value in [("user.name", "Ana"), ("user.email", "ana@example.org")]:
            self._git("config", name, value)
        self._git("remote", "add", "kept", f"git://127.0.0.1:{self.proxy.port}/kept")

    def _serve(self, folder):
        port = free_port()
        daemon = subprocess.Popen(
            ["git", "daemon", "--enable=receive-pack", "--export-all", "--listen=127.0.0.1",
             f"--port={port}", f"--base-path={folder}", str(folder)],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(port)
        return daemon, port

    def send(self, path):
        self._git("add", path.name)
        self._git("commit", "--quiet", "--message", "saved")
        self._git("push", "--quiet", "kept", "main")

    def _git(self, *words, cwd=None):
        subprocess.run(["git", *words], cwd=cwd or self.work, check=True)

    def stop(self):
        self._daemon.terminate()
        self._daemon.wait()


class SendSamples:
    """What sending cost, one entry a run."""

    def __init__(self):
        self.bytes = []
        self.ms = []
        self.cpu_ms = []

    def time(self, way, path):
        """Sends once; what the service's limits held back is not counted."""
        way.proxy.take()
        while True:
            begun, cpu = time.perf_counter(), cpu_time()
            wait = way.send(path)
            if wait is None:
                break
            time.sleep(wait)
            way.proxy.take()
        self.ms.append((time.perf_counter() - begun) * 1000)
        self.cpu_ms.append((cpu_time() - cpu) * 1000)
        self.bytes.append(way.proxy.take())


def cpu_time():
    """Of this thread and of programs that it ran, in seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.thread_time() + children.ru_utime + children.ru_stime


def measure_sends(url, token_prefix, sink_port, runs):
    rows = []
    for megabytes, fewer in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            git = GitPush(pathlib.Path(folder))
            try:
                ours = OurPush(url, f"sender-{megabytes}", token_prefix)
                ways = {"ours": ours, "gzipped": WholeGzipped(sink_port), "git": git}
                rows += measure_edits(megabytes, max(runs // fewer, 3), ways, git.work)
            finally:
                git.stop()
    return rows


def measure_edits(megabytes, runs, ways, folder):
    notebook = WorkNotebook(megabytes)
    path = folder / "work.ipynb"
    path.write_bytes(notebook.bytes())
    for way in ways.values():
        SendSamples().time(way, path)
    for name, edit in notebook.edits.items():
        samples = {way: SendSamples() for way in ways}
        for run in range(-WARM_UP_RUNS, runs):
            edit()
            path.write_bytes(notebook.bytes())
            for way, kept in samples.items():
                (kept if run >= 0 else SendSamples()).time(ways[way], path)
        print(f"{megabytes} MB, {name}", file=sys.stderr, flush=True)
        yield {
            "megabytes": megabytes,
            "edit": name,
            "size": path.stat().st_size,
            **{way: vars(kept) for way, kept in samples.items()},
        }


class TileReader:
    """Waits for a save on the stream of events, and asks for the tile as the page does."""

    def __init__(self, url, token):
        self._headers = {"Authorization": "token " + token}
        target = urllib.parse.urlsplit(url)
        self._stream = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
        self._stream.request("GET", "/events/stream", headers=self._headers)
        self._lines = self._stream.getresponse()
        self._asking = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
        self._expected = None
        self._seen = threading.Event()
        self.at = None
        threading.Thread(target=self._run, daemon=True).start()

    def expect(self, text):
        self._seen.clear()
        self._expected = text.encode()

    def wait(self):
        """When the tile with what is expected was there."""
        if not self._seen.wait(60):
            raise AssertionError(f"{self._expected} did not come")
        return self.at

    def _run(self):
        for line in self._lines:
            if not (line.startswith(b"data:") and b"save-notebook" in line):
                continue
            tile = "/api/tile?filename=work.ipynb&user=alice"
            self._asking.request("GET", tile, headers=self._headers)
            body = self._asking.getresponse().read()
            if self._expected is not None and self._expected in body:
                self.at = time.perf_counter()
                self._seen.set()


def measure_saves(push_url, homes_url, homes, token_prefix, runs):
    """From the beginning of a save until a reader has the tile, and until a page shows it, by
    either way, in turns.
    """
    home = pathlib.Path(homes) / "alice"
    home.mkdir()
    urls = {"push": push_url, "homes": homes_url}
    servers = {}
    for way, url in urls.items():
        environment = environment_of("alice", url)
        environment["JUPYTERHUB_API_TOKEN"] = token_prefix + "alice"
        servers[way] = JupyterServer(environment, home=home if way == "homes" else None)
    try:
        tiles = {way: TileReader(url, token_prefix + "ines") for way, url in urls.items()}
        yield "seen", measure_readers("seen", servers, tiles, runs)
        pages = {way: PageReader(url, "work.ipynb") for way, url in urls.items()}
        try:
            yield "shown", measure_readers("shown", servers, pages, runs)
        finally:
            for page in pages.values():
                page.stop()
    finally:
        for server in servers.values():
            server.stop()


def measure_readers(name, servers, readers, runs):
    return [
        measure_readers_of(name, megabytes, max(runs * 4 // fewer, 5), servers, readers)
        for megabytes, fewer in SEEN_SIZES.items()
    ]


def measure_readers_of(name, megabytes, runs, servers, readers):
    notebook = WorkNotebook(megabytes)
    took = {way: [] for way in servers}
    for run in range(-2 * WARM_UP_RUNS, runs):
        notebook.mark(text := f"{name}-{megabytes}-{run}-end")
        # Neither is always the first.
        for way in list(servers)[:: 1 if run % 2 else -1]:
            readers[way].expect(text)
            begun = time.perf_counter()
            servers[way].save("work.ipynb", notebook.json())
            at = readers[way].wait()
            if run >= 0:
                took[way].append((at - begun) * 1000)
    print(f"{megabytes} MB, {name}", file=sys.stderr, flush=True)
    return {"megabytes": megabytes, **took}


def main():
    push_url, homes_url, homes, token_prefix, runs = sys.argv[1:]
    sink = in_process_of_its_own(GzipSink)
    samples = {"sends": list(measure_sends(push_url, token_prefix, sink, int(runs)))}
    samples.update(measure_saves(push_url, homes_url, homes, token_prefix, int(runs)))
    json.dump(samples, sys.stdout)


if __name__ == "__main__":
    main()
