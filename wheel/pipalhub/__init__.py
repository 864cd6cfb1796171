"""PipalHub in a JupyterHub: two lines of its configuration.

    import pipalhub
    pipalhub.configure(c)

The program itself is `pipalhub`, beside this package's Python or on PATH. What is here only
configures the Hub, and only while the Hub reads its configuration.
"""

from .configuration import configure

__all__ = ["configure"]
__version__ = "0.1.0"
