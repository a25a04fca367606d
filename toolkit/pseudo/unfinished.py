"""A folder that appears whole or not at all, written by one process at a time."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unfinished(folder: Path, on_wait: Callable[[], None]) -> Iterator[Path | None]:
    """Yield an empty folder that becomes `folder` when the context ends well; None when that is there.

    What a process that was killed left behind is removed first. An error removes it at once.

    Args:
        folder: its final name.
        on_wait: called when another process is writing the folder, before waiting for it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{folder.name}.lock")
    with lock.open("a") as file:
        # The system drops the lock of a process that dies.
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if folder.exists():
                yield None
            else:
                yield from _fresh(folder)
            lock.unlink(missing_ok=True)
        finally:
            # Closing alone would leave it locked while a forked child has the file open.
            fcntl.flock(file, fcntl.LOCK_UN)


def _fresh(folder: Path) -> Iterator[Path]:
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
