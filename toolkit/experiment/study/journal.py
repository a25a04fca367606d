"""The file that keeps the trials of a search: one process at a time, whole lines only."""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.recipe.problems import shown_path

if TYPE_CHECKING:
    from optuna.storages import JournalStorage


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from a search while the context is open.

    Args:
        path: its journal, which is made if it is not there.

    Raises:
        UsageError: another process is doing it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(
            "another process is doing this search",
            "Wait until it has ended, then run this command again: it goes on where that ended.",
        ) from None
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def open_journal(path: Path) -> JournalStorage:
    """Open the journal of a search, which this process has locked.

    Raises:
        UsageError: it is damaged, or another version's.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    _drop_torn_line(path)
    # Optuna's own lock stays behind where a process is killed while it writes, and is waited for;
    # nobody else writes while this process has `locked` the journal.
    Path(f"{path}.lock").unlink(missing_ok=True)
    with warnings.catch_warnings():
        # The journal is marked as experimental; its file is only read by this search.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        backend = JournalFileBackend(str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return JournalStorage(backend)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
        raise UsageError(
            f"{shown_path(path)} cannot be read by Optuna {optuna.__version__}: "
            f"{type(error).__name__}: {error}",
            "It is damaged, or another version's. Move it away to begin the search anew: its "
            "finished runs are found again.",
        ) from None


def _drop_torn_line(path: Path) -> None:
    """Shorten a journal to its last whole line: a process was killed while it wrote the next."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
