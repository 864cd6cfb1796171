"""The user that the service runs as, and the folder that this user keeps its data in."""

import os
import pwd

from .obstacle import Obstacle

SYSTEM_DATA = "/var/lib/pipalhub"


def account_of(user):
    """The account to become, or None where that is the Hub's own."""
    if user is None:
        return None
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise Obstacle(
            f"there is no user {user!r}: `useradd --system --shell /usr/sbin/nologin {user}`"
        ) from None
    if account.pw_uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise Obstacle(
            f"a Hub that does not run as root cannot start the service as {user!r}: leave user= "
            "away, or run the service by systemd (external=True)"
        )
    return account


def default_data():
    """Where data is kept unless the settings say: a service has no HOME under a Hub."""
    if os.geteuid() == 0 or os.access(SYSTEM_DATA, os.W_OK):
        return SYSTEM_DATA
    home = pwd.getpwuid(os.geteuid()).pw_dir
    base = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return os.path.join(base, "pipalhub")


def make_data(folder, account):
    """Makes the folder for a user who could not: in /var/lib only root may."""
    if account is None or os.path.exists(folder):
        return
    try:
        os.makedirs(folder, mode=0o700)
        os.chown(folder, account.pw_uid, account.pw_gid)
    except OSError as error:
        raise Obstacle(
            f"the data folder {folder} cannot be made: {error.strerror}. Choose another with "
            "configure(c, data='/path')"
        ) from None
