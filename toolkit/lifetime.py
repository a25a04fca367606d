"""Processes that end in time: with the one that started them, and when their work is done."""

from __future__ import annotations

import os
import sys
import threading
import time

from toolkit.errors import EXIT_FAILED


def end_with_parent(parent: int) -> None:
    """Make this process end within seconds after its parent, however that one ends.

    A parent that is killed can tell nobody, and the child may be busy with something else than
    looking for it: a thread looks.

    Args:
        parent: id of the process that started this one.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(EXIT_FAILED)


_EXIT_SECONDS = 10.0

_guests: list[str] = []
"""What other people's code was run in this process that may keep it from ending."""


def limit_exit(guest: str) -> None:
    """Note that code of others ran here, whose threads and exit handlers may hold up the end."""
    if guest not in _guests:
        _guests.append(guest)


def end_in_time(code: int) -> None:
    """Make this process, whose work is done, end with this code within seconds.

    Python waits at its end for threads and exit handlers for as long as they like; here it waits
    for those of guests, see `limit_exit`, a while. Without guests it does nothing.
    """
    if _guests:
        threading.Thread(target=_force_end, args=(code,), daemon=True).start()


def _force_end(code: int) -> None:
    time.sleep(_EXIT_SECONDS)
    print(f"warning: {', '.join(_guests)} held up the end of this process", file=sys.stderr)
    sys.stderr.flush()
    os._exit(code)
