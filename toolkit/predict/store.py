"""The probability store: the maps of one member on one split, on disk, with an index.

A store is a folder with `index.json` and `maps.bin`: the maps (C, H, W) one after the other, each
at its image's native size, as little-endian numbers of one type. It is written by
`toolkit.predict.writer` and read here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from toolkit.errors import TrashError, UsageError
from toolkit.file_schema import FileLayout, PathText, Side
from toolkit.postprocess.labels import argmax_of_planes

SCHEMA = "trash-store"
SCHEMA_VERSION = 1
INDEX = "index.json"
MAPS = "maps.bin"

StoreType = Literal["u8", "u16", "f16", "f32"]
NUMBER_TYPES: dict[str, np.dtype[Any]] = {
    "u8": np.dtype("u1"),
    "u16": np.dtype("<u2"),
    "f16": np.dtype("<f2"),
    "f32": np.dtype("<f4"),
}
"""Numbers of the stored maps; the unsigned ones hold round(probability * largest value)."""

# How far the stored values of a pixel may be from their exact sum, per class; more is damage.
_ROUNDING = {"u8": 0.5 / 255, "u16": 0.5 / 65535, "f16": 2**-11, "f32": 1e-6}
_SLACK = 1e-5


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class StoreIndex:
    """The index of a store: its images and what it was made from.

    Attributes:
        class_names: name of every label, in label order.
        file_names: the images, in the order of the split.
        sizes: native (height, width) of every image, pixels.
        dtype: a key of `NUMBER_TYPES`.
        origin: what the maps depend on (member, views, split, …), for people and for the key.
    """

    class_names: Annotated[tuple[str, ...], Field(min_length=1, max_length=256)]
    file_names: tuple[PathText, ...]
    sizes: tuple[tuple[Side, Side], ...]
    dtype: Annotated[str, Field(pattern=f"^({'|'.join(NUMBER_TYPES)})$")]
    origin: dict[str, str]

    @property
    def item_bytes(self) -> int:
        """Bytes of one stored number."""
        return NUMBER_TYPES[self.dtype].itemsize

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each map begins in the file, bytes; one more for the end of the file."""
        per_pixel = len(self.class_names) * self.item_bytes
        return (0, *accumulate(height * width * per_pixel for height, width in self.sizes))

    def to_json(self) -> dict[str, Any]:
        """Return the content of `index.json`."""
        return {**_INDEX.header, **asdict(self)}


def read_index(folder: Path) -> StoreIndex:
    """Return the index of a store.

    Raises:
        TrashError: it is missing, of another version or damaged.
    """
    try:
        index = _INDEX.read(folder / INDEX)
    except UsageError as error:
        raise _damaged(folder, error.message.replace(str(folder / INDEX), INDEX)) from None
    if len(index.file_names) != len(index.sizes):
        raise _damaged(
            folder, f"{INDEX}: {len(index.sizes)} sizes of {len(index.file_names)} images"
        )
    return index


def remove_stores(cache: Path, checkpoint: str) -> None:
    """Delete every store of a checkpoint's maps; what is damaged is left alone.

    Args:
        cache: folder of caches.
        checkpoint: digest of the file.
    """
    for folder in sorted(cache.joinpath("stores").glob("*/")):
        try:
            made_by = read_index(folder).origin.get("checkpoint")
        except TrashError:
            continue
        if made_by == checkpoint:
            shutil.rmtree(folder, ignore_errors=True)


_INDEX = FileLayout("index of a probability store", TypeAdapter(StoreIndex), SCHEMA_VERSION, SCHEMA)


class ProbabilityStore:
    """The maps of one member on one split, read image by image.

    Attributes:
        folder: where it is.
        index: what it holds.
    """

    def __init__(self, folder: Path, index: StoreIndex) -> None:
        self.folder = folder
        self.index = index
        maps = folder / MAPS
        size = maps.stat().st_size if maps.is_file() else 0
        if size != index.offsets[-1]:
            raise _damaged(folder, f"{MAPS} has {size:,} bytes instead of {index.offsets[-1]:,}")
        number = NUMBER_TYPES[index.dtype]
        # A plain view: slices of a memmap object are slow to make.
        self._numbers: NDArray[Any] = (
            np.asarray(np.memmap(maps, dtype=number, mode="r")) if size else np.empty(0, number)
        )

    def __reduce__(self) -> tuple[type[ProbabilityStore], tuple[Path, StoreIndex]]:
        # A process that receives it maps the file itself: the numbers are not sent.
        return ProbabilityStore, (self.folder, self.index)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of every label, in label order."""
        return self.index.class_names

    @property
    def file_names(self) -> tuple[str, ...]:
        """The images, in the order of the split."""
        return self.index.file_names

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Native (height, width) of every image, pixels."""
        return self.index.sizes

    def __len__(self) -> int:
        return len(self.index.file_names)

    def read(self, position: int, step: int = 1) -> NDArray[np.float32]:
        """Return the map of an image: float32 (C, H, W), a fresh array that sums to 1 over C.

        Args:
            position: of the image.
            step: 1, or n for every n-th row and column of the map alone.

        Raises:
            TrashError: the stored values of some pixel do not sum to 1: the file is damaged.
        """
        stored = self._stored_map(position)[:, ::step, ::step]
        share = self._share(stored, position)
        probabilities = np.empty(stored.shape, dtype=np.float32)
        for plane, numbers in zip(probabilities, stored, strict=True):
            # A cast and a product are faster than one product of two number types.
            np.copyto(plane, numbers)
            plane *= share
        return probabilities

    def read_labels(self, position: int) -> NDArray[np.uint8]:
        """Return the most probable label of every pixel of an image, uint8 (H, W).

        It is that of the map which `read` returns, which is never in memory as a whole.

        Raises:
            TrashError: as `read`.
        """
        stored = self._stored_map(position)
        share = self._share(stored, position)
        plane = np.empty(share.shape, dtype=np.float32)

        def planes() -> Iterator[NDArray[np.float32]]:
            for numbers in stored:
                np.copyto(plane, numbers)
                np.multiply(plane, share, out=plane)
                yield plane

        return argmax_of_planes(planes())

    def _share(self, stored: NDArray[Any], position: int) -> NDArray[np.float32]:
        """Return what the stored numbers of each pixel are multiplied by, float32 (H, W)."""
        share = _inverse_sum(stored, self.index.dtype)
        if share is None:
            where = f"the map of {self.file_names[position]} does not sum to 1"
            raise _damaged(self.folder, where)
        return share

    def _stored_map(self, position: int) -> NDArray[Any]:
        item = self.index.item_bytes
        begin, end = (offset // item for offset in self.index.offsets[position : position + 2])
        return self._numbers[begin:end].reshape(len(self.class_names), *self.sizes[position])


def open_store(folder: Path) -> ProbabilityStore:
    """Open a finished store.

    Raises:
        TrashError: it is damaged; the hint says to delete it.
    """
    return ProbabilityStore(folder, read_index(folder))


def quantise(probabilities: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    """Return float32 (C, H, W) of 0…1 as the numbers that a store holds."""
    number = NUMBER_TYPES[dtype]
    if number.kind == "f":
        return probabilities.astype(number)
    largest = np.float32(np.iinfo(number).max)
    stored = np.empty(probabilities.shape, dtype=number)
    scaled = np.empty(probabilities.shape[1:], dtype=np.float32)
    for plane, numbers in zip(probabilities, stored, strict=True):
        np.multiply(plane, largest, out=scaled)
        scaled += np.float32(0.5)  # the cast cuts off
        np.copyto(numbers, scaled, casting="unsafe")
    return stored


def _inverse_sum(stored: NDArray[Any], dtype: str) -> NDArray[np.float32] | None:
    """Return 1 / sum over classes (H, W), or None where the values cannot be a stored map.

    Rounding moves the sum of a pixel by a known amount at most. A single wrong value shows, unless
    it is smaller than rounding itself, and so does a stretch that was never written.
    """
    number = NUMBER_TYPES[dtype]
    total = stored[0].astype(np.uint32 if number.kind == "u" else np.float32)
    for plane in stored[1:]:
        total += plane
    whole = float(np.iinfo(number).max) if number.kind == "u" else 1.0
    allowed = (len(stored) * _ROUNDING[dtype] + _SLACK) * whole
    if not (whole - allowed <= total.min() and total.max() <= whole + allowed):
        return None
    share: NDArray[np.float32] = np.reciprocal(total.astype(np.float32, copy=False))
    return share


def _damaged(folder: Path, what: str) -> TrashError:
    return TrashError(
        f"the probability store {folder} is damaged: {what}",
        f"Delete that folder and run the command again: rm -r {folder}",
    )
