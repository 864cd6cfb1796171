"""Builds the wheel: a PEP 517 backend that needs nothing but Python.

A wheel is a zip of the package, its files for `etc` and `share`, and four metadata files.
Writing it here keeps `pip install ./singleuser` working on a machine without a network, in a
venv without build tools. The metadata comes from pyproject.toml. The same files make the same
wheel, byte for byte.

It does not support compiled code, extras, entry points, editable installations.
"""

import base64
import hashlib
import io
import pathlib
import tarfile
import zipfile

try:
    import tomllib
except ImportError:
    import tomli as tomllib

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = "pipalhub_singleuser"
# The earliest time of a zip entry.
EPOCH = (1980, 1, 1, 0, 0, 0)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Called by pip; returns the name of the wheel it has written."""
    project = _project()
    stem = f"{PACKAGE}-{project['version']}"
    info = f"{stem}.dist-info"
    files = {path.relative_to(HERE).as_posix(): path for path in _files(PACKAGE)}
    data = {
        f"{stem}.data/data/{path.relative_to(HERE / 'data').as_posix()}": path
        for path in _files("data")
    }
    contents = {name: path.read_bytes() for name, path in {**files, **data}.items()}
    contents[f"{info}/METADATA"] = _metadata(project)
    contents[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: pack\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    contents[f"{info}/licenses/LICENSE"] = (HERE / "LICENSE").read_bytes()
    contents[f"{info}/RECORD"] = _record(contents, f"{info}/RECORD")
    name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as wheel:
        for path, content in contents.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, content)
    return name


def build_sdist(sdist_directory, config_settings=None):
    """Called by `python -m build`; the sources, from which the wheel can be built."""
    project = _project()
    stem = f"{PACKAGE}-{project['version']}"
    names = ["pyproject.toml", "pack.py", "README.md", "LICENSE"]
    paths = [HERE / name for name in names] + _files(PACKAGE) + _files("data")
    contents = {path.relative_to(HERE).as_posix(): path.read_bytes() for path in paths}
    contents["PKG-INFO"] = _metadata(project)
    with tarfile.open(pathlib.Path(sdist_directory, f"{stem}.tar.gz"), "w:gz") as sdist:
        for path, content in contents.items():
            entry = tarfile.TarInfo(f"{stem}/{path}")
            entry.size = len(content)
            sdist.addfile(entry, io.BytesIO(content))
    return f"{stem}.tar.gz"


def _project():
    return tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]


def _files(folder):
    found = (HERE / folder).rglob("*")
    return sorted(p for p in found if p.is_file() and "__pycache__" not in p.parts)


def _metadata(project):
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {needed}" for needed in project["dependencies"]),
        "Description-Content-Type: text/markdown",
        "",
        (HERE / project["readme"]).read_text("utf-8"),
    ]
    return "\n".join(lines).encode()


def _record(contents, own_name):
    lines = [f"{path},{_hash(text)},{len(text)}" for path, text in contents.items()]
    return "\n".join([*lines, f"{own_name},,", ""]).encode()


def _hash(content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.rstrip(b"=").decode()
