"""Masks as image files: their pixel values or colours, and the labels that these stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.data.image_bytes import is_truncated
from toolkit.errors import UsageError
from toolkit.plugin.reader import Colour, MaskFile, MaskTable, Meaning

Reading = Literal["values", "colours"]
"""Whether the pixels of a mask are read as numbers or as colours."""

_PNG_START = b"\x89PNG"
_PNG_DEPTH, _PNG_COLOURS = 24, 25
"""Bytes of a PNG that hold the bits per sample, and whether there are colours (bit 1)."""

_JPEG_START = b"\xff\xd8"
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
_UNKNOWN = -1


def reading_of(table: MaskTable) -> Reading:
    """Return how the masks of a table are read."""
    return "colours" if table.colours else "values"


def numbered(table: MaskTable) -> dict[int, Meaning]:
    """Return pixel number -> meaning: values as they are, colours as 0xRRGGBB."""
    colours = {number_of(colour): meaning for colour, meaning in table.colours.items()}
    return {**table.values, **colours}


def number_of(colour: Colour) -> int:
    """Return a colour as 0xRRGGBB."""
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def colour_of(number: int) -> Colour:
    """Return the colour of 0xRRGGBB."""
    return number >> 16, number >> 8 & 255, number & 255


@dataclass(frozen=True)
class MaskContent:
    """What a mask holds.

    Attributes:
        width: pixels.
        height: pixels.
        counts: number (a value, or a colour as 0xRRGGBB) -> its pixels; of very many numbers those
            with most pixels.
        n_numbers: different numbers in it.
    """

    width: int
    height: int
    counts: Mapping[int, int]
    n_numbers: int


_MOST_NUMBERS = 4096


def look_into(path: Path, reading: Reading, most_pixels: int) -> MaskContent:
    """Return size and numbers of a mask.

    Raises:
        UsageError: it cannot be read, is too large, or its pixels are no numbers or colours.
    """
    pixels = read_pixels(path, reading, most_pixels)
    if pixels.dtype == np.uint8:
        counts = np.bincount(pixels.ravel())
        numbers = np.flatnonzero(counts)
        counts = counts[numbers]
    else:
        # Masks have long runs of equal pixels: sorting the runs is much quicker than the pixels.
        flat = pixels.ravel()
        starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
        lengths = np.diff(starts, append=flat.size)
        numbers, of_run = np.unique(flat[starts], return_inverse=True)
        counts = np.bincount(of_run, weights=lengths).astype(np.int64)
    most = np.argsort(-counts, kind="stable")[:_MOST_NUMBERS]
    found = zip(numbers[most].tolist(), counts[most].tolist(), strict=True)
    height, width = pixels.shape
    return MaskContent(width, height, dict(sorted(found)), len(numbers))


def is_jpeg(path: Path) -> bool:
    """Whether a file is a JPEG, whatever its name ends with; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(_JPEG_START)) == _JPEG_START
    except OSError:
        return False


def read_pixels(path: Path, reading: Reading, most_pixels: int) -> NDArray[Any]:
    """Return the pixels of a mask: uint8 or uint16 (height, width) values, or uint32 0xRRGGBB.

    Values are those of a grey image, of a colour image whose three channels are equal, or the
    indices of a palette; of grey images with fewer than 8 bits they are not stretched. An alpha
    channel is not looked at. EXIF data turn no mask.

    Raises:
        UsageError: the file is missing, damaged or a JPEG, has more than `most_pixels`, or its
            pixels are not of these kinds.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot read the mask: {error.strerror}") from None
    if data.startswith(_JPEG_START):
        raise UsageError(
            f"{path}: a mask as JPEG, which changes the values of its pixels",
            "Take the masks as PNG, as they were drawn.",
        )
    if is_truncated(data):
        raise UsageError(f"{path}: the mask is truncated", "Copy or download it again.")
    try:
        with Image.open(BytesIO(data)) as image:
            if image.width * image.height > most_pixels:
                raise UsageError(
                    f"{path}: {image.width}x{image.height} pixels, more than {most_pixels:,}",
                    "If that is its real size, raise data.max_megapixels in the recipe.",
                )
            _refuse_deep_colours(data, path)
            return _colours(image) if reading == "colours" else _values(image, data, path)
    except (UsageError, MemoryError):
        raise
    except Exception:  # broken bytes make Pillow raise nearly everything
        raise UsageError(f"{path}: not a readable mask", "Copy or download it again.") from None


def _refuse_deep_colours(data: bytes, path: Path) -> None:
    """Refuse colours of 16 bits per channel, of which Pillow would return half."""
    if data.startswith(_PNG_START) and data[_PNG_DEPTH] == 16 and data[_PNG_COLOURS] & 2:
        raise UsageError(
            f"{path}: a mask with colours of 16 bits per channel",
            "Write masks with 8 bits per channel, or as grey images with 16.",
        )


def _values(image: Image.Image, data: bytes, path: Path) -> NDArray[Any]:
    if image.mode == "P":
        return np.asarray(image)
    if image.mode in _GREY:
        plain = image.getchannel(0) if image.mode == "LA" else image
        values = np.asarray(plain)
        if image.mode == "L" and data.startswith(_PNG_START) and data[_PNG_DEPTH] in (2, 4):
            # Pillow stretches 2 and 4 bits to 0…255.
            return values // np.uint8(255 // (2 ** data[_PNG_DEPTH] - 1))
        if values.dtype.itemsize == 1:
            return values.astype(np.uint8)
        if values.min() < 0 or values.max() >= 2**16:
            raise UsageError(f"{path}: values of {values.min()}…{values.max()}, expected 0…65535")
        return values.astype(np.uint16)
    if image.mode in ("RGB", "RGBA"):
        red, green, blue = (np.asarray(image.getchannel(name)) for name in "RGB")
        if (red == green).all() and (green == blue).all():
            return red
        raise UsageError(
            f"{path}: a mask in colours, but the recipe says which class each value is",
            "Say which class each colour is: data.format.colours.",
        )
    raise UsageError(f"{path}: a mask with pixels of type {image.mode}, expected grey or palette")


def _colours(image: Image.Image) -> NDArray[np.uint32]:
    red, green, blue = (np.asarray(channel, np.uint32) for channel in image.convert("RGB").split())
    return np.asarray(red << 16 | green << 8 | blue, np.uint32)


def paint_labels(
    mask: MaskFile,
    size: tuple[int, int],
    label_of: Mapping[int, int],
    ignore_index: int,
) -> NDArray[np.uint8]:
    """Return the labels of a mask, uint8 (height, width).

    Args:
        mask: the file and what its pixels mean.
        size: (height, width) that it had when it was looked at.
        label_of: category id -> label.
        ignore_index: label of ignored pixels.

    Raises:
        UsageError: it cannot be read, or it changed since: another size, or numbers that are not in
            the table.
    """
    pixels = read_pixels(mask.path, reading_of(mask.table), size[0] * size[1])
    of_number = {
        number: _label(meaning, label_of, ignore_index)
        for number, meaning in numbered(mask.table).items()
    }
    painted = _looked_up(pixels, of_number)
    if pixels.shape != size or (painted < 0).any():
        raise UsageError(
            f"{mask.path}: the mask changed while it was used",
            "Run it again when nothing writes into the folder any more.",
        )
    labels = painted.astype(np.uint8)
    for meaning, (left, top, width, height) in mask.ignored:
        inside = labels[top : top + height, left : left + width]
        inside[inside == _label(meaning, label_of, ignore_index)] = ignore_index
    return labels


def _looked_up(pixels: NDArray[Any], of_number: Mapping[int, int]) -> NDArray[np.int16]:
    """Return the label of each pixel's number, `_UNKNOWN` where there is none."""
    numbers = np.array(sorted(of_number), dtype=np.int64)
    labels = np.array([of_number[number] for number in numbers.tolist()], dtype=np.int16)
    if pixels.dtype != np.uint32:  # all values fit into a table, of colours they do not
        every = np.full(1 << 16, _UNKNOWN, np.int16)
        every[numbers] = labels
        found: NDArray[np.int16] = every[pixels]
        return found
    places = np.minimum(np.searchsorted(numbers, pixels), len(numbers) - 1)
    return np.where(numbers[places] == pixels, labels[places], np.int16(_UNKNOWN))


def _label(meaning: Meaning, label_of: Mapping[int, int], ignore_index: int) -> int:
    if meaning == "background":
        return 0
    # A category that `data.classes` leaves out has no pixel in any mask.
    return ignore_index if meaning == "ignored" else label_of.get(meaning, _UNKNOWN)
