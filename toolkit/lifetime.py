"""Processes that end with the one that started them."""

from __future__ import annotations

import os
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
