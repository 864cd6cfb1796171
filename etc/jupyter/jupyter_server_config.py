"""Reports saves by a post_save_hook, as the original PipalHub did.

You do not need this file: the package pipalhub-singleuser (singleuser/) switches its
extension on when it is installed. It is for servers whose extensions are managed elsewhere
and off; both at once do no harm. Put it into /etc/jupyter/, or add its statements to the
jupyter_server_config.py you have.
"""

c = get_config()  # noqa: F821

try:
    from pipalhub_singleuser import post_save_hook
except ImportError:
    # A server must start without the package too.
    pass
else:
    c.FileContentsManager.post_save_hook = post_save_hook
