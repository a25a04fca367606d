"""The built-in readers of annotations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from toolkit.plugin.component import Component
from toolkit.plugin.hookspecs import hookimpl
from toolkit.plugin.interfaces import Context
from toolkit.plugin.reader import Reader

Value = Annotated[int, Field(ge=0, le=65535)]
Part = Annotated[int, Field(ge=0, le=255)]
RGB = tuple[Part, Part, Part]


def coco(
    context: Context,
    *,
    photos: str = "",
    ignore: tuple[str, ...] = (),
    ignore_crowd: bool = False,
) -> Reader:
    """Make a reader of COCO JSON files: polygons, RLE, crowds; any category ids.

    Where an object and an ignored region overlap, the object is learned.

    Args:
        photos: folder below `data.root` that `file_name` is relative to: {folder} stands for the
            annotation file's own folder, {subset} for the end of its name, as in
            instances_train.json.
        ignore: names of categories whose pixels count for nothing.
        ignore_crowd: whether crowd regions (iscrowd = 1) count for nothing; else they are objects
            of their category.
    """
    from toolkit.data.coco_reader import CocoReader

    return CocoReader(photos, ignore, ignore_crowd)


def masks(
    context: Context,
    *,
    masks: str | None = None,
    photos: str = "",
    photo_ending: str = "",
    values: dict[str, Value | tuple[Value, ...]] | None = None,
    colours: dict[str, RGB | tuple[RGB, ...]] | None = None,
    classes: str | tuple[str, ...] | None = None,
    first_value: Value = 0,
    ignore: tuple[Value | RGB, ...] = (),
    image_column: str = "image",
    mask_column: str = "mask",
) -> Reader:
    """Make a reader of photos with masks as files: grey, palette or colour images, best PNG.

    `data.train` and the others name a folder of photos, a text file with a photo, or photo and
    mask, on each line, or a CSV file with columns for both. A class called `data.background` is
    label 0. Without `values`, `colours` and `classes`, the values of pixels are labels, in the
    order of `data.classes`.

    Args:
        masks: where the mask of a photo is, such as "labels/{stem}.png": {stem} is the photo's name
            without ending, {folder} its folder below `photos`, {path} both, {mask} what the list
            says; default: as the list says.
        photos: folder that the photos in a list, and {folder}, are relative to.
        photo_ending: end of the photos' names, before the dot, that {stem} leaves out, such as
            "_leftImg8bit".
        values: class -> pixel value, or several, of grey and palette images.
        colours: class -> colour as [red, green, blue], or several.
        classes: the classes in the order of their values, or a text file with a class on each line.
        first_value: value of the first of `classes`.
        ignore: pixel values, or colours, that count for nothing.
        image_column: column of the photos in a CSV file.
        mask_column: column of the masks in a CSV file; it need not be there.
    """
    from toolkit.data.mask_folders import MaskFolders
    from toolkit.data.mask_meanings import MaskClasses

    meanings = MaskClasses(
        background=context.class_names[0],
        values=None if values is None else {n: _several(v) for n, v in values.items()},
        colours=None if colours is None else {n: _colours(c) for n, c in colours.items()},
        names=classes,
        first_value=first_value,
        ignore=ignore,
        labels=context.class_names[1:],
    )
    return MaskFolders(meanings, masks, photos, photo_ending, image_column, mask_column)


def rle_csv(
    context: Context,
    *,
    columns: tuple[str, ...] = ("ImageId", "EncodedPixels"),
    cells: tuple[str, ...] = ("{image}", "{pixels}"),
    photos: str = "",
    order: Literal["column-major", "row-major"] = "column-major",
    first_pixel: Annotated[int, Field(ge=0, le=1)] = 1,
    empty: str = "",
) -> Reader:
    """Make a reader of Kaggle's tables of run lengths.

    A CSV file with a row for each object, or for each image and class; the classes are those of
    `data.classes`. Parameters are as those of the submission format `run_length`.

    Args:
        columns: the columns that are read; others may be beside them.
        cells: what stands in each of them: "{image}", "{class}" for a name or "{label}" for a
            number from 1, as in "{image}_{label}"; one is "{pixels}". With a single class it may be
            left out.
        photos: folder of the photos below `data.root`; the file may leave out their endings.
        order: pixels are numbered down the columns or along the rows.
        first_pixel: number of the pixel at the top left.
        empty: text of a row without runs, beside none at all.
    """
    from toolkit.formats.rle_csv import RunLengthTable

    return RunLengthTable(columns, cells, context.class_names, photos, order, first_pixel, empty)


def _several(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value


def _colours(value: RGB | tuple[RGB, ...]) -> tuple[RGB, ...]:
    return (value,) if value and isinstance(value[0], int) else value


@hookimpl
def trash_readers() -> list[Component]:
    """Offer the readers."""
    return [
        Component("coco", coco, "COCO JSON: polygons and RLE of objects"),
        Component("rle_csv", rle_csv, "run lengths of objects in a CSV file, as Kaggle has them"),
        Component("masks", masks, "photos with masks as image files, by folder, list or CSV"),
    ]
