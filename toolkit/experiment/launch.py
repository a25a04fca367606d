"""Several devices: the command runs itself again under torch.distributed.run."""

from __future__ import annotations

import os
import sys


def in_worker() -> bool:
    """Return whether this is one of the processes that torchrun started."""
    return "LOCAL_RANK" in os.environ


def relaunch(devices: int) -> None:
    """Replace this process by `devices` processes of the same command; one device needs none."""
    if devices == 1:
        return
    arguments = [
        sys.executable, "-m", "torch.distributed.run",
        "--standalone", f"--nproc-per-node={devices}",
        "-m", "toolkit", *sys.argv[1:],
    ]  # fmt: skip
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, arguments)
