"""Several devices: the command runs itself again under torch.distributed.run."""

from __future__ import annotations

import os
import sys


def relaunch(devices: int) -> None:
    """Replace this process by `devices` processes of the same command; returns inside them.

    `devices = 1`, or being one of those processes already, does nothing.
    """
    if devices == 1 or "LOCAL_RANK" in os.environ:
        return
    arguments = [
        sys.executable, "-m", "torch.distributed.run",
        "--standalone", f"--nproc-per-node={devices}",
        "-m", "toolkit", *sys.argv[1:],
    ]  # fmt: skip
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, arguments)
