"""What `pipalhub doctor --hub-config` has the Hub's Python say of a configuration."""

import http.server
import json
import pathlib
import subprocess
import sys
import threading
import unittest

from hub_case import CONFIGS, LINES, ROOT, TLJH, HubCase
from pipalhub.examine import examine

PREFIX = "/class/services/dashboard/"


class ExamineTest(HubCase):
    def setUp(self):
        super().setUp()
        # Nothing is started to look at a configuration.
        self.says("pipalhub: must not be asked", 1)

    def write(self, config, **arguments):
        path = self.folder / "jupyterhub_config.py"
        text = f"c.JupyterHub.base_url = '/class'\n{config}\n"
        path.write_text(text + LINES.format(self.arguments(**arguments)))
        return str(path)

    def assert_says(self, findings, subject, level, words):
        says = [
            finding
            for finding in findings
            if (finding["subject"], finding["level"]) == (subject, level)
            and words in finding["message"]
            and bool(finding["remedy"]) == (level != "ok")
        ]
        self.assertEqual(len(says), 1, (words, findings))

    def serve(self, answers):
        """Serves JSON by path where the service listens, for this test."""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer = answers.get(self.path)
                self.send_response(404 if answer is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(answer or {"message": "no"}).encode())

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever).start()

    def test_a_service_that_runs_is_found_below_the_base_url(self):
        self.serve({f"{PREFIX}healthz": {"status": "ok"}, "/class/hub/api/": {"version": "6"}})
        config = f"c.JupyterHub.hub_port = {self.port}\n"
        findings = examine(self.write(config, external=True, api_token="the-token"))
        self.assertEqual([f for f in findings if f["level"] == "problem"], [])
        self.assert_says(findings, "Hub configuration", "ok", "is read by JupyterHub")
        self.assert_says(findings, "Hub's start", "ok", "nothing")
        self.assert_says(findings, "Hub", "ok", "version 6 answers")
        self.assert_says(findings, "Hub's service", "ok", f"is {PREFIX} at http://127.0.0.1")
        self.assert_says(findings, "Hub's service", "ok", f"answers on 127.0.0.1:{self.port}")
        self.assertNotIn("the-token", str(findings))
        # For `doctor --participants`.
        (url,) = [finding["url"] for finding in findings if "url" in finding]
        self.assertEqual(url, f"http://127.0.0.1:{self.port}{PREFIX}")

    def test_a_stranger_and_trouble_and_silence_are_told_apart(self):
        path = self.write("")
        findings = examine(path)
        self.assert_says(findings, "Hub's service", "warning", "nothing listens on")
        self.assert_says(findings, "Hub's service", "ok", "--data")
        answers = {}
        self.serve(answers)
        self.assert_says(examine(path), "Hub's service", "problem", "is not this service")
        answers[f"{PREFIX}healthz"] = {"status": "trouble", "message": "the disk is full"}
        self.assert_says(examine(path), "Hub's service", "problem", "says: the disk is full")
        self.assertFalse((self.folder / "data").exists(), "it has made something")

    def test_what_keeps_the_hub_from_starting_is_told(self):
        config = (
            "c.JupyterHub.services = [{'name': 'x', 'command': ['no-such-program']}, "
            "{'name': 'x', 'api_token': 'the-token-of-x'}]\n"
            "c.JupyterHub.load_roles = [{'name': 'r', 'services': ['y'], 'users': ['u']}]\n"
            "c.Authenticator.manage_roles = True\n"
        )
        findings = examine(self.write(config))
        for words in [
            "2 services are called 'x'",
            "for a service 'y', which is not there",
            "'r' has members, and the authenticator gives roles",
            "the service 'x' is missing: no-such-program",
        ]:
            self.assert_says(findings, "Hub's start", "problem", words)
        findings = examine(self.write("import no_such_module"))
        self.assert_says(findings, "Hub configuration", "problem", "ends with ModuleNotFoundError")
        findings = examine(self.write("import sys; sys.exit(3)"))
        self.assert_says(findings, "Hub configuration", "problem", "ends with SystemExit")
        findings = examine("/no/such/file.py")
        self.assert_says(findings, "Hub configuration", "problem", "is not there")

    def test_a_service_that_is_left_out_or_not_there_is_told(self):
        findings = examine(self.write("", program="/no/such"))
        self.assert_says(findings, "Hub's service", "problem", "program='/no/such' is not there")
        path = pathlib.Path(self.write(""))
        path.write_text("")
        self.assert_says(examine(str(path)), "Hub's service", "problem", "there is none")

    def test_the_configurations_of_others_have_nothing_that_is_misunderstood(self):
        for config in CONFIGS:
            if config != TLJH:
                findings = examine(self.write(config.read_text()))
                said = [f for f in findings if f["level"] == "problem"]
                # Their programs are not installed here.
                others = [f for f in said if "is missing: wiki" not in f["message"]]
                self.assertEqual(others, [], config.name)

    def test_what_a_configuration_prints_is_no_finding(self):
        path = self.write("print('noise')\n")
        done = subprocess.run(
            [sys.executable, "-m", "pipalhub.examine", path],
            cwd=ROOT / "wheel",
            capture_output=True,
            check=True,
        )
        findings = json.loads(done.stdout)
        self.assert_says(findings, "Hub configuration", "ok", "is read by JupyterHub")


if __name__ == "__main__":
    unittest.main()
