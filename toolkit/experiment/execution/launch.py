"""Training on several devices: the command starts itself once per device and waits."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import EXIT_FAILED, TrashError, UsageError
from toolkit.lifetime import end_with_parent

_RUN = "TRASH_RUN"
_LAUNCHER = "TRASH_LAUNCHER"
_TORCHRUN = "LOCAL_RANK"


def launched_run_dir() -> Path | None:
    """Return the run's folder in a process that `launch` started, None in any other.

    Raises:
        UsageError: something else than `launch` started several processes.
    """
    run = os.environ.get(_RUN)
    if run is None and _TORCHRUN in os.environ:
        raise UsageError(
            "torchrun started this command: every process would make a run of its own",
            "Let trash start the processes: trash recipe run RECIPE --devices N",
        )
    return None if run is None else Path(run)


def end_with_launcher() -> None:
    """Make a process that `launch` started end at once on SIGTERM, and when its launcher has ended.

    It does nothing in any other process. The process may be waiting for its peers outside Python,
    where no handler written in Python runs, and a launcher that was killed can tell nobody. What a
    run has finished is on disk: nothing is lost.
    """
    launcher = os.environ.get(_LAUNCHER)
    if launcher is None:
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not _killed_with_parent():
        end_with_parent(int(launcher))
    elif os.getppid() != int(launcher):  # it had ended before
        os._exit(EXIT_FAILED)


_PR_SET_PDEATHSIG = 1


def _killed_with_parent() -> bool:
    """Ask Linux to kill this process when the one that started it ends; False where it cannot."""
    if sys.platform != "linux":
        return False
    refused: int = ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return refused == 0


def launch(devices: int, run: Path, arguments: Sequence[str]) -> None:
    """Run `trash` with these arguments in `devices` processes that train `run` together.

    It is what `python -m torch.distributed.run --standalone` does, by the functions behind it: its
    own command ends with a traceback and exit code 1 whatever the reason, Ctrl-C included.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; all processes have ended.
        SystemExit: a process failed; it has said why, and this is its exit code.
        TrashError: a process was killed, or they could not be started.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # Its warnings say again, as a log, what the processes say themselves.
    quiet = logging.getLogger("torch.distributed.elastic")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    # Each process would take all cores otherwise, and together they would fight for them.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // devices)))
    own = {_RUN: str(run), _LAUNCHER: str(os.getpid())}
    os.environ.update(own)
    with tempfile.TemporaryDirectory() as logs:
        processes = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=devices,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="127.0.0.1",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            # -P: a torch.py or json.py in the working folder is not meant.
            elastic_launch(processes, sys.executable)("-P", "-m", "toolkit", *arguments)
        except SignalException:
            raise KeyboardInterrupt from None
        except ChildFailedError as error:
            raise _end({rank: each.exitcode for rank, each in error.failures.items()}) from None
        finally:
            for name in own:
                del os.environ[name]


def _end(exit_codes: dict[int, int]) -> BaseException:
    """Return what ends this command after processes ended with these codes (negative: signals)."""
    killed = {rank: -code for rank, code in exit_codes.items() if code < 0}
    if len(killed) < len(exit_codes):
        # torch itself ends the others by SIGTERM when one has failed.
        killed = {rank: code for rank, code in killed.items() if code != signal.SIGTERM}
    if not killed:
        return SystemExit(max(EXIT_FAILED, *exit_codes.values()))
    ranks = ", ".join(f"{rank} (signal {number})" for rank, number in sorted(killed.items()))
    return TrashError(
        f"of the processes that trained together, these were killed: {ranks}",
        "Signal 9 mostly means that memory ran out: lower train.batch_size or data.workers.",
    )
