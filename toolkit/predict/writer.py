"""Writing a probability store; finished maps survive an interruption.

While it grows the store is called `KEY.partial`. After every batch the maps are forced to the disk
first and their number is noted second, so that whatever ends the process, the next one continues
at the first missing map. A lock lets one process at a time write a key; the system drops it with
the process.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.files import file_lock, write_json_atomic
from toolkit.predict.store import INDEX, MAPS, StoreIndex, quantise, read_index

_DONE = "done.txt"
_DIGITS = 12
"""Python refuses to read numbers of thousands of digits; no store has so many maps."""
_SUM_TOLERANCE = 1e-3


class StoreWriter:
    """Appends maps to a growing store; made by `open_writer`.

    Attributes:
        done: number of images whose maps are there.
    """

    def __init__(self, folder: Path, index: StoreIndex, maps: IO[bytes], done: int) -> None:
        self._folder = folder
        self._index = index
        self._maps = maps
        self.done = done

    def append(self, batch: Sequence[NDArray[np.float32]]) -> None:
        """Store the maps of the next images: float32 (C, H, W), summing to 1 over C.

        Raises:
            TrashError: a map has another shape or is no probability map, or the disk is full.
        """
        for position, probabilities in enumerate(batch, self.done):
            self._check(position, probabilities)
        try:
            for probabilities in batch:
                _write_all(self._maps, quantise(probabilities, self._index.dtype))
            os.fsync(self._maps.fileno())
            self.done += len(batch)
            with (self._folder / _DONE).open("a", encoding="ascii") as file:
                file.write(f"{self.done}\n")
        except OSError as error:
            raise _disk_problem(error, self._folder, self._index, self.done) from error

    def _check(self, position: int, probabilities: NDArray[np.float32]) -> None:
        name = self._index.file_names[position]
        shape = (len(self._index.class_names), *self._index.sizes[position])
        if probabilities.shape != shape:
            raise TrashError(f"{name}: the map has shape {probabilities.shape} instead of {shape}")
        require_probabilities(name, probabilities)


def require_probabilities(name: str, found: NDArray[np.float32]) -> None:
    """Refuse a map that does not sum to 1 over the classes; `name` is that of its image.

    Raises:
        TrashError: so it is.
    """
    total = found.sum(axis=0)
    if not (abs(total.min() - 1) < _SUM_TOLERANCE and abs(total.max() - 1) < _SUM_TOLERANCE):
        raise TrashError(
            f"{name}: the network's output is not finite",
            "Predict in fp32, or train again with a smaller learning rate.",
        )


def _write_all(file: IO[bytes], numbers: NDArray[Any]) -> None:
    # An unbuffered file keeps nothing back that would fail again at closing, but may write a part.
    rest = numbers.data.cast("B")
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def open_writer(
    folder: Path, index: StoreIndex, on_wait: Callable[[], None]
) -> Iterator[StoreWriter | None]:
    """Yield a writer that continues an unfinished store, or None when the store is finished.

    When the context ends well and every map is there, the store gets its final name.

    Args:
        folder: final name of the store.
        index: what it will hold.
        on_wait: called when another process is writing this store, before waiting for it.

    Raises:
        TrashError: too little space on the disk.
    """
    with file_lock(folder, on_wait):
        if folder.exists():
            yield None
            return
        partial = folder.with_name(folder.name + ".partial")
        try:
            done = _prepare(partial, index)
            maps = (partial / MAPS).open("r+b", buffering=0)
        except OSError as error:
            raise _disk_problem(error, partial, index, 0) from error
        with maps:
            maps.seek(0, os.SEEK_END)
            writer = StoreWriter(partial, index, maps, done)
            yield writer
        if writer.done == len(index.sizes):
            (partial / _DONE).unlink(missing_ok=True)
            partial.rename(folder)


def _prepare(partial: Path, index: StoreIndex) -> int:
    """Make or trim the unfinished store; return how many maps of it are good."""
    done = _finished_maps(partial, index)
    if done == 0:
        shutil.rmtree(partial, ignore_errors=True)
    _check_space(partial, index, done)
    partial.mkdir(exist_ok=True)
    if done == 0:
        write_json_atomic(partial / INDEX, index.to_json())
        (partial / MAPS).touch()
    os.truncate(partial / MAPS, index.offsets[done])
    return done


def _finished_maps(partial: Path, index: StoreIndex) -> int:
    if not (partial / INDEX).is_file() or not (partial / MAPS).is_file():
        return 0
    try:
        if read_index(partial) != index:
            return 0
        noted = (partial / _DONE).read_text(encoding="ascii")
    except (TrashError, OSError, UnicodeDecodeError):
        return 0
    # The last line may be cut off: only lines with their end count.
    lines = noted[: noted.rfind("\n") + 1].split()
    done = int(lines[-1]) if lines and lines[-1].isdecimal() and len(lines[-1]) < _DIGITS else 0
    size = (partial / MAPS).stat().st_size
    return done if done <= len(index.sizes) and size >= index.offsets[done] else 0


def _check_space(partial: Path, index: StoreIndex, done: int) -> None:
    needed = index.offsets[-1] - index.offsets[done]
    free = shutil.disk_usage(partial.parent).free
    if needed > free:
        raise TrashError(
            f"the probability maps need {gigabytes(needed)} in {partial.parent}, "
            f"{gigabytes(free)} are free",
            _SPACE_HINT,
        )


_SPACE_HINT = (
    "Free some space (older stores may be deleted), set TRASH_CACHE to a folder on another disk, "
    'or store smaller numbers: --store u8, in a recipe predict.store = "u8".'
)


def _disk_problem(
    error: OSError, folder: Path, index: StoreIndex, done: int
) -> OSError | TrashError:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return error
    needed = index.offsets[-1] - index.offsets[done]
    return TrashError(
        f"the disk is full: {folder} still needs {gigabytes(needed)} for "
        f"{len(index.sizes) - done} of {len(index.sizes)} images; finished maps were kept",
        _SPACE_HINT,
    )


def gigabytes(n_bytes: int) -> str:
    """Return a size for people, as in "2.61 GB", "48 MB" or "120 kB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes / 1e3:.0f} kB"
