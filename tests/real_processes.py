"""Real processes of tests: started, waited for without a clock, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HANG = 30 * 60.0
"""Seconds after which a wait is given up: no machine is that busy, so something hangs."""

_PROC = Path("/proc")


class Processes:
    """Processes of one test; what they start in turn is known by a mark in the environment."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
        """Start Python with these arguments, in a session of its own."""
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**os.environ, **environment, "TRASH_TEST": self._mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell in the background starts its commands with Ctrl-C ignored: ours too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self._started.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        """Wait for the end of a process; return what it printed on stdout and stderr."""
        try:
            return process.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"it hangs; it had printed:\n{out}\n{err}") from None

    def wait_until(self, condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Wait until something has come about that `process`, still running, is at work on."""
        for _ in _patience():
            if condition():
                return
            if process.poll() is not None and not condition():
                raise AssertionError(f"it ended before: {process.communicate()}")

    def wait_until_gone(self) -> None:
        """Wait until none of the processes is left."""
        for _ in _patience():
            if not self.alive():
                return

    def alive(self) -> list[int]:
        """Return the ids of the processes that run, those that they started included."""
        if not _PROC.is_dir():
            return [process.pid for process in self._started if process.poll() is None]
        for process in self._started:
            process.poll()
        mark = self._mark.encode()
        return [int(each.name) for each in _PROC.glob("[0-9]*") if mark in _environment(each)]

    def worker(self, rank: int) -> int:
        """Return the id of the process of this rank."""
        wanted = b"\0RANK=%d\0" % rank
        return next(one for one in self.alive() if wanted in _environment(_PROC / str(one)))

    def kill(self) -> list[int]:
        """Kill what still runs, and return it."""
        killed = left = self.alive()
        while left:
            for one in left:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            time.sleep(0.01)
            left = self.alive()
        for process in self._started:
            process.communicate()
        return killed


def _environment(process: Path) -> bytes:
    """Return the environment of a process; empty when it has ended or is another user's."""
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def _patience() -> Iterator[None]:
    end = time.monotonic() + HANG
    while time.monotonic() < end:
        yield
        time.sleep(0.02)
    raise AssertionError("it hangs")


@contextmanager
def real_processes() -> Iterator[Processes]:
    """Yield what starts processes; those that a failed test leaves behind are killed."""
    processes = Processes()
    try:
        yield processes
        processes.wait_until_gone()
    finally:
        processes.kill()
