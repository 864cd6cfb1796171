"""A proxy that counts bytes, in a process of its own so that it takes no time of what is timed."""

import multiprocessing
import socket
import threading
import time

_PIECE = 256 * 1024
_PATIENCE_S = 10
# Not forked: what measures has threads.
_CONTEXT = multiprocessing.get_context("spawn")


def in_process_of_its_own(make, *arguments):
    """Runs `make(*arguments).run()` there, until this process ends; gives its `port`."""
    ours, theirs = _CONTEXT.Pipe()
    _CONTEXT.Process(target=_serve, args=(theirs, make, arguments), daemon=True).start()
    return ours.recv()


def _serve(pipe, make, arguments):
    server = make(*arguments)
    pipe.send(server.port)
    server.run()


class CountingProxy:
    """Passes connections on to a port, and counts what goes through in either direction."""

    def __init__(self, port, count):
        self.port = port
        self._count = count

    @classmethod
    def start(cls, target_port):
        count = _CONTEXT.Value("q", 0)
        ours, theirs = _CONTEXT.Pipe()
        _CONTEXT.Process(target=_pass_on, args=(theirs, target_port, count), daemon=True).start()
        return cls(ours.recv(), count)

    def take(self):
        """How many bytes went through since it was asked before."""
        with self._count.get_lock():
            count, self._count.value = self._count.value, 0
        return count


def free_port():
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(port):
    """Until the port takes connections."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _pass_on(pipe, target_port, count):
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", target_port))
        for source, sink in [(client, server), (server, client)]:
            for end in (source, sink):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_copy, args=(source, sink, count), daemon=True).start()


def _copy(source, sink, count):
    try:
        while data := source.recv(_PIECE):
            # Counted before it is passed on, so that whoever has an answer finds it counted.
            with count.get_lock():
                count.value += len(data)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # Either end has gone; the other learns of it.
        for end in (source, sink):
            end.close()
