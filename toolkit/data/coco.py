"""Reading COCO annotation files: strict about their shape, tolerant of what `check` reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from toolkit.errors import UsageError
from toolkit.files import file_digest, read_json
from toolkit.suggestions import did_you_mean

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""


@dataclass(frozen=True)
class Annotation:
    """One object: its class and its outline.

    Attributes:
        category_id: id in the file's category list, any integer.
        segmentation: polygons, uncompressed or compressed RLE, as in the file; None when absent.
        area: square pixels as the file states them, 0 when it does not; used for nothing.
        iscrowd: True for a region of many objects of the class.
        annotation_id: id in the file.
        bbox: four numbers as the file states them, None when it does not; used for nothing.
    """

    category_id: int
    segmentation: Any
    area: float
    iscrowd: bool
    annotation_id: int
    bbox: Box | None = None


@dataclass(frozen=True)
class ImageRecord:
    """One image of the file with its annotations, and how its photo is read.

    Attributes:
        image_id: id in the file.
        file_name: relative to the folder of the photos.
        width: pixels.
        height: pixels.
        annotations: in file order.
        oriented: whether the photo is turned as its EXIF data says, see `toolkit.data.orientation`.
        bit_depth: bits that the values use if the photo has 16 per channel, see `data.bit_depth`.
        value_range: values that become 0 and 255, see `data.value_range`.
        channels: of the photo, see `data.channels`; None = RGB, or grey that becomes RGB.
    """

    image_id: int
    file_name: str
    width: int
    height: int
    annotations: tuple[Annotation, ...] = ()
    oriented: bool = True
    bit_depth: int | None = None
    value_range: tuple[float, float] | None = None
    channels: int | None = None

    @property
    def reading(self) -> str:
        """How values become pixels, for digests; as before where nothing but bits is declared."""
        if self.value_range is None and self.channels is None:
            return str(self.bit_depth)
        return f"{self.bit_depth} {self.value_range} {self.channels}"


@dataclass(frozen=True)
class Category:
    """A class as the file calls it; `supercategory` is the name of a group, empty = none."""

    category_id: int
    name: str
    supercategory: str = ""


@dataclass(frozen=True)
class CocoFile:
    """A COCO annotation file.

    Attributes:
        path: where it was read.
        images: in file order; of images with one id the first holds the annotations.
        categories: in file order; may be empty when the file was read as unlabelled.
        digest: digest of the file's content.
        orphans: (image id, annotation) of annotations whose image is not in the file.
    """

    path: Path
    images: tuple[ImageRecord, ...]
    categories: tuple[Category, ...]
    digest: str
    orphans: tuple[tuple[int, Annotation], ...] = ()

    @property
    def used_categories(self) -> frozenset[int]:
        """Ids of the categories that have an annotation."""
        return frozenset(
            annotation.category_id for record in self.images for annotation in record.annotations
        )


def read_coco(path: Path, *, labelled: bool = True) -> CocoFile:
    """Read a COCO file; with `labelled=False`, `categories` and `annotations` may be missing.

    Raises:
        UsageError: the file is missing, not JSON, not COCO (which key is missing), or holds a
            value of a wrong type (which entry).
    """
    content = read_json(path, "annotation file")
    if not isinstance(content, dict):
        raise UsageError(
            f"{path}: not a COCO file: the top level is {_type(content)}, expected an object",
            "A COCO file is an object with the keys images, annotations and categories.",
        )
    entries = {
        key: _list(path, content, key, required=labelled or key == "images")
        for key in ("images", "annotations", "categories")
    }
    categories = tuple(
        _category(_Entry(path, "categories", position, value))
        for position, value in enumerate(entries["categories"])
    )
    records = [
        _image(_Entry(path, "images", position, value))
        for position, value in enumerate(entries["images"])
    ]
    annotations: dict[int, list[Annotation]] = {record.image_id: [] for record in records}
    orphans = []
    for position, value in enumerate(entries["annotations"]):
        entry = _Entry(path, "annotations", position, value)
        image_id, annotation = entry.integer("image_id"), _annotation(entry)
        if image_id in annotations:
            annotations[image_id].append(annotation)
        else:
            orphans.append((image_id, annotation))
    images = tuple(
        ImageRecord(
            record.image_id,
            record.file_name,
            record.width,
            record.height,
            tuple(annotations.pop(record.image_id, ())),
        )
        for record in records
    )
    return CocoFile(path, images, categories, file_digest(path), tuple(orphans))


def _list(path: Path, content: Mapping[str, Any], key: str, *, required: bool) -> list[Any]:
    if key not in content:
        if not required:
            return []
        near = did_you_mean(key, [name for name in content if name not in _KEYS])
        raise UsageError(f"{path}: not a COCO file: the key {key!r} is missing", near)
    value = content[key]
    if not isinstance(value, list):
        raise UsageError(f"{path}: not a COCO file: {key} is {_type(value)}, expected a list")
    return value


_LONGEST_SIDE = 2**16
"""Pixels; a larger number is a slip that would fill the memory."""

_KEYS = {"images", "annotations", "categories", "info", "licenses"}


def _category(entry: _Entry) -> Category:
    group = entry.value.get("supercategory")
    return Category(
        entry.integer("id"), entry.text("name"), group if isinstance(group, str) else ""
    )


def _image(entry: _Entry) -> ImageRecord:
    return ImageRecord(
        image_id=entry.integer("id"),
        file_name=entry.text("file_name"),
        width=entry.integer("width", minimum=1, maximum=_LONGEST_SIDE),
        height=entry.integer("height", minimum=1, maximum=_LONGEST_SIDE),
    )


def _annotation(entry: _Entry) -> Annotation:
    segmentation = entry.value.get("segmentation")
    if segmentation is not None and not isinstance(segmentation, (list, dict)):
        entry.wrong("segmentation", "polygons (a list) or RLE (an object)")
    return Annotation(
        category_id=entry.integer("category_id"),
        segmentation=segmentation,
        area=entry.number("area"),
        iscrowd=bool(entry.number("iscrowd")),
        annotation_id=entry.integer("id"),
        bbox=_box(entry.value.get("bbox")),
    )


def _box(value: Any) -> Box | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(type(each) in (int, float) and abs(each) < _MOST for each in value):
        return None
    left, top, width, height = map(float, value)
    return (left, top, width, height) if width > 0 and height > 0 else None


_MOST = 2**63 - 1
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
"""JSON can write NUL and halves of characters, which no file can be called and no screen shows."""


class _Entry:
    """One entry of a list of the file, read field by field with errors that say which it is."""

    def __init__(self, path: Path, key: str, position: int, value: Any) -> None:
        self._where = f"{path}: {key}[{position}]"
        if not isinstance(value, dict):
            raise UsageError(f"{self._where} is {_type(value)}, expected an object")
        self.value: dict[str, Any] = value

    def integer(self, field: str, minimum: int = -_MOST, maximum: int = _MOST) -> int:
        value = self.value.get(field)
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(field, "an integer")
        if value < minimum:
            raise UsageError(f"{self._where}.{field} is {value}, expected at least {minimum}")
        if value > maximum:
            raise UsageError(f"{self._where}.{field} is {value}, expected at most {maximum}")
        return value

    def number(self, field: str) -> float:
        value = self.value.get(field, 0)
        if value is None:
            return 0.0
        if not isinstance(value, (int, float)) or abs(value) > _MOST:
            self.wrong(field, "a number")
        return float(value)

    def text(self, field: str) -> str:
        value = self.value.get(field)
        if not isinstance(value, str) or not value:
            self.wrong(field, "a text")
        if _NO_TEXT.search(value):
            self.wrong(field, "a text that can be the name of a file")
        return value

    def wrong(self, field: str, expected: str) -> NoReturn:
        if field not in self.value:
            raise UsageError(f"{self._where} has no {field}, expected {expected}")
        shown = repr(self.value[field])[:60]
        raise UsageError(
            f"{self._where}.{field} is {_type(self.value[field])} ({shown}), expected {expected}"
        )


def _type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "an integer"}
    return "null" if value is None else names.get(type(value), "a number")
