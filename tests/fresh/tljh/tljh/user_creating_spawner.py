"""The spawner of The Littlest JupyterHub: SystemdSpawner, and a user of the machine for each of the
Hub's, whose home nobody else may enter."""

import pwd
import subprocess

from systemdspawner import SystemdSpawner


class UserCreatingSpawner(SystemdSpawner):
    def start(self):
        account = f"jupyter-{self.user.name}"
        self.username_template = account
        try:
            pwd.getpwnam(account)
        except KeyError:
            make = ["useradd", "--create-home", "--groups", "jupyterhub-users", account]
            subprocess.run(make, check=True)
            subprocess.run(["chmod", "o-rwx", pwd.getpwnam(account).pw_dir], check=True)
        return super().start()
