"""Writes the wheel of the Hub's side with a program that is built already, for the images of tests.

    hub_wheel.py PROGRAM FOLDER

A release's wheel is made by maturin; this one has the same files, and no symbols in the program.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main(program, folder):
    project = (ROOT / "wheel/pyproject.toml").read_text()
    version = re.search(r'^version = "(.+)"$', project, re.MULTILINE)[1]
    info = f"pipalhub-{version}.dist-info"
    package = sorted((ROOT / "wheel/pipalhub").glob("*.py"))
    contents = {f"pipalhub/{path.name}": path.read_bytes() for path in package}
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, program], check=True)
        contents[f"pipalhub-{version}.data/scripts/pipalhub"] = pathlib.Path(
            stripped.name
        ).read_bytes()
    contents[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: pipalhub\nVersion: {version}\n".encode()
    )
    contents[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: py3-none-any\n"
    )
    names = [*contents, f"{info}/RECORD"]
    contents[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in names).encode()
    name = f"pipalhub-{version}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path, content in contents.items():
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            # Not compressed: a copy is faster than anything here.
            wheel.writestr(entry, content)


if __name__ == "__main__":
    main(*sys.argv[1:])
