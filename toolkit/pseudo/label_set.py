"""A pseudo-label set on disk, and reading it.

A set is a folder with `index.json`, `labels.bin` (an array store with two masks of every image, at
its native size: the labels that are trusted, and the most probable ones of all pixels) and, with
soft labels, `maps/` (a probability store of the selected images). It is written by
`toolkit.pseudo.record`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from toolkit.data.array_store import ArrayStore, Layout, open_store
from toolkit.data.photo_rules import PhotoReading
from toolkit.errors import TrashError, UsageError
from toolkit.file_schema import FileLayout, PathText, Side
from toolkit.files import digest_of
from toolkit.predict.store import ProbabilityStore
from toolkit.predict.store import open_store as open_maps

SCHEMA: Literal["trash-pseudo"] = "trash-pseudo"
SCHEMA_VERSION = 1
INDEX = "index.json"
LABELS = "labels.bin"
MAPS = "maps"

_BLOCK = 1 << 20
_STRICT = ConfigDict(extra="forbid")
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class LabelledImage:
    """One unlabelled image: whether it was selected, or which selector rejected it.

    Attributes:
        file_name: `file_name` of its COCO image record.
        size: native (height, width), pixels.
        rejected_by: name of the selector that rejected it, or another reason; None = selected.
        confidence: mean over its pixels of the largest probability; None when nothing is predicted.
        foreground_confidence: the same over the pixels predicted as foreground; None without any.
        agreement: mean over its pixels of the share of teachers that agree; None as above.
        trusted: share of its pixels that are trusted; 0 for a rejected image.
    """

    file_name: PathText
    size: tuple[Side, Side]
    rejected_by: str | None
    confidence: Share | None
    foreground_confidence: Share | None
    agreement: Share | None
    trusted: Share

    @property
    def is_selected(self) -> bool:
        """Whether the image belongs to the set."""
        return self.rejected_by is None


@dataclass(frozen=True, config=_STRICT)
class LabelSetIndex:
    """The index of a set: its images and what it was made from.

    Attributes:
        class_names: name of every label, in label order.
        ignore_index: label of pixels that are not trusted.
        root: folder that the images' names are relative to, where the set was made.
        images: every unlabelled image, in the order of its split.
        predicted: pixels predicted as each label, in all images.
        trusted: pixels of each label that are trusted, in the selected images.
        soft: whether the maps of the selected images are kept.
        warnings: what is lost or odd.
        origin: what the set was made from; `teachers` in it lists their names.
        checksum: CRC-32 of `labels.bin`.
        exif_applied: whether orientations in EXIF data were applied; None = nothing said it.
        photos: how their values became pixels; None = by default.
    """

    class_names: Annotated[tuple[str, ...], Field(min_length=1, max_length=256)]
    ignore_index: Annotated[int, Field(ge=1, le=255)]
    root: PathText
    images: tuple[LabelledImage, ...]
    predicted: tuple[Count, ...]
    trusted: tuple[Count, ...]
    soft: bool
    warnings: tuple[str, ...]
    origin: dict[str, Any]
    checksum: Count
    exif_applied: bool | None = None
    photos: PhotoReading | None = None
    schema: Literal["trash-pseudo"] = SCHEMA
    version: int = SCHEMA_VERSION

    @cached_property
    def selected(self) -> tuple[LabelledImage, ...]:
        """The images that belong to the set."""
        return tuple(image for image in self.images if image.is_selected)

    @cached_property
    def rejected(self) -> tuple[LabelledImage, ...]:
        """All other images."""
        return tuple(image for image in self.images if not image.is_selected)

    @property
    def teachers(self) -> tuple[str, ...]:
        """Names of the teachers, as far as the origin tells them."""
        named = self.origin.get("teachers", ())
        return tuple(map(str, named)) if isinstance(named, list | tuple) else (str(named),)

    @property
    def layout(self) -> Layout:
        """Layout of `labels.bin`."""
        return layout_of(tuple(image.size for image in self.images), len(self.class_names))

    def to_json(self) -> dict[str, Any]:
        """Return the content of `index.json`."""
        # Without a default, as before there was the key: digests stay.
        return {key: value for key, value in asdict(self).items() if (key, value) != _NO_PHOTOS}


_NO_PHOTOS = ("photos", None)
_INDEX = FileLayout(
    "index of a pseudo-label set", TypeAdapter(LabelSetIndex), SCHEMA_VERSION, SCHEMA
)


def layout_of(sizes: tuple[tuple[int, int], ...], n_classes: int) -> Layout:
    """Return the layout of `labels.bin`: of every image the trusted and the predicted labels."""
    twice = tuple(size for size in sizes for _ in range(2))
    return Layout(sizes=twice, channels=0, n_labels=n_classes)


class LabelSet:
    """Pseudo-labels of the selected images; position `i` of everything is `file_names[i]`.

    Attributes:
        folder: where it is.
        index: what it holds.
        masks: uint8 labels of the selected images at native size, `ignore_index` where they are not
            trusted.
        predicted: uint8 most probable labels of *all* images of the index, rejected ones included;
            `ignore_index` everywhere in those that nothing was predicted for.
        maps: probabilities of the selected images; None without soft labels.
    """

    def __init__(
        self, folder: Path, index: LabelSetIndex, labels: ArrayStore, maps: ProbabilityStore | None
    ) -> None:
        self.folder = folder
        self.index = index
        rows = [2 * row for row, image in enumerate(index.images) if image.is_selected]
        self.masks = labels.subset(rows)
        self.predicted = labels.subset(range(1, len(labels), 2))
        self.maps = maps

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of every label, in label order."""
        return self.index.class_names

    @property
    def digest(self) -> str:
        """Digest of what it holds."""
        return digest_of(json.dumps(self.index.to_json(), sort_keys=True))

    @property
    def file_names(self) -> tuple[str, ...]:
        """The selected images, in the order of their split."""
        return tuple(image.file_name for image in self.index.selected)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Native (height, width) of every selected image, pixels."""
        return tuple(image.size for image in self.index.selected)

    def __len__(self) -> int:
        return len(self.index.selected)


def open_label_set(folder: Path) -> LabelSet:
    """Open a finished set, having read all of its labels once to see that they are whole.

    Raises:
        UsageError: there is none.
        TrashError: it is damaged; the hint says to delete it.
    """
    index = read_label_index(folder)
    path = folder / LABELS
    labels = open_store(path, index.layout)
    if labels is None or checksum(path) != index.checksum:
        raise _damaged(folder, f"{LABELS} is not what was written")
    _require_labels(folder, index, labels)
    maps = open_maps(folder / MAPS) if index.soft else None
    label_set = LabelSet(folder, index, labels, maps)
    if maps is not None and (maps.file_names, maps.sizes, maps.class_names) != (
        label_set.file_names,
        label_set.sizes,
        label_set.class_names,
    ):
        raise _damaged(folder, f"{MAPS} is about other images or classes")
    return label_set


def _require_labels(folder: Path, index: LabelSetIndex, labels: ArrayStore) -> None:
    """Refuse labels of no class: a checksum says nothing about a file that somebody made."""
    n_classes = len(index.class_names)
    for row in range(len(labels)):
        found = labels[row]
        if ((found >= n_classes) & (found != index.ignore_index)).any():
            name = index.images[row // 2].file_name
            raise _damaged(folder, f"{LABELS}: {name} has a label outside the {n_classes} classes")


def read_label_index(folder: Path) -> LabelSetIndex:
    """Return the index of a set without looking at its labels.

    Raises:
        UsageError: there is no set.
        TrashError: the index is damaged or of another version.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no pseudo-label set at {folder}")
    if not (folder / INDEX).is_file():
        raise UsageError(f"{folder} is not a pseudo-label set: it has no {INDEX}")
    try:
        index = _INDEX.read(folder / INDEX)
    except UsageError as error:
        raise _damaged(folder, error.message.replace(str(folder / INDEX), INDEX)) from None
    if not len(index.class_names) == len(index.predicted) == len(index.trusted):
        raise _damaged(folder, f"{INDEX}: its parts do not fit")
    return index


def checksum(path: Path) -> int:
    """Return the CRC-32 of a file: finds damage five times faster than a digest would."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found = zlib.crc32(block, found)
    return found


def _damaged(folder: Path, what: str) -> TrashError:
    return TrashError(
        f"the pseudo-label set {folder} is damaged: {what}",
        f"Delete that folder and run the command again: rm -r {folder}",
    )
