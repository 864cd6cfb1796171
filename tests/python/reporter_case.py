"""The common part of the tests of the reporter."""

import logging
import os
import socket
import tempfile
import unittest

from support import TOKEN, LogLines, Service

from pipalhub_singleuser import reporter as reporter_module, service


class ReporterCase(unittest.TestCase):
    """A home, a log, and reporters and services that end with the test."""

    def setUp(self):
        self.home = tempfile.mkdtemp()
        self.log = LogLines()
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.log)

    def service(self, *args, **kwargs):
        server = Service(*args, **kwargs)
        self.addCleanup(server.stop)
        return server

    def reporter(self, url):
        reporter = reporter_module.Reporter(
            service.Service(url, TOKEN, "alice"), self.home, self.logger
        )
        # Not for long, since its thread may wait for a service that hangs.
        self.addCleanup(reporter.close, 0.1)
        return reporter

    def path(self, name):
        return os.path.join(self.home, name)

    def lines(self):
        return self.log.lines


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
