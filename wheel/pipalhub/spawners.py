"""What participants' servers are told, and what is known of how they are started."""

import os
import shutil

from . import hub

URL = "PIPALHUB_URL"
# Those that start servers on the Hub's machine, by the Hub's own programs.
LOCAL = {"LocalProcessSpawner", "SystemdSpawner", "SudoSpawner"}
PACKAGE_FILE = os.path.join("etc", "jupyter", "jupyter_server_config.d", "pipalhub.json")


class Spawners:
    """The spawner class of the configuration, and the sections that configure it."""

    def __init__(self, existing, hub_class):
        self._existing = existing
        self._class = hub.configured_class(existing, hub_class, "spawner_class")

    @property
    def are_local(self):
        """Whether servers run on this machine, as far as is known."""
        return bool(LOCAL & set(hub.ancestors(self._class)))

    @property
    def are_of_tljh(self):
        return getattr(self._class, "__module__", "").split(".")[0] == "tljh"

    def _sections(self, name):
        """Where `name` is set for spawners, the base class's section first and always.

        A subclass's section hides what its base class's sets. It may be any name that the class
        has; of a class that is not the configured one, as those that ProfilesSpawner starts, it
        ends in Spawner.
        """
        own = hub.ancestors(self._class)[::-1]
        others = [
            section
            for section in self._existing.sections_with(name)
            if section in own or section.endswith("Spawner")
        ]
        rank = {section: place for place, section in enumerate(own)}
        others.sort(key=lambda section: rank.get(section, len(rank)))
        return ["Spawner", *(section for section in others if section != "Spawner")]

    def add_to_environment(self, url):
        """Tells servers the service's address, unless the configuration has told them."""
        for section in self._sections("environment"):
            there = self._existing.value(section, "environment", {})
            if callable(there):
                wrapped = _with_url(there, url)
                self._existing.replace(section, "environment", wrapped)
            elif URL not in there:
                self._existing.update(section, "environment", {URL: url})

    def start_in_lab(self):
        """Lets servers open JupyterLab, unless the configuration or the spawner says otherwise."""
        sections = self._sections("default_url")
        if not any(self._existing.is_set(section, "default_url") for section in sections):
            if not hub.default_of(self._class, "default_url"):
                self._existing.replace("Spawner", "default_url", "/lab")

    @property
    def image_spawner(self):
        """The name of the class, where it starts servers from an image, else None."""
        if self.are_local or not hub.default_of(self._class, "image"):
            return None
        return self._class.__name__

    @property
    def image(self):
        """The image of all servers, or None where there is none, or everyone chooses."""
        for chosen in ["allowed_images", "profile_list"]:
            if any(self._existing.is_set(section, chosen) for section in self._sections(chosen)):
                return None
        image = hub.default_of(self._class, "image")
        for section in self._sections("image"):
            image = self._existing.value(section, "image", None) or image
        return image if isinstance(image, str) else None

    def environment(self):
        """The Python environment of servers on this machine, or None where it is not known."""
        if not self.are_local:
            return None
        command = ["jupyterhub-singleuser"]
        for section in self._sections("cmd"):
            command = self._existing.value(section, "cmd", None) or command
        # SystemdSpawner puts these before the Hub's PATH.
        path = self._existing.value("SystemdSpawner", "extra_paths", [])
        path = os.pathsep.join([*path, os.environ.get("PATH", os.defpath)])
        program = command if isinstance(command, str) else command[0]
        program = shutil.which(program, path=path)
        if program is None:
            return None
        # It may be a link in /usr/local/bin.
        return os.path.dirname(os.path.dirname(os.path.realpath(program)))

    def environment_without_package(self):
        """The Python environment of servers on this machine that lacks pipalhub-singleuser."""
        prefix = self.environment()
        if prefix is None:
            return None
        # Debian's pip installs for /usr into /usr/local.
        prefixes = [prefix, "/usr/local"] if prefix == "/usr" else [prefix]
        has_it = any(os.path.exists(os.path.join(place, PACKAGE_FILE)) for place in prefixes)
        return None if has_it else prefix


def _with_url(environment, url):
    def with_url(spawner):
        return {URL: url(spawner), **environment(spawner)}

    return with_url
