"""Stands for the package of The Littlest JupyterHub."""
