"""Commands in processes of their own that are killed, or refused by the system, at a chosen moment.

The processes are forked from one that has imported everything, so that a killed command costs its
own work alone. Moments are counted in operations on files, as Python's audit events tell them, or
in seconds of the processor: neither depends on how busy the machine is.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Literal

_PRELOADED = [
    "torch",
    "cv2",
    "pycocotools.mask",
    "toolkit.cli.main",
    "toolkit.train.fit",
    "toolkit.experiment.execution.execute",
    "toolkit.builtins",
]
_REPORT, _PAUSED, _GO = "report.json", "paused", "go"
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "open"}


@dataclass(frozen=True)
class Moment:
    """When something happens to a command, and what.

    Attributes:
        what: "killed"; "refused" = from then on the system refuses every change with `errno`;
            "vanished" = the folder `folder` gets another name; "paused" = it waits until
            it may go on.
        operation: at this operation on a file of the project, counted from 1; None = not.
        below: only operations on this file or folder of the project count.
        seconds: after this time of the processor; None = not.
        errno: number of the system's error.
        folder: which vanishes; refusals are about what is below it.
    """

    what: Literal["killed", "refused", "vanished", "paused", "nothing"] = "nothing"
    operation: int | None = None
    below: str = ""
    seconds: float | None = None
    errno: int = 0
    folder: str = ""


@dataclass(frozen=True)
class Ending:
    """How a command ended: exit code (negative = signal), what it told, and what it took."""

    code: int
    told: str
    operations: int
    seconds: float


def fork_context() -> ForkServerContext:
    """Return a context whose processes begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


@dataclass(frozen=True)
class Running:
    """A command that runs in a process of its own."""

    process: Any
    notes: Path

    def wait_until_paused(self) -> None:
        """Wait until it has come to the operation at which it pauses, or to its end."""
        while self.process.is_alive() and not (self.notes / _PAUSED).exists():
            time.sleep(0.01)

    def wait_a_little(self) -> None:
        """Wait for its end, or long enough that it is at work or waits for another one."""
        self.process.join(1.5)

    def go_on(self) -> None:
        """Let it go on from where it pauses."""
        (self.notes / _GO).touch()

    def end(self) -> Ending:
        """Wait for its end."""
        self.process.join()
        report = self.notes / _REPORT
        figures = json.loads(report.read_text()) if report.is_file() else {}
        return Ending(
            self.process.exitcode,
            (self.notes / "told").read_text(),
            figures.get("operations", 0),
            figures.get("seconds", 0.0),
        )


def begin_command(project: Path, arguments: list[str], moment: Moment | None = None) -> Running:
    """Start a command in a project folder."""
    notes = Path(tempfile.mkdtemp(dir=project.parent, prefix="notes-"))
    process = fork_context().Process(
        target=_be_the_command,
        args=(str(project), str(notes), arguments, asdict(moment or Moment())),
    )
    process.start()
    return Running(process, notes)


def run_command(project: Path, arguments: list[str], moment: Moment | None = None) -> Ending:
    """Run a command in a project folder to its end, whichever that is."""
    return begin_command(project, arguments, moment).end()


def _be_the_command(project: str, notes: str, arguments: list[str], moment: dict[str, Any]) -> None:
    told = os.open(f"{notes}/told", os.O_WRONLY | os.O_CREAT)
    os.dup2(told, 1)
    os.dup2(told, 2)
    os.chdir(project)
    for name in ("TRASH_CACHE", "TRASH_RUN", "LOCAL_RANK", "RANK", "WORLD_SIZE"):
        os.environ.pop(name, None)
    import torch

    from toolkit.cli.main import run

    torch.set_num_threads(1)
    watch = _Watch(project, Path(notes), Moment(**moment))
    sys.addaudithook(watch)
    if watch.moment.seconds is not None:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process without a word
        signal.setitimer(signal.ITIMER_PROF, watch.moment.seconds)
    begin = time.process_time()
    code = run(arguments)
    signal.setitimer(signal.ITIMER_PROF, 0)
    watch.off = True
    with open(f"{notes}/{_REPORT}", "w") as file:
        json.dump({"operations": watch.operations, "seconds": time.process_time() - begin}, file)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _Watch:
    """Counts changes of files below a folder and does what is to happen at one of them."""

    def __init__(self, folder: str, notes: Path, moment: Moment) -> None:
        self.moment = moment
        self.operations = 0
        self.off = False
        self._counted = os.path.join(folder, moment.below)
        self._notes = notes

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.off or event not in _CHANGES:
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITES):
            return
        # The last path of a renaming is the new name; numbers are files that are open already.
        names = arguments[:2] if event == "os.rename" else arguments[:1]
        paths = [os.path.abspath(os.fsdecode(name)) for name in names if not isinstance(name, int)]
        if not any(path.startswith(self._counted) for path in paths):
            return
        path = paths[-1]
        self.operations += 1
        if self.moment.operation is None or self.operations < self.moment.operation:
            return
        if self.moment.what == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.moment.what == "vanished" and self.operations == self.moment.operation:
            self.off = True
            os.rename(self.moment.folder, self.moment.folder + "-gone")
            self.off = False
        if self.moment.what == "paused" and self.operations == self.moment.operation:
            (self._notes / _PAUSED).touch()
            while not (self._notes / _GO).exists():
                time.sleep(0.01)
        if self.moment.what == "refused" and path.startswith(self.moment.folder):
            raise OSError(self.moment.errno, os.strerror(self.moment.errno), path)
