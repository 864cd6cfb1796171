"""Says what is installed in the environment of the Python that runs this, as JSON.

The argument is JSON: `roots`, the requirements that are asked for, or null. The answer has
`python`, `packages`, and in `needed` the names of what the roots need, themselves included; it is
null where nothing here can read requirements.
"""

import importlib.metadata
import json
import platform
import re
import sys

MAX_SUMMARY = 300


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def installed():
    """The distributions by their normalized names; what comes first on the path hides others."""
    found = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name and distribution.version:
            found.setdefault(normalized(name), distribution)
    return found


def requirement_class():
    """The class that reads requirements, from where an environment of a notebook server has it."""
    for module in ["packaging.requirements", "pip._vendor.packaging.requirements"]:
        try:
            return __import__(module, fromlist=["Requirement"]).Requirement
        except ImportError:
            pass
    return None


def reachable(roots, distributions):
    read = requirement_class()
    if read is None:
        return None
    seen = set()
    waiting = [read(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        name = normalized(requirement.name)
        distribution = distributions.get(name)
        if distribution is None:
            continue
        for extra in ["", *requirement.extras]:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for line in distribution.requires or []:
                try:
                    needed = read(line)
                except ValueError:
                    continue
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    waiting.append(needed)
    return sorted({name for name, _ in seen})


def main():
    roots = json.loads(sys.argv[1])["roots"]
    distributions = installed()
    packages = [
        {
            "name": distribution.metadata["Name"],
            "version": distribution.version,
            "summary": (distribution.metadata["Summary"] or "").split("\n")[0][:MAX_SUMMARY],
        }
        for _, distribution in sorted(distributions.items())
    ]
    answer = {
        "python": platform.python_version(),
        "packages": packages,
        "needed": None if roots is None else reachable(roots, distributions),
    }
    json.dump(answer, sys.stdout)


main()
