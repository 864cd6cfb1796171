"""How a package gets into a Python environment, also where the system keeps pip out of its own."""

import glob
import os

# Debian, Ubuntu and others put it beside the standard library (PEP 668).
MARKER = "EXTERNALLY-MANAGED"


def advice(package, prefix, instead, python=None):
    """What to do so that the environment at `prefix` has the package: with pip or, where the system
    manages that Python, `instead`."""
    if is_managed_by_system(prefix):
        return f"pip installs nothing into the system's Python ({prefix}), so {instead}"
    if python is None:
        python = os.path.join(prefix, "bin", "python3")
        python = python if os.path.exists(python) else "python3"
    # A file, as the packages are in no index.
    wheel = package.replace("-", "_") + "-*.whl"
    return f"install it with `{python} -m pip install {wheel}`"


def is_managed_by_system(prefix):
    """Whether pip refuses to install into this environment; never into one made by venv."""
    if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
        return False
    return bool(glob.glob(os.path.join(glob.escape(prefix), "lib", "python3*", MARKER)))
