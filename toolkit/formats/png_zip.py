"""A zip file with one label PNG per image, in the folders of the images."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.label_rows import fitted_labels, read_row, sampling_of, valid_rows
from toolkit.formats.png import BadPng, decode_png, encode_png
from toolkit.formats.rows import ReadRow, RowProblem
from toolkit.formats.zip_files import (
    DamagedZip,
    new_entry,
    open_entry,
    open_zip,
    zip_errors_as_damage,
)
from toolkit.plugin.kinds import Nearest

_ENDING = ".png"
# Room for other text and colour chunks beside the pixels, which may not compress at all.
_BYTES_BESIDE = 1 << 16


@dataclass
class PngZip:
    """One PNG per image, called as the image with the ending `.png`; the pixels are the labels.

    The id of the image is kept inside its PNG. A file that another program wrote has none; then it
    is the name of the PNG with `image_suffix` for its ending. A row is an entry of the zip file.

    Attributes:
        size: (height, width) of the pictures, pixels.
        n_classes: number of labels, background included.
        palette: give the labels colours, so that people can look at the pictures.
        image_suffix: ending of the images, with its dot.
        nearest: which pixel nearest neighbour takes where labels are resized to `size`.
    """

    size: tuple[int, int]
    n_classes: int
    palette: bool = False
    image_suffix: str = ".jpg"
    nearest: Nearest = "corner"
    suffix: str = field(default=".zip", init=False)

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write pairs (image id, uint8 labels of any size), resized to `size` by nearest neighbour.

        Raises:
            TrashError: a label is outside the classes, an id can be no file name, or two ids have
                the same one.
        """
        names = _Names()
        # PNGs are compressed already.
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for image_id, labels in rows:
                name = names.new(image_id)
                fitted = fitted_labels(image_id, labels, sampling_of(self), self.n_classes)
                entry = new_entry(name, zipfile.ZIP_STORED)
                archive.writestr(entry, encode_png(fitted, image_id, self.palette))

    def refuse_ids(self, image_ids: Sequence[str]) -> None:
        """Refuse ids that have no place in a zip file of PNGs.

        Raises:
            UsageError: one of them can be no file name there, or two would have the same one.
        """
        names = _Names()
        for image_id in image_ids:
            names.new(image_id)

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (image id, uint8 labels of `size`) in the order of the zip file.

        Raises:
            UsageError: the file is damaged, or an entry is not such a PNG; names it.
        """
        return valid_rows(path, self.inspect(path))

    def inspect(self, path: Path) -> Iterator[ReadRow]:
        """Yield every picture as far as it can be read, with its problems."""
        try:
            with open_zip(path) as archive:
                entries = [
                    entry for entry in archive.infolist() if not entry.filename.endswith("/")
                ]
                for row, entry in enumerate(entries, start=1):
                    yield self._read_entry(archive, row, entry)
        except DamagedZip as error:
            yield ReadRow(1, problems=(RowProblem(str(error)),))

    def _read_entry(self, archive: zipfile.ZipFile, row: int, entry: zipfile.ZipInfo) -> ReadRow:
        name = entry.filename
        most = self.size[0] * (self.size[1] + 1) * 2 + _BYTES_BESIDE
        try:
            if not name.endswith(_ENDING):
                raise BadPng(f"the name does not end in {_ENDING}")
            if entry.file_size > most:
                raise BadPng(f"{entry.file_size:,} bytes are too many for {self.size} labels")
            with open_entry(archive, entry) as file, zip_errors_as_damage():
                data = file.read(most)
                file.read(1)  # past the end, where the checksum is compared
            labels, image_id = decode_png(data, self.size)
            if image_id is None:
                image_id = name.removesuffix(_ENDING) + self.image_suffix
            elif png_name(image_id) != name:
                raise BadPng(f"the picture is of {image_id}: it was renamed")
        except (BadPng, DamagedZip, UsageError) as error:
            return ReadRow(row, problems=(RowProblem(f"{name}: {error}", row),))
        return read_row(row, image_id, labels, self.n_classes)


class _Names:
    """The names of the pictures in one zip file."""

    def __init__(self) -> None:
        self._id_of: dict[str, str] = {}

    def new(self, image_id: str) -> str:
        """Return the name of an image's picture, unless another image has it."""
        name = png_name(image_id)
        if name in self._id_of:
            raise UsageError(f"{self._id_of[name]} and {image_id} would both be {name}")
        self._id_of[name] = image_id
        return name


def png_name(image_id: str) -> str:
    """Return the name of an image's PNG inside the zip file, with the image's folders.

    Raises:
        UsageError: the id cannot be the name of a file there.
    """
    if (
        any(part in ("", ".", "..") for part in image_id.split("/"))
        or any(character in image_id for character in "\\\0:")
        or any("\ud800" <= character <= "\udfff" for character in image_id)
    ):
        raise UsageError(f"{image_id!r} cannot be the name of a file in a zip file")
    return str(PurePosixPath(image_id).with_suffix(_ENDING))
