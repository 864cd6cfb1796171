"""PipalHub in a JupyterHub: two lines of its configuration.

    import pipalhub
    pipalhub.configure(c)

The program itself is `pipalhub`, beside this package's Python or on PATH. What is here only
configures the Hub, and only while the Hub reads its configuration. On a node that
`pipalhub setup-node` has set up, `pipalhub.workshop(c)` configures all of its Hub.
"""

from .configuration import configure
from .workshop import workshop

__all__ = ["configure", "workshop"]
__version__ = "0.1.0"
