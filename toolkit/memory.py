"""How this process holds its memory."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""

_ONE_GIB = 2**30


def keep_freed_memory() -> None:
    """Keep up to a GiB of freed memory for what comes next, where the C library is glibc.

    By default large arrays go back to the system when they are freed and are zeroed, page by page,
    when the next step asks for them: a training step of a U-Net on the CPU then took 1.04 to 1.12
    times (128 px) and 1.23 times (512 px) the CPU time. Kept, it peaks up to 7 % higher
    (tests/benchmarks/memory.py).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl and macOS have other allocators
        mallopt(_M_TRIM_THRESHOLD, _ONE_GIB)
        mallopt(_M_MMAP_THRESHOLD, _ONE_GIB)
