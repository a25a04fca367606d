"""Photos as RGB arrays: reading, checking, and keeping them decoded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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
from toolkit.data.coco import ImageRecord
from toolkit.data.contest import Split
from toolkit.data.image_bytes import is_truncated
from toolkit.data.resize import RESIZING, resize_image
from toolkit.errors import UsageError
from toolkit.files import digest_of
from toolkit.progress import Progress

_AHEAD = 64
"""Images decoded before they are written: bounds the memory of building a cache."""


class ImageSizeError(UsageError):
    """An image does not have the size that its record states."""


def read_image(path: Path, record: ImageRecord | None) -> NDArray[np.uint8]:
    """Read a photo as uint8 RGB (height, width, 3); grey, palette and alpha images become RGB.

    The orientation in the EXIF data is applied, unless only the raw orientation has the size that
    `record` states.

    Raises:
        UsageError: the file is missing, unreadable or truncated, or has another size than `record`.
    """
    image = decode_image(_read_bytes(path), path)
    if record is None or image.shape[:2] == (record.height, record.width):
        return image
    if image.shape[1::-1] == (record.height, record.width):
        raw = decode_image(_read_bytes(path), path, oriented=False)
        if raw.shape[:2] == (record.height, record.width):
            return raw
    raise ImageSizeError(
        f"{path}: the image is {image.shape[1]}x{image.shape[0]} pixels, "
        f"the annotation file says {record.width}x{record.height}",
        "Was the image resized after it was annotated? `trash data check` lists all such images.",
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"image not found: {path}", "Is data.root right?") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot read the image: {error.strerror}") from None


def decode_image(data: bytes, path: Path, *, oriented: bool = True) -> NDArray[np.uint8]:
    """Decode the bytes of an image file to uint8 RGB (height, width, 3); `path` is for messages.

    Raises:
        UsageError: the bytes are no image, or part of one.
    """
    if is_truncated(data):
        raise UsageError(
            f"{path}: the image is truncated (its end is missing after {len(data):,} bytes)",
            "Copy or download it again.",
        )
    flags = cv2.IMREAD_COLOR if oriented else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if decoded is None:
        raise UsageError(
            f"{path}: not a readable image ({len(data):,} bytes)", "Copy or download it again."
        )
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


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
    """Return the images of a split, uint8 RGB, decoding all of them first if the cache lacks them.

    Args:
        split: the images; its order is kept.
        cache: folder of caches; None = no cache, every access decodes the file again.
        size: (height, width) in pixels to resize to; None = native sizes.
        progress: told while decoding.

    Raises:
        UsageError: an image is missing, broken, or of another size than its record.
    """
    return DecodedImages(split, size) if cache is None else _cached(split, cache, size, progress)


def _cached(
    split: Split, cache: Path, size: tuple[int, int] | None, progress: Progress
) -> ArrayStore:
    if split.source is not None:
        return _cached(split.source, cache, size, progress).subset(split.rows)
    layout = Layout(
        sizes=tuple(size or (record.height, record.width) for record in split.images),
        channels=3,
        n_labels=0,
    )
    # Named by the photos' content: another file or folder with the same ones finds them decoded.
    path = cache / "images" / f"{_key(split, size)}.bin"
    return open_store(path, layout) or write_store(path, layout, _decoded(split, size, progress))


def _key(split: Split, size: tuple[int, int] | None) -> str:
    sizes = [(record.height, record.width) for record in split.images]
    return digest_of(
        "images",
        str(FORMAT_VERSION),
        json.dumps(sizes),
        json.dumps(size and [size, RESIZING]),
        *split.contents,
    )


def _decoded(
    split: Split, size: tuple[int, int] | None, progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    images = DecodedImages(split, size)
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with (
        progress.bar(f"decoding images of {split.name}", len(split), "images") as bar,
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
    ):
        for start in range(0, len(split), _AHEAD):
            for image in pool.map(
                images.__getitem__, range(start, min(start + _AHEAD, len(split)))
            ):
                yield image
                bar.advance()
    split.refuse_changed_photos()
