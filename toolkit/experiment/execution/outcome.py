"""Recording how a run ended, and telling how to resume it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from toolkit.errors import EXIT_FAILED, TrashError, in_words, raised_at
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.run_folder import RunFolder
from toolkit.train.distributed import LostProcess


class RunStopped(TrashError):
    """Somebody who watches a run has seen enough of it: it counts as interrupted."""


@contextmanager
def recorded(run: RunFolder, say_how_to_go_on: Callable[[BaseException], None]) -> Iterator[None]:
    """Record in the manifest why a run was interrupted or failed.

    Args:
        run: the run.
        say_how_to_go_on: called then with what ended it.
    """
    try:
        yield
    except KeyboardInterrupt as interruption:
        _record(run, status="interrupted")
        say_how_to_go_on(interruption)
        raise
    except RunStopped as stop:
        _record(run, status="interrupted", error=stop.message)
        raise
    except SystemExit as end:
        say_how_to_go_on(end)  # a process of `launch` recorded the reason
        raise
    except Exception as error:
        _record_failure(run, error)
        say_how_to_go_on(error)
        raise


@contextmanager
def recorded_by_worker(run: RunFolder) -> Iterator[None]:
    """Keep in the manifest why one of several processes failed; their launcher does the rest."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(EXIT_FAILED) from None
    except LostProcess:
        raise  # the process that failed first has recorded why
    except Exception as error:
        _record_failure(run, error)
        raise


def _record_failure(run: RunFolder, error: Exception) -> None:
    known = isinstance(error, TrashError)
    _record(run, status="failed", error=str(error) if known else in_words(error) + raised_at(error))


def _record(run: RunFolder, **values: str) -> None:
    # A full disk may refuse this too: the first error is the one to show.
    with suppress(OSError, TrashError):
        run.update(ended=now(), **values)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, as schedulers send it, tidy up and record as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
