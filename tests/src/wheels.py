"""Makes small packages in a folder, for an installer that is told of no other place."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

FOLDER = Path(sys.argv[1])

# Says its metadata at once, so that a plan is made, and is never built to its end.
SLOW = """
import pathlib, time

METADATA = "Metadata-Version: 2.1\\nName: class-slow\\nVersion: 1.0\\n"


def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, "class_slow-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    return info.name


def build_wheel(folder, settings=None, metadata=None):
    while True:
        time.sleep(1)
"""


def wheel(name, version, summary, requires=()):
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {it}\n" for it in requires)
    files = {
        f"{module}.py": f"version = {version!r}\n",
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\n{needs}"
        ),
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = FOLDER / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


def slow_source():
    files = {
        "pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
        ),
        "slow.py": SLOW,
        "PKG-INFO": "Metadata-Version: 2.1\nName: class-slow\nVersion: 1.0\n",
    }
    with tarfile.open(FOLDER / "class_slow-1.0.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"class_slow-1.0/{path}")
            data = text.encode()
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


FOLDER.mkdir()
wheel("class-base", "1.0", "What the others are made of")
wheel("class-base", "2.0", "What the others are made of")
wheel("class-plot", "1.0", "Draws what a class measures", ["class-base<2"])
wheel("class-plot", "2.0", "Draws what a class measures", ["class-base>=2"])
wheel("class-tool", "1.0", "Small things for <every> day")
wheel("class-old", "0.9", "Was good with an old base", ["class-base<2"])
slow_source()
