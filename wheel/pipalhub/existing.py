"""What is configured already, and adding to it without replacing any of it.

A value of a configuration is a plain one (`c.A.b = [1]`), or changes to one that is not known
yet (`c.A.b.append(1)`, traitlets' LazyConfigValue). A plain list or dict is changed in place, so
that a name which the configuration has for it still means it. Changes get more changes, and so
does what is not there, because a file that this one is loaded by may have set it.
"""

import copy
import inspect

from traitlets.config import LazyConfigValue, PyFileConfigLoader


class ExistingConfig:
    """The configuration `config` and those that it will be merged into."""

    def __init__(self, config):
        self.config = config
        self._all = [*_configs_around(config), config]

    def value(self, section, name, default):
        """What the Hub would have here; `default` is what it has without any configuration."""
        value = default
        for config in self._all:
            given = _given(config, section, name)
            if isinstance(given, LazyConfigValue):
                # Of a copy, because the value that is asked for first is the value for ever.
                value = copy.deepcopy(given).get_value(value)
            elif given is not None:
                value = given
        return value

    def is_set(self, section, name):
        """Whether a plain value is set, or changes to one."""
        empty = [None, [], {}, set()]
        return any(self.value(section, name, nothing) != nothing for nothing in empty)

    def sections_with(self, name):
        """The sections in which `name` is set."""
        sections = {section for config in self._all for section in config if section[0].isupper()}
        return sorted(section for section in sections if self.is_set(section, name))

    def extend(self, section, name, items):
        """Adds to a list."""
        given = _given(self.config, section, name)
        if given is None or isinstance(given, (list, LazyConfigValue)):
            self.config[section][name].extend(items)
        else:
            self.config[section][name] = [*given, *items]

    def add(self, section, name, items):
        """Adds to a set, which may be written as a list."""
        given = _given(self.config, section, name)
        if given is None or isinstance(given, (set, LazyConfigValue)):
            self.config[section][name].update(set(items))
        else:
            self.config[section][name] = {*given, *items}

    def update(self, section, name, items):
        """Adds to a dict."""
        given = _given(self.config, section, name)
        if given is None or type(given) is dict or isinstance(given, LazyConfigValue):
            self.config[section][name].update(items)
        else:
            self.config[section][name] = {**given, **items}

    def replace(self, section, name, value):
        """Sets what is not set, or puts a list made of what was in its place."""
        given = _given(self.config, section, name)
        if isinstance(given, list):
            given[:] = value
        else:
            self.config[section][name] = value


def _given(config, section, name):
    """The value in one configuration, or None. Looking it up would make an empty one."""
    if section in config and name in config[section]:
        return config[section][name]
    return None


def _configs_around(config):
    """The configurations of files that load the file of `config`, the outermost first.

    A file that is loaded by `load_subconfig` begins with an empty configuration, which is merged
    when the file is through; The Littlest JupyterHub loads those in jupyterhub_config.d so.
    What is there already is known to the loaders in the call stack and to nothing else.
    """
    around = []
    frame = inspect.currentframe()
    while frame is not None:
        loader = frame.f_locals.get("self")
        # Not isinstance, which asks the object: what is in a stranger's frame may be a proxy.
        if issubclass(type(loader), PyFileConfigLoader):
            if all(loader.config is not known for known in [config, *around]):
                around.insert(0, loader.config)
        frame = frame.f_back
    return around
