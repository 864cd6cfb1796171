"""Participants' servers as units of systemd, which holds them to their limits by the kernel."""

from systemdspawner import SystemdSpawner

from .limits import InTurn


class UnitSpawner(InTurn, SystemdSpawner):
    """SystemdSpawner, a few servers at a time. Its settings are those of `c.SystemdSpawner`."""
