"""The counts of every image as a file: beside a checkpoint, a side-car, or a series' summary."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from toolkit.file_schema import FileLayout
from toolkit.files import write_text_atomic
from toolkit.metrics.confusion import Counting

SUFFIX = ".counts"
"""Ending of the files; what they hold is JSON."""
_MOST_CELLS = 1 << 28
"""Cells of all images: 2 GiB as int64; no contest comes near."""
_STRICT = ConfigDict(extra="forbid")

_Number = Annotated[int, Field(ge=0, lt=1 << 53)]


@dataclass(frozen=True, config=_STRICT)
class ImageCounts:
    """The counts of some images, without their zeros.

    Attributes:
        images: `file_name` of every image.
        cells: for every image, again and again: a cell, truth × C + prediction, and its pixels.
            With a boundary, C² × (near which labels are it, 0…3) is added to the cell.
        boundary: see `Counting`.
    """

    images: tuple[str, ...]
    cells: tuple[tuple[_Number, ...], ...]
    boundary: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.images) != len(self.cells) or len(set(self.images)) < len(self.images):
            raise ValueError("every image must have its counts, once")
        if any(len(each) % 2 for each in self.cells):
            raise ValueError("a cell has no number")
        return self


@dataclass(frozen=True, config=_STRICT)
class CountsFile:
    """The content of a file.

    Attributes:
        of: what the counts are of: the digest of a submission file, or the epoch of a checkpoint.
        class_names: index = label.
        sets: "validation", "out_of_fold" or "test" -> its images.
    """

    of: str
    class_names: Annotated[tuple[str, ...], Field(min_length=1, max_length=256)]
    sets: dict[str, ImageCounts]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for found in self.sets.values():
            cells = math.prod(self._shape(found))
            if len(found.images) * cells > _MOST_CELLS:
                raise ValueError(f"{len(found.images)} images of {cells} cells are too many")
            if any(code >= cells for each in found.cells for code in each[::2]):
                raise ValueError("a cell is of no class")
        return self

    def counts(self, name: str) -> NDArray[np.int64] | None:
        """Return the counts of a set, see `Counting`; None where there is no such set."""
        found = self.sets.get(name)
        if found is None:
            return None
        shape = self._shape(found)
        counts = np.zeros((len(found.images), math.prod(shape)), np.int64)
        for row, each in enumerate(found.cells):
            counts[row, list(each[::2])] = each[1::2]
        return counts.reshape(len(counts), *shape)

    def _shape(self, images: ImageCounts) -> tuple[int, ...]:
        return Counting(len(self.class_names), 0, images.boundary).shape


_LAYOUT = FileLayout(
    what="counts file",
    schema="trash-counts",
    version=1,
    content=TypeAdapter(CountsFile),
    origin="It is written beside a checkpoint and beside the side-car of a submission.",
)


def image_counts(
    names: Sequence[str], counts: NDArray[np.int64], boundary: float | None = None
) -> ImageCounts:
    """Return counts of images without their zeros.

    Args:
        names: `file_name` of every image.
        counts: of every image, see `Counting`.
        boundary: see `Counting`.
    """
    cells = []
    for image in counts.reshape(len(counts), math.prod(counts.shape[1:])):
        known = np.flatnonzero(image)
        cells.append(tuple(np.stack([known, image[known]], axis=1).ravel().tolist()))
    return ImageCounts(tuple(names), tuple(cells), boundary)


def write_counts(
    path: Path, of: str, class_names: Sequence[str], sets: Mapping[str, ImageCounts]
) -> None:
    """Write the counts of images, a line for every image; a file that is there is replaced."""
    content = TypeAdapter(CountsFile).dump_python(
        CountsFile(of, tuple(class_names), dict(sets)), mode="json", exclude_none=True
    )
    lines = json.dumps(_LAYOUT.header | content, ensure_ascii=False, separators=(",", ":"))
    write_text_atomic(path, lines.replace("],[", "],\n[") + "\n")


def read_counts(path: Path) -> CountsFile:
    """Read the counts of images.

    Raises:
        UsageError: missing, not JSON, of another version, or a wrong value.
    """
    return _LAYOUT.read(path)
