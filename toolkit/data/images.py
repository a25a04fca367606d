"""Photos as arrays: reading, checking, and keeping them decoded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import (
    FORMAT_VERSION,
    Arrays,
    ArrayStore,
    Layout,
    open_store,
    write_store,
)
from toolkit.data.channels import rgb_picture
from toolkit.data.image_bytes import Header, decode, read_header
from toolkit.data.resize import RESIZING, resize_image
from toolkit.data.stored_values import require_channels
from toolkit.errors import UsageError
from toolkit.files import digest_of
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import Progress
from toolkit.recipe.schema import Data

if TYPE_CHECKING:
    from toolkit.data.split import Split

_AHEAD = 64
_AHEAD_BYTES = 1 << 29
"""Images decoded before they are written, and their bytes: bounds the memory of building a cache.
At their own size a few photos fill it."""


MAX_MEGAPIXELS = Data().max_megapixels
"""Of a photo without a record."""


class ImageSizeError(UsageError):
    """An image does not have the size that its record states."""


def read_image(path: Path, record: ImageRecord | None) -> NDArray[np.uint8]:
    """Read a photo as uint8 RGB (height, width, 3), also a grey, palette, CMYK or alpha image.

    `record` says whether the orientation in the EXIF data is applied, how many bits the values of
    16-bit files use or which range they have, and how many channels the photo has, if these are
    not RGB: then it is uint8 (height, width, channels). Its size is compared with the file's header
    before anything is decoded.

    Raises:
        UsageError: the file is missing, unreadable or truncated, has another size or number of
            channels than `record`, or without one more than `MAX_MEGAPIXELS`.
    """
    data = read_bytes(path)
    header = read_header(data, path)
    if record is None:
        if header.width * header.height > MAX_MEGAPIXELS * 1e6:
            raise ImageSizeError(
                f"{path}: the image has {header.width}x{header.height} pixels, more than "
                f"{MAX_MEGAPIXELS:g} million"
            )
        return decode(data, header, path)
    require_fit(path, record, header)
    image = decode(
        data,
        header,
        path,
        oriented=record.oriented,
        bit_depth=record.bit_depth,
        value_range=record.value_range,
        channels=record.channels,
    )
    if image.shape[:2] != (record.height, record.width):  # the header told something else
        raise _another_size(path, record, (image.shape[1], image.shape[0]))
    return image


def read_picture(path: Path, record: ImageRecord | None) -> NDArray[np.uint8]:
    """Read what pages show and postprocessors get of a photo, uint8 RGB (height, width, 3).

    See `rgb_picture` for photos of other channels.

    Raises:
        UsageError: as `read_image`.
    """
    return rgb_picture(read_image(path, record))


def require_fit(path: Path, record: ImageRecord, header: Header) -> None:
    """Refuse a photo whose header tells another size or number of channels than its record.

    Raises:
        ImageSizeError: it has another size.
        UsageError: it has other channels.
    """
    require_size(path, record, header)
    require_channels(path, header.channels, record.channels)


def require_size(path: Path, record: ImageRecord, header: Header) -> None:
    """Refuse a photo whose header tells another size than its record.

    Raises:
        ImageSizeError: it does.
    """
    size = header.size(oriented=record.oriented)
    if size != (record.width, record.height):
        raise _another_size(path, record, size, header.channels)


def _another_size(
    path: Path, record: ImageRecord, size: tuple[int, int], channels: int = 0
) -> ImageSizeError:
    if record.mask is not None:
        return ImageSizeError(
            f"{path}: the image is {size[0]}x{size[1]} pixels, its mask {record.mask.path.name} "
            f"{record.width}x{record.height}",
            "Labels belong to pixels: resize the masks to their photos, without interpolation."
            if size[::-1] != (record.width, record.height)
            else "Was it annotated as it is stored, or as EXIF turns it? data.exif says which.",
        )
    hint = "Was the image resized after it was annotated? `trash data check` lists all such images."
    if size[::-1] == (record.width, record.height):
        hint = "Was it annotated as it is stored, or as EXIF turns it? data.exif says which."
    if (size[0], channels) == (record.height, record.width):
        hint = "Are its axes (channels, height, width)? Save it as (height, width, channels)."
    return ImageSizeError(
        f"{path}: the image is {size[0]}x{size[1]} pixels, "
        f"the annotation file says {record.width}x{record.height}",
        hint,
    )


def read_bytes(path: Path) -> bytes:
    """Return what an image file holds.

    Raises:
        UsageError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"image not found: {path}", "Is data.root right?") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot read the image: {why}") from None


@dataclass(frozen=True)
class DecodedImages:
    """The images of a split, decoded each time one is asked for."""

    split: Split
    size: tuple[int, int] | None

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        image = read_image(self.split.path(index), self.split.images[index])
        return image if self.size is None else resize_image(image, self.size)


def open_images(
    split: Split, cache: Path | None, size: tuple[int, int] | None, progress: Progress
) -> Arrays:
    """Return the images of a split, uint8, decoding all of them first if the cache lacks them.

    Args:
        split: the images; its order is kept.
        cache: folder of caches; None = no cache, every access decodes the file again.
        size: (height, width) in pixels to resize to; None = native sizes.
        progress: told while decoding.

    Raises:
        UsageError: an image is missing, broken, or of another size than its record.
    """
    return (
        DecodedImages(split, size) if cache is None else _open_cache(split, cache, size, progress)
    )


def _open_cache(
    split: Split, cache: Path, size: tuple[int, int] | None, progress: Progress
) -> ArrayStore:
    if split.source is not None:
        return _open_cache(split.source, cache, size, progress).subset(split.rows)
    layout = Layout(
        sizes=tuple(size or (record.height, record.width) for record in split.images),
        channels=split.channels,
        n_labels=0,
    )
    # Named by the photos' content: another file or folder with the same ones finds them decoded.
    path = cache / "images" / f"{_key(split, size)}.bin"
    return open_store(path, layout) or write_store(path, layout, _decode_all(split, size, progress))


def _key(split: Split, size: tuple[int, int] | None) -> str:
    sizes = [(record.height, record.width) for record in split.images]
    return digest_of(
        "images",
        str(FORMAT_VERSION),
        json.dumps(sizes),
        json.dumps(size and [size, RESIZING]),
        *split.pictures,
    )


def _decode_all(
    split: Split, size: tuple[int, int] | None, progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    images = DecodedImages(split, size)
    height, width = size or max(
        ((record.height, record.width) for record in split.images), key=lambda side: prod(side)
    )
    ahead = max(1, min(_AHEAD, _AHEAD_BYTES // (3 * height * width)))
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with (
        progress.bar(f"decoding images of {split.name}", len(split), "images") as bar,
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
    ):
        for start in range(0, len(split), ahead):
            for image in pool.map(images.__getitem__, range(start, min(start + ahead, len(split)))):
                yield image
                bar.advance()
    split.refuse_changed_photos()
