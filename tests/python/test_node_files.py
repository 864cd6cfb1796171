"""The files of a node's container, by their own linters, and what they say of each other."""

import pathlib
import re
import subprocess
import sys
import unittest

import yaml
from hub_case import ROOT

CONTAINER = ROOT / "etc/node/container"
# Beside the Python that runs the tests.
PROGRAMS = pathlib.Path(sys.executable).parent
# Values that docker-compose 1.29 makes a number of when they come from a variable; others stay
# texts, which an engine refuses.
TAKEN_FROM_VARIABLES = {"image", "ports", "mem_limit", "cpus", "shm_size"}


class NodeFilesTest(unittest.TestCase):
    def lint(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, cwd=CONTAINER)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_dockerfile(self):
        # Users are named, who are made in the file itself.
        self.lint(PROGRAMS / "hadolint", "--ignore", "DL3066", "Dockerfile")

    def test_the_scripts(self):
        scripts = ["start", "finish", *CONTAINER.glob("services/*/run")]
        self.assertEqual(len(scripts), 8)
        # What they read at the beginning is beside them here.
        self.lint(PROGRAMS / "shellcheck", "--shell=sh", "--exclude=SC1091,SC2154", *scripts)
        self.lint(PROGRAMS / "shellcheck", "--shell=sh", "--exclude=SC1090,SC1091,SC2034", "common")

    def test_what_the_compose_file_takes_from_variables(self):
        text = (CONTAINER / "compose.yaml").read_text()
        (service,) = yaml.safe_load(text)["services"].values()
        for name, value in service.items():
            if "${" in str(value):
                self.assertIn(name, TAKEN_FROM_VARIABLES)
        told = set(re.findall(r"^(\w+)=", (CONTAINER / "env.sample").read_text(), re.MULTILINE))
        for variable in re.findall(r"\$\{(\w+):-", text):
            self.assertIn(variable, told | {"PIPALHUB_SHM"})
        self.assertEqual(len(re.findall(r"\$\{", text)), len(re.findall(r"\$\{\w+:-", text)))

    def test_nobody_outside_this_machine_reaches_it(self):
        (service,) = yaml.safe_load((CONTAINER / "compose.yaml").read_text())["services"].values()
        self.assertTrue(all(port.startswith("127.0.0.1:") for port in service["ports"]))
        self.assertEqual(service["cap_drop"], ["ALL"])
        self.assertNotIn("privileged", service)

    def test_each_folder_of_the_compose_file_is_in_the_docs(self):
        (service,) = yaml.safe_load((CONTAINER / "compose.yaml").read_text())["services"].values()
        page = (ROOT / "docs/container.md").read_text()
        for volume in service["volumes"]:
            source, target = volume.removesuffix(":ro").removeprefix("./").split(":")
            self.assertRegex(page, rf"\| `{source}[`/].*\| `{target}")

    def test_each_keyword_of_workshop_is_in_the_docs(self):
        from inspect import signature

        from pipalhub import workshop

        section = (ROOT / "docs/container.md").read_text().split("\n## The Hub's configuration\n")[1]
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
        self.assertEqual(told, set(signature(workshop).parameters) - {"c", "keywords"})


if __name__ == "__main__":
    unittest.main()
