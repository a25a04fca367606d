"""What a reader of annotations is asked and what it returns; imports no torch and no numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""

Colour = tuple[int, int, int]
"""Red, green, blue, 0…255 each."""

Meaning = int | Literal["background", "ignored"]
"""What pixels of a mask are: the id of a category, label 0, or nothing that counts."""


@dataclass(frozen=True)
class Annotation:
    """One object: its class and its outline.

    Attributes:
        category_id: id in the list of categories, any integer.
        segmentation: polygons, uncompressed or compressed RLE as COCO has them; None when absent.
        area: square pixels as the file states them, 0 when it does not; used for nothing.
        iscrowd: True for a region of many objects of the class.
        annotation_id: id in the file.
        bbox: four numbers as the file states them, None when it does not; used for nothing.
        ignored: its pixels count for nothing where no other object is; its category is not looked
            at.
    """

    category_id: int
    segmentation: Any
    area: float
    iscrowd: bool
    annotation_id: int
    bbox: Box | None = None
    ignored: bool = False


@dataclass(frozen=True)
class MaskTable:
    """What the pixels of masks mean: one table for all masks of a set.

    A value or colour that a mask has and the table lacks is an error.

    Attributes:
        values: pixel value, or index of the palette -> meaning.
        colours: colour -> meaning, for masks that are read as RGB; `values` is empty then.
    """

    values: Mapping[int, Meaning] = field(default_factory=dict)
    colours: Mapping[Colour, Meaning] = field(default_factory=dict)


@dataclass(frozen=True)
class MaskFile:
    """An image file with the label of every pixel of a photo, of the photo's size.

    Attributes:
        path: the file.
        table: what its pixels mean.
        pixels: (category id, number of pixels) of the categories in it; readers leave it empty, it
            is filled in when the file is looked at.
        ignored: pixels of a meaning in a box (whole pixels) that count for nothing; readers leave
            it empty, `data.exclude` fills it in.
    """

    path: Path
    table: MaskTable
    pixels: tuple[tuple[int, int], ...] = ()
    ignored: tuple[tuple[Meaning, tuple[int, int, int, int]], ...] = ()


@dataclass(frozen=True)
class ImageRecord:
    """One image with its annotations or its mask, and how its photo is read.

    Attributes:
        image_id: number, another one for each image.
        file_name: relative to the folder of the photos.
        width: pixels; 0 = that of the mask or, without one, of the photo: it is filled in.
        height: pixels; 0 as above.
        annotations: in file order; the later one may win a pixel, see `data.overlap`.
        oriented: whether the photo is turned as its EXIF data says, see `toolkit.data.orientation`.
        bit_depth: bits that the values use if the photo has 16 per channel, see `data.bit_depth`.
        mask: labels of all pixels, in place of annotations.
        value_range: values that become 0 and 255, see `data.value_range`.
        channels: of the photo, see `data.channels`; None = RGB, or grey that becomes RGB.
    """

    image_id: int
    file_name: str
    width: int = 0
    height: int = 0
    annotations: tuple[Annotation, ...] = ()
    oriented: bool = True
    bit_depth: int | None = None
    mask: MaskFile | None = None
    value_range: tuple[float, float] | None = None
    channels: int | None = None

    @property
    def reading(self) -> str:
        """How values become pixels, for digests; as before where nothing but bits is declared."""
        if self.value_range is None and self.channels is None:
            return str(self.bit_depth)
        return f"{self.bit_depth} {self.value_range} {self.channels}"

    @property
    def objects(self) -> tuple[Annotation, ...]:
        """The annotations but the ignored ones."""
        return tuple(each for each in self.annotations if not each.ignored)

    @property
    def categories(self) -> tuple[int, ...]:
        """Category of each object, or each category of the mask once."""
        if self.mask is not None:
            return tuple(category_id for category_id, _ in self.mask.pixels)
        return tuple(each.category_id for each in self.objects)


@dataclass(frozen=True)
class Category:
    """A class as the file calls it; `supercategory` is the name of a group, empty = none."""

    category_id: int
    name: str
    supercategory: str = ""


@dataclass(frozen=True)
class AnnotationSet:
    """The images of one purpose with their annotations.

    Attributes:
        path: the file or folder that it was read from.
        images: in file order; of images with one id the first holds the annotations.
        categories: in file order, without the background and what is ignored; may be empty when
            labels were not asked for.
        digest: of all that was read but the masks; empty = of the records, which is always right.
        orphans: (image id, annotation) of annotations whose image is not in the file.
    """

    path: Path
    images: tuple[ImageRecord, ...]
    categories: tuple[Category, ...]
    digest: str = ""
    orphans: tuple[tuple[int, Annotation], ...] = ()

    @property
    def used_categories(self) -> frozenset[int]:
        """Ids of the categories that have an annotation or a pixel."""
        return frozenset(each for record in self.images for each in record.categories)


@dataclass(frozen=True)
class ReadRequest:
    """What a reader is to read.

    Attributes:
        path: what `data.train`, `val`, `test` or `truth` names: a file, or a folder; it is there.
        root: folder that photos, and files that the reader's parameters name, are relative to.
        labelled: False for images to be predicted: they need no labels, and theirs are not used.
        photo_sizes: names of photos -> (width, height) of each in pixels, turned as their EXIF data
            says; raises a UsageError that names those that are missing or broken.
    """

    path: Path
    root: Path
    labelled: bool
    photo_sizes: Callable[[Sequence[str]], Sequence[tuple[int, int]]]


class Reader(Protocol):
    """Reads images and annotations of one format.

    It reads no pixels: masks are named, looked at later, and what was seen in them is remembered.
    It raises a UsageError that says what is wrong where: file, line or entry, the nearest valid
    thing. A folder without labels gets to readers alone that are `ReadsFolders`: of others, any
    recipe may name a folder of photos as `test`.
    """

    def __call__(self, request: ReadRequest) -> AnnotationSet: ...


@runtime_checkable
class ReadsFolders(Protocol):
    """A reader that tells the photos of a folder from its other images, without labels too."""

    reads_folders: bool


@runtime_checkable
class WritesExample(Protocol):
    """A reader that can write a small set of its format, so that its contract can be tried."""

    def write_example(self, root: Path) -> str:
        """Write photos and labels below an empty folder; return what `data.train` would name."""
        ...
