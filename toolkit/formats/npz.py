"""A NumPy .npz file: all label maps in one array, and the ids of their images in another."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.label_rows import fitted_labels, read_row, sampling_of, valid_rows
from toolkit.formats.rows import ReadRow, RowProblem
from toolkit.formats.zip_files import (
    DamagedZip,
    new_entry,
    open_entry,
    open_zip,
    zip_errors_as_damage,
)
from toolkit.plugin.kinds import Nearest

_IDS, _LABELS = "ids", "labels"
_MAGIC = re.compile(rb"\x93NUMPY[\x01-\x03]\x00")
_HEAD = re.compile(
    rb"\{'descr': '([^']*)', 'fortran_order': False, 'shape': \(([0-9]+(?:, ?[0-9]+)*),?\), \}\s*"
)
_LONGEST_HEAD = 1 << 12
_LONGEST_SIDE = 15
"""Digits of a number in a shape."""
_TEXTS = re.compile(r"[<>]U[1-9][0-9]{0,4}")


@dataclass
class Npz:
    """What `numpy.load` returns as `labels`, uint8 (n, height, width), and as `ids`, n texts.

    Attributes:
        size: (height, width) of the maps, pixels.
        n_classes: number of labels, background included.
        nearest: which pixel nearest neighbour takes where labels are resized to `size`.
    """

    size: tuple[int, int]
    n_classes: int
    nearest: Nearest = "corner"
    suffix: str = field(default=".npz", init=False)

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write pairs (image id, uint8 labels of any size), resized to `size` by nearest neighbour.

        Raises:
            TrashError: a label is outside the classes, or NumPy cannot hold an id.
        """
        ids: list[str] = []
        # An array begins with its length, which is known at the end.
        with tempfile.TemporaryFile() as maps, zipfile.ZipFile(target, "w") as archive:
            for image_id, labels in rows:
                self.refuse_ids([image_id])
                fitted = fitted_labels(image_id, labels, sampling_of(self), self.n_classes)
                maps.write(np.ascontiguousarray(fitted).data)
                ids.append(image_id)
            maps.seek(0)
            with _new_array(archive, _IDS) as entry:
                np.lib.format.write_array(entry, np.array(ids, np.str_), allow_pickle=False)
            head = {"descr": "|u1", "fortran_order": False, "shape": (len(ids), *self.size)}
            with _new_array(archive, _LABELS) as entry:
                np.lib.format.write_array_header_1_0(entry, head)
                shutil.copyfileobj(maps, entry)

    def refuse_ids(self, image_ids: Sequence[str]) -> None:
        """Refuse ids that NumPy cannot hold.

        Raises:
            UsageError: one of them ends with NUL.
        """
        for image_id in image_ids:
            if image_id.endswith("\0"):
                raise UsageError(f"{image_id!r} ends with NUL, which NumPy drops")

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (image id, uint8 labels of `size`) of a file that need not fit into memory.

        Raises:
            UsageError: the file is damaged, or holds other arrays; names the row.
        """
        return valid_rows(path, self.inspect(path))

    def inspect(self, path: Path) -> Iterator[ReadRow]:
        """Yield every map as far as it can be read, with its problems."""
        row = 0
        try:
            # Both arrays are read side by side: a small file may claim, and hold, terabytes.
            with open_zip(path) as archive, _Array(archive, _IDS) as ids:
                if len(ids.shape) != 1 or not _TEXTS.fullmatch(ids.kind):
                    raise DamagedZip(f"{_IDS}: {ids.kind} {ids.shape}; expected one text per image")
                with _Array(archive, _LABELS) as maps:
                    _require_maps(maps, (*ids.shape, *self.size))
                    ids.require_size()
                    maps.require_size()
                    for row in range(1, ids.shape[0] + 1):
                        image_id = _text(ids.next_item(), ids.kind)
                        labels = np.frombuffer(maps.next_item(), np.uint8).reshape(self.size)
                        yield read_row(row, image_id, labels, self.n_classes)
                    maps.require_end()
                ids.require_end()
        except DamagedZip as error:
            yield ReadRow(row + 1, problems=(RowProblem(str(error), row or None),))


def _new_array(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    # The size is not known yet; without this, 2 GiB would be too many.
    entry = new_entry(f"{name}.npy", zipfile.ZIP_DEFLATED)
    return archive.open(entry, "w", force_zip64=True)


def _file_name(archive: zipfile.ZipFile, name: str) -> str:
    names = archive.namelist()
    if f"{name}.npy" not in names:
        found = ", ".join(each.removesuffix(".npy") for each in names[:10]) or "nothing"
        raise DamagedZip(f"there is no array called {name}; the file holds {found}")
    return f"{name}.npy"


def _require_maps(maps: _Array, expected: tuple[int, ...]) -> None:
    if (maps.kind, maps.shape) != ("|u1", expected):
        shown = " × ".join(map(str, maps.shape))
        wanted = " × ".join(map(str, expected))
        raise DamagedZip(f"{_LABELS}: {maps.kind} {shown}; expected |u1 (uint8) {wanted}")


def _text(item: bytes, kind: str) -> str:
    # NumPy makes texts of numbers that are no characters, and Python stumbles over them later.
    order = "utf-32-le" if kind.startswith("<") else "utf-32-be"
    with zip_errors_as_damage():
        return item.decode(order, "surrogatepass").rstrip("\0")


class _Array:
    """An .npy file inside a zip file, read item by item along its first axis.

    Attributes:
        kind: NumPy's name of its number type.
        shape: as its head says.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        file_name = _file_name(archive, name)
        self._name = name
        entry = archive.getinfo(file_name)
        self._size = entry.file_size
        self._file = open_entry(archive, entry)
        self.kind, self.shape = self._read_head()

    def __enter__(self) -> _Array:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def _read_head(self) -> tuple[str, tuple[int, ...]]:
        """Return the type and the shape.

        NumPy's own reader evaluates this text as Python and fails in as many ways.
        """
        magic = self._read(8)
        length = int.from_bytes(self._read(2 if magic[6:7] == b"\x01" else 4), "little")
        is_array = _MAGIC.fullmatch(magic) and length <= _LONGEST_HEAD
        match = _HEAD.fullmatch(self._read(length)) if is_array else None
        if match is None:
            raise DamagedZip(f"{self._name}: not an array of numbers or texts in C order")
        sides = match[2].split(b",")
        if any(len(side.strip()) > _LONGEST_SIDE for side in sides):
            raise DamagedZip(f"{self._name}: an array of that shape fits on no disk")
        return match[1].decode("latin-1"), tuple(int(side) for side in sides)

    @property
    def _item_bytes(self) -> int:
        return prod(self.shape[1:]) * np.dtype(self.kind).itemsize

    def require_size(self) -> None:
        """Compare the size that the zip file declares with what the shape needs, before reading."""
        needed = self._file.tell() + self.shape[0] * self._item_bytes
        if self._size != needed:
            raise DamagedZip(f"{self._name}: {self._size:,} bytes where {needed:,} should be")

    def next_item(self) -> bytes:
        """Return the bytes of the next item."""
        return self._read(self._item_bytes)

    def _read(self, n_bytes: int) -> bytes:
        with zip_errors_as_damage():
            data = self._file.read(n_bytes)
        if len(data) < n_bytes:
            raise DamagedZip(f"{self._name}: {len(data):,} bytes where {n_bytes:,} should be")
        return data

    def require_end(self) -> None:
        """Read past the end, which compares the checksum too."""
        with zip_errors_as_damage():
            more = self._file.read(1)
        if more:
            raise DamagedZip(f"{self._name}: more bytes than its shape says")
