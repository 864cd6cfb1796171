"""A Hub whose servers' environment is made by functions, for the spawner's own class too."""

import os

from jupyterhub.spawner import LocalProcessSpawner

c = get_config()  # noqa: F821


class CourseSpawner(LocalProcessSpawner):
    """A spawner of the configuration's own, with defaults of its own."""


def course_of(spawner):
    return "course-" + spawner.user.name


c.JupyterHub.spawner_class = CourseSpawner
shared = {"COURSE": course_of, "TZ": "Asia/Kolkata"}
c.Spawner.environment = shared
c.CourseSpawner.environment = {**shared, "TMPDIR": lambda spawner: os.path.join("/tmp", "x")}
c.CourseSpawner.args = ["--debug"]
c.Spawner.mem_limit = "1G"
