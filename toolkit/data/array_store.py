"""Many uint8 images of any sizes in one flat file that is mapped, not read."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.files import atomic_path

_MAGIC = b"trasharr"
_LONGEST_SIDE = 2**31 - 1
FORMAT_VERSION = 1
"""Part of every cache key: a new layout never meets an old file."""


class Arrays(Protocol):
    """Images or masks of a split by position: uint8 (H, W, channels) or (H, W) labels."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Layout:
    """Shapes and key of a store's arrays, known before it is written.

    Attributes:
        sizes: (height, width) of every array, pixels.
        channels: values per pixel; 0 = arrays without a channel axis.
        n_labels: labels whose pixels are counted per array; 0 = none are counted.
    """

    sizes: tuple[tuple[int, int], ...]
    channels: int
    n_labels: int

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of one array."""
        size = self.sizes[index]
        return (*size, self.channels) if self.channels else size

    @property
    def header(self) -> bytes:
        """The bytes that a store of this layout begins with."""
        fixed = struct.pack("<IIII", FORMAT_VERSION, len(self.sizes), self.channels, self.n_labels)
        return _MAGIC + fixed + np.asarray(self.sizes, dtype="<i4").tobytes()

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each array begins in the file, and where the last one ends; int64 (n + 1,)."""
        area = np.asarray(self.sizes, dtype=np.int64).reshape(-1, 2).prod(axis=1)
        ends = np.cumsum(area * max(self.channels, 1))
        return np.concatenate([[0], ends]) + len(self.header)

    @property
    def n_bytes(self) -> int:
        """Size of the whole file; of sizes that others wrote it may be more than 64 bits hold."""
        pixels = sum(height * width for height, width in self.sizes)
        beside = len(_MAGIC) + 16 + 8 * len(self.sizes) * (1 + self.n_labels)
        return beside + pixels * max(self.channels, 1)


class ArrayStore:
    """Read-only arrays in a mapped file; cheap to send to another process.

    Attributes:
        label_counts: pixels of each label in each array, int64 (n, n_labels).
        pixel_counts: the same over all arrays, int64 (n_labels,).
        holds: which array holds which label, bool (n, n_labels).
        array_counts: arrays that hold each label, int64 (n_labels,).
    """

    def __init__(self, path: Path, layout: Layout, rows: Sequence[int] | None = None) -> None:
        self._path = path
        self._layout = layout
        self._rows = range(len(layout.sizes)) if rows is None else tuple(rows)
        self._open()

    def _open(self) -> None:
        self._bytes: NDArray[np.uint8] = np.asarray(np.memmap(self._path, np.uint8, mode="r"))
        self._offsets: list[int] = self._layout.offsets.tolist()
        counts = self._bytes[self._offsets[-1] :].tobytes()
        table = np.frombuffer(counts, "<i8").reshape(len(self._layout.sizes), self._layout.n_labels)
        self.label_counts: NDArray[np.int64] = table[list(self._rows)].astype(np.int64)
        self.pixel_counts: NDArray[np.int64] = self.label_counts.sum(axis=0)
        self.holds: NDArray[np.bool_] = self.label_counts > 0
        self.array_counts: NDArray[np.int64] = self.holds.sum(axis=0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        row = self._rows[index]
        flat = self._bytes[self._offsets[row] : self._offsets[row + 1]]
        return flat.reshape(self._layout.shape(row))

    def subset(self, rows: Sequence[int]) -> ArrayStore:
        """Return the arrays at these positions, in this order, from the same file."""
        return ArrayStore(self._path, self._layout, [self._rows[row] for row in rows])

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self._path, "layout": self._layout, "rows": self._rows}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._path, self._layout, self._rows = state["path"], state["layout"], state["rows"]
        self._open()


def open_store(path: Path, layout: Layout) -> ArrayStore | None:
    """Return the store at `path`, or None when it is absent, damaged or of another layout."""
    try:
        with path.open("rb") as file:
            sides = itertools.chain.from_iterable(layout.sizes)
            possible = all(0 < side <= _LONGEST_SIDE for side in sides)
            whole = possible and os.fstat(file.fileno()).st_size == layout.n_bytes
            if not whole or file.read(len(layout.header)) != layout.header:
                return None
    except FileNotFoundError:
        return None
    return ArrayStore(path, layout)


def write_store(path: Path, layout: Layout, arrays: Iterable[NDArray[np.uint8]]) -> ArrayStore:
    """Write the arrays in order; `path` appears only when all of them are on disk.

    Raises:
        OSError: the disk is full or read-only; nothing is left behind.
    """
    counts = np.zeros((len(layout.sizes), layout.n_labels), dtype="<i8")
    with atomic_path(path) as temporary:
        try:
            with temporary.open("wb") as file:
                file.write(layout.header)
                for index, array in enumerate(arrays):
                    if array.shape != layout.shape(index) or array.dtype != np.uint8:
                        raise ValueError(f"array {index} is {array.dtype} {array.shape}")
                    file.write(np.ascontiguousarray(array).data)
                    if layout.n_labels:
                        found = np.bincount(array.ravel(), minlength=layout.n_labels)
                        counts[index] = found[: layout.n_labels]
                file.write(counts.tobytes())
        except OSError as error:
            # A failed write names no file, and the temporary name means nothing to the user.
            error.filename = error.filename or str(path)
            raise
        if temporary.stat().st_size != layout.n_bytes:
            raise ValueError(f"fewer arrays than the {len(layout.sizes)} announced")
    return ArrayStore(path, layout)
