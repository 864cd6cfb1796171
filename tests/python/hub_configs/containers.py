"""The shape of a Hub in containers: services from a table, a spawner that is not local."""

from jupyterhub.spawner import Spawner
from traitlets import Dict, Unicode

c = get_config()  # noqa: F821


class DockerSpawner(Spawner):
    """Stands for those that are not installed here."""

    image = Unicode("jupyter").tag(config=True)
    volumes = Dict().tag(config=True)

    def start(self):
        raise NotImplementedError

    stop = poll = start


class TeamSpawner(DockerSpawner):
    environment = Dict({"TEAM": "blue"}).tag(config=True)
    default_url = Unicode("/rstudio").tag(config=True)


TABLE = {"announcer": {"url": "http://announcer:8888", "api_token": "the-token-of-the-announcer"}}

c.JupyterHub.spawner_class = TeamSpawner
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "hub"
c.JupyterHub.base_url = "/class/"
c.JupyterHub.services = []
for name, service in TABLE.items():
    c.JupyterHub.services.append({"name": name, **service})
c.DockerSpawner.volumes = {"home-{username}": "/home/jovyan"}
c.DockerSpawner.environment = {"GRANT_SUDO": "no"}
c.KubeSpawner.environment = {"POD": "yes"}
c.JupyterHub.allow_named_servers = True
