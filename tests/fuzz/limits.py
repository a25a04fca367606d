"""Limits of time and memory for one reading: a reader of bad files must need neither."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

CPU_SECONDS = 5.0
"""Of this process, not of the clock: a busy machine takes longer without any hang."""
_MEMORY = 1 << 30


class Hang(BaseException):
    """A reader took longer than any of these tiny files justifies."""


def _stop(*_: Any) -> NoReturn:
    raise Hang


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let this process have one GiB more than it has, so that larger claims fail at once."""
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def limited_time() -> Iterator[None]:
    """Raise `Hang` in the context when it takes too much of the processor's time."""
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
