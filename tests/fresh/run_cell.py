"""Runs a cell in a kernel of whoever calls this, and prints what it prints, or the error's name.

    run_cell.py [--begin] KERNEL CODE

With --begin it does not wait for the cell's end.
"""

import pathlib
import sys

from jupyter_client import BlockingKernelClient
from jupyter_core.paths import jupyter_runtime_dir

*options, kernel, code = sys.argv[1:]
client = BlockingKernelClient()
client.load_connection_file(str(pathlib.Path(jupyter_runtime_dir(), f"kernel-{kernel}.json")))
# Without heartbeats: on a busy machine a beat that comes late is taken for a kernel that has died.
client.start_channels(hb=False)
client.wait_for_ready(timeout=60)
if options == ["--begin"]:
    asked = client.execute(code)
    # Until the kernel has it.
    while client.get_iopub_msg(timeout=60)["parent_header"].get("msg_id") != asked:
        pass
    sys.exit()


def show(message):
    content = message["content"]
    print(content.get("text") or content.get("ename") or "", end="", flush=True)


client.execute_interactive(code, output_hook=show, timeout=60)
