"""Keeping freed memory, and explaining errors when memory is full."""

from __future__ import annotations

import ctypes
import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.errors import TrainingFailed, TrashError

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


def memory_shortage(error: BaseException) -> str | None:
    """Return in a few words what an error says of memory that the processor lacks, None for others.

    Each library has its own way: Python and numpy raise `MemoryError`, the system `ENOMEM`, torch a
    `RuntimeError` of its allocator, OpenCV an error with the code of its allocator.
    """
    text = str(error).strip()
    if isinstance(error, MemoryError):
        first = text.splitlines()[0] if text else ""
        return first or "an allocation failed"
    if isinstance(error, OSError):
        return error.strerror if error.errno == errno.ENOMEM else None
    if type(error).__module__ == "cv2" and getattr(error, "code", 0) == _OPENCV_NO_MEMORY:
        found = _OPENCV_ASKED.search(text)
        return found[1] if found else "an allocation failed"
    if isinstance(error, RuntimeError):
        asked = _TORCH_ASKED.search(text)
        if asked:
            return f"torch asked for {int(asked[1]) / 1e9:.2g} GB more"
        if _TORCH_NO_MEMORY.search(text):
            return "an allocation failed"
    return None


_OPENCV_NO_MEMORY = -4
_OPENCV_ASKED = re.compile(r"\(-4:[^)]*\) (Failed to allocate \d+ bytes)")
_TORCH_ASKED = re.compile(r"DefaultCPUAllocator.*tried to allocate (\d+) bytes", re.DOTALL)
_TORCH_NO_MEMORY = re.compile(r"DefaultCPUAllocator|std::bad_alloc|[Cc]annot allocate memory")


@contextmanager
def explain_memory_shortage(hint: str) -> Iterator[None]:
    """Turn a lack of the processor's memory inside the context into a `TrashError` with `hint`."""
    try:
        yield
    except TrashError:
        raise
    except Exception as error:
        reason = memory_shortage(error)
        if reason is None:
            raise
        raise out_of_memory(reason, hint) from error


def out_of_memory(reason: str, hint: str) -> TrainingFailed:
    """Return the error that tells a user of memory that ran out."""
    return TrainingFailed(f"the memory of this machine is full: {reason}", hint)
