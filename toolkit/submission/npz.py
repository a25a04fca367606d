"""A NumPy .npz file: all label maps in one array, and the ids of their images in another."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.submission.label_rows import fitted_labels, read_row, valid_rows
from toolkit.submission.rows import Problem, ReadRow
from toolkit.submission.zip_files import DamagedZip, new_entry, open_zip, told_as_damage

_IDS, _LABELS = "ids", "labels"
_MAGIC = re.compile(rb"\x93NUMPY[\x01-\x03]\x00")
_HEAD = re.compile(
    rb"\{'descr': '([^']*)', 'fortran_order': False, 'shape': \(([0-9]+(?:, ?[0-9]+)*),?\), \}\s*"
)
_LONGEST_HEAD = 1 << 12
_TEXTS = re.compile(r"[<>]U[1-9][0-9]{0,4}")


@dataclass
class Npz:
    """What `numpy.load` returns as `labels`, uint8 (n, height, width), and as `ids`, n texts.

    Attributes:
        size: (height, width) of the maps, pixels.
        n_classes: number of labels, background included.
    """

    size: tuple[int, int]
    n_classes: int
    suffix: str = field(default=".npz", init=False)

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write (image id, uint8 labels of any size) pairs; labels are resized to `size` by nearest.

        Raises:
            TrashError: a label is outside the classes, or NumPy cannot hold an id.
        """
        ids: list[str] = []
        # An array begins with its length, which is known at the end.
        with tempfile.TemporaryFile() as maps, zipfile.ZipFile(target, "w") as archive:
            for image_id, labels in rows:
                if image_id.endswith("\0"):
                    raise UsageError(f"{image_id!r} ends with NUL, which NumPy drops")
                fitted = fitted_labels(image_id, labels, self.size, self.n_classes)
                maps.write(np.ascontiguousarray(fitted).data)
                ids.append(image_id)
            maps.seek(0)
            with _new_array(archive, _IDS) as entry:
                np.lib.format.write_array(entry, np.array(ids, np.str_), allow_pickle=False)
            head = {"descr": "|u1", "fortran_order": False, "shape": (len(ids), *self.size)}
            with _new_array(archive, _LABELS) as entry:
                np.lib.format.write_array_header_1_0(entry, head)
                shutil.copyfileobj(maps, entry)

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
            with open_zip(path) as archive:
                ids = _read_ids(archive)
                with told_as_damage():
                    maps = archive.open(_file_name(archive, _LABELS))
                with maps:
                    _require_maps(maps, (len(ids), *self.size))
                    for row, image_id in enumerate(ids, start=1):
                        data = _read(maps, self.size[0] * self.size[1], _LABELS)
                        labels = np.frombuffer(data, np.uint8).reshape(self.size)
                        yield read_row(row, image_id, labels, self.n_classes)
                    _require_end(maps, _LABELS)
        except DamagedZip as error:
            yield ReadRow(row + 1, problems=(Problem(str(error), row or None),))


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


def _read_ids(archive: zipfile.ZipFile) -> list[str]:
    with told_as_damage():
        array = archive.open(_file_name(archive, _IDS))
    with array:
        kind, shape = _read_head(array, _IDS)
        if len(shape) != 1 or not _TEXTS.fullmatch(kind):
            raise DamagedZip(f"{_IDS}: {kind} {shape}; expected one text per image")
        data = _read(array, shape[0] * np.dtype(kind).itemsize, _IDS)
        _require_end(array, _IDS)
    with told_as_damage():
        ids: list[str] = np.frombuffer(data, kind).tolist()
    return ids


def _require_maps(array: IO[bytes], expected: tuple[int, ...]) -> None:
    found = _read_head(array, _LABELS)
    if found != ("|u1", expected):
        shown = " × ".join(map(str, found[1]))
        wanted = " × ".join(map(str, expected))
        raise DamagedZip(f"{_LABELS}: {found[0]} {shown}; expected |u1 (uint8) {wanted}")


def _read_head(array: IO[bytes], name: str) -> tuple[str, tuple[int, ...]]:
    """Return the type and the shape that an .npy file begins with.

    NumPy's own reader evaluates this text as Python and fails in as many ways.
    """
    magic = _read(array, 8, name)
    length = int.from_bytes(_read(array, 2 if magic[6:7] == b"\x01" else 4, name), "little")
    is_array = _MAGIC.fullmatch(magic) and length <= _LONGEST_HEAD
    match = _HEAD.fullmatch(_read(array, length, name)) if is_array else None
    if match is None:
        raise DamagedZip(f"{name}: not an array of numbers or texts in C order")
    return match[1].decode("latin-1"), tuple(int(side) for side in match[2].split(b","))


def _read(array: IO[bytes], n_bytes: int, name: str) -> bytes:
    with told_as_damage():
        data = array.read(n_bytes)
    if len(data) < n_bytes:
        raise DamagedZip(f"{name}: {len(data):,} bytes where {n_bytes:,} should be")
    return data


def _require_end(array: IO[bytes], name: str) -> None:
    with told_as_damage():
        # Reading past the end compares the checksum too.
        more = array.read(1)
    if more:
        raise DamagedZip(f"{name}: more bytes than its shape says")
