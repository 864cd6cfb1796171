"""The package as pip installs it: complete, enabled, and built without other packages."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

from support import ROOT, SINGLEUSER


class PackageTest(unittest.TestCase):
    def test_pip_installs_the_package_without_a_network(self):
        with tempfile.TemporaryDirectory() as folder:
            target = pathlib.Path(folder, "target")
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
                + ["--disable-pip-version-check", "--no-deps", "--target", target]
                + [SINGLEUSER],
                check=True,
            )
            installed = files_below(target)
            for source in ["pipalhub_singleuser", "data"]:
                base = SINGLEUSER if source != "data" else SINGLEUSER / "data"
                for path in files_below(SINGLEUSER / source, base):
                    self.assertIn(path, installed)
            enabled = target / "etc/jupyter/jupyter_server_config.d/pipalhub.json"
            extensions = json.loads(enabled.read_text())["ServerApp"]["jpserver_extensions"]
            self.assertEqual(extensions, {"pipalhub_singleuser": True})

    def test_the_same_files_make_the_same_wheel(self):
        wheels = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as folder:
                build = "import sys, pack; print(pack.build_wheel(sys.argv[1]))"
                name = subprocess.run(
                    [sys.executable, "-c", build, folder],
                    cwd=SINGLEUSER,
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout.strip()
                wheel = pathlib.Path(folder, name)
                self.assertIsNone(zipfile.ZipFile(wheel).testzip())
                wheels.append(wheel.read_bytes())
        self.assertEqual(*wheels)

    def test_the_package_has_the_version_of_the_service(self):
        lab = SINGLEUSER / "data/share/jupyter/labextensions/pipalhub/package.json"
        project = (SINGLEUSER / "pyproject.toml").read_text()
        workspace = (ROOT / "Cargo.toml").read_text()
        module = (SINGLEUSER / "pipalhub_singleuser/__init__.py").read_text()
        versions = {
            *re.findall(r'^__version__ = "(.+)"$', module, re.MULTILINE),
            json.loads(lab.read_text())["version"],
            *re.findall(r'^version = "(.+)"$', project, re.MULTILINE),
            *re.findall(r'^version = "(.+)"$', workspace, re.MULTILINE),
        }
        self.assertEqual(len(versions), 1, versions)

    def test_the_package_has_the_licence_of_the_project(self):
        own = (SINGLEUSER / "LICENSE").read_text()
        self.assertEqual(own, (ROOT / "LICENSE").read_text())


def files_below(folder, base=None):
    return {
        path.relative_to(base or folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


if __name__ == "__main__":
    unittest.main()
