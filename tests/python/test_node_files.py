"""The files of etc/node that need no server to be tried: the notebook that everyone new has, and the
script of the original's name.
"""

import contextlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import ROOT

NODE = ROOT / "etc" / "node"
SCRIPT = NODE / "setup-node.sh"
NOBODY = 65534


class WelcomeTest(unittest.TestCase):
    def setUp(self):
        self.text = (NODE / "home" / "Welcome.ipynb").read_text()
        self.notebook = json.loads(self.text)

    def test_it_is_a_notebook_that_nobody_has_run(self):
        try:
            import nbformat
        except ImportError:
            self.skipTest("nbformat is not installed")
        nbformat.validate(nbformat.reads(self.text, as_version=4), relax_add_props=False)
        for cell in self.notebook["cells"]:
            self.assertEqual(cell.get("outputs", []), [])
            self.assertIsNone(cell.get("execution_count"))
            # None is private, or would be cut from what the instructor sees.
            self.assertEqual(cell["metadata"], {})

    def test_its_cells_run_without_a_network(self):
        printed = io.StringIO()
        names = {}
        with contextlib.redirect_stdout(printed):
            for cell in self.notebook["cells"]:
                if cell["cell_type"] == "code":
                    exec("".join(cell["source"]), names)
        self.assertEqual(printed.getvalue(), "Hello!\nHello, you!\n")
        self.assertNotIn("http", self.text)


class SetupNodeScriptTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        self.script = self.folder / "setup-node.sh"
        shutil.copy(SCRIPT, self.script)

    def program(self, path="pipalhub", text="echo \"$0\" \"$@\""):
        program = self.folder / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(text if isinstance(text, bytes) else f"#!/bin/sh\n{text}\n".encode())
        program.chmod(0o755)
        return program

    def run_script(self, *words, script=None, **variables):
        path = f"{self.folder}/path:/usr/bin:/bin"
        return subprocess.run(
            [str(script or self.script), *words],
            env={"PATH": path, **variables},
            capture_output=True,
            text=True,
        )

    def refused(self, *words, **variables):
        ended = self.run_script(*words, **variables)
        self.assertEqual(ended.returncode, 1, ended)
        self.assertEqual(ended.stdout, "")
        return ended.stderr

    @unittest.skipUnless(os.geteuid() == 0, "it needs root")
    def test_the_program_gets_the_same_words(self):
        beside = self.program()
        words = ["lab.example.org", "--email", "me@example.org", "a b"]
        ended = self.run_script(*words)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(ended.stdout, f"{beside} setup-node {' '.join(words)}\n")
        # How it ends is how the script ends.
        self.program(text='[ "$3" = "" ] || [ "$2" = --help ] || exit 7')
        self.assertEqual(self.run_script("lab.example.org", "--no-tls").returncode, 7)

    @unittest.skipUnless(os.geteuid() == 0, "it needs root")
    def test_the_program_is_found_where_it_is(self):
        on_path = self.program("path/pipalhub")
        self.assertIn(f"{on_path} setup-node", self.run_script("lab.example.org").stdout)
        in_tarball = self.folder / "etc" / "node" / "setup-node.sh"
        in_tarball.parent.mkdir(parents=True)
        shutil.copy(SCRIPT, in_tarball)
        self.program("bin/pipalhub")
        said = self.run_script("lab.example.org", script=in_tarball).stdout
        self.assertIn("/bin/pipalhub setup-node", said)
        named = self.program("elsewhere/mine")
        said = self.run_script("lab.example.org", PIPALHUB_PROGRAM=str(named)).stdout
        self.assertIn(f"{named} setup-node", said)

    def test_what_keeps_it_from_starting_is_named(self):
        self.assertIn("say the hostname", self.refused())
        self.assertIn(f"put it beside this script ({self.folder}/pipalhub)", self.refused("lab"))
        missing = self.refused("lab", PIPALHUB_PROGRAM="/nowhere")
        self.assertIn("there is no program /nowhere", missing)
        # The head of a program for 64-bit ARM.
        elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(100)
        self.program(text=elf)
        self.assertIn("for another kind of machine than this one", self.refused("lab"))
        self.program(text="echo 'GLIBC_2.99 not found' >&2; exit 1")
        self.assertIn("does not start: GLIBC_2.99 not found", self.refused("lab"))
        self.program(text='[ "$1" = --version ] && echo pipalhub 0.0.1')
        self.assertIn("(pipalhub 0.0.1) has no setup-node", self.refused("lab"))
        self.program().chmod(0o644)
        self.assertIn("chmod +x", self.refused("lab"))

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_whoever_is_not_root_is_told(self):
        self.program()

        def become():
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        def ended(*words):
            return subprocess.run(
                [str(self.script), *words],
                env={"PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
                preexec_fn=become,
            )

        said = ended("lab.example.org", "--no-tls")
        self.assertEqual(said.returncode, 1)
        self.assertIn("sudo", said.stderr)
        self.assertIn("lab.example.org --no-tls", said.stderr)
        # What it can do may be read by anyone.
        self.assertEqual(ended("--help").returncode, 0)


if __name__ == "__main__":
    unittest.main()
