# The Hub of this workshop. The file is yours: setup-node writes it once, and no upgrade changes it.
# What a Hub of a node needs is in pipalhub.workshop, and comes with each upgrade.
#
# What a participant may take: memory="1G", cpu=1.0 (processors, while others need them),
# processes=512. Who teaches: instructors=["ines"], helpers=["hari"]; who administers the Hub:
# admins=["ines"]. Each of them needs a line in users.txt, as everyone. After a change the Hub is
# started again; the servers of participants go on.
#
# Any setting of JupyterHub may stand below the last line, and wins.
import pipalhub

pipalhub.workshop(c, instructors=[])  # noqa: F821
