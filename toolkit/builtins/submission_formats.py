"""Leaderboard file formats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from toolkit import Component, Context, hookimpl
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.plugin.kinds import Nearest

NearestPixel = Annotated[
    Nearest,
    Field(
        description="which native pixel a pixel of a smaller file takes, as the contest resizes "
        'its truth: "corner" (OpenCV, albumentations, PyTorch "nearest"; 512 to 256: '
        'labels[::2, ::2]) or "centre" (Pillow, PyTorch "nearest-exact"). A file of the images\' '
        "own size needs neither."
    ),
]


def mask_string(
    context: Context,
    *,
    size: tuple[PositiveInt, PositiveInt] = (256, 256),
    columns: tuple[str, str] = ("image_id", "PredictionString"),
    image_suffix: str = "",
    image_folder: str = "",
    nearest: NearestPixel = "corner",
) -> SubmissionFormat:
    """Write a CSV with one row per image: its file name and all labels, joined by spaces.

    Args:
        size: (height, width) of the label maps in the file, pixels.
        columns: the header.
        image_suffix: ending of the file names that the ids leave out, such as ".jpg".
        image_folder: folder of the file names that the ids leave out, such as "test".
    """
    from toolkit.formats.mask_string import MaskString

    return MaskString(size, columns, context.n_classes, image_suffix, nearest, image_folder)


def run_length(
    context: Context,
    *,
    size: tuple[PositiveInt, PositiveInt] = (256, 256),
    columns: tuple[str, ...] = ("ImageId_ClassId", "EncodedPixels"),
    cells: tuple[str, ...] = ("{image}_{label}", "{pixels}"),
    order: Literal["column-major", "row-major"] = "column-major",
    first_pixel: Literal[0, 1] = 1,
    empty: str = "",
    image_suffix: str = "",
    image_folder: str = "",
    nearest: NearestPixel = "corner",
) -> SubmissionFormat:
    """Write a Kaggle CSV with one row per image and class: its pixels as "start length" runs.

    The background has no rows.

    Args:
        size: (height, width) of the label maps, pixels.
        columns: the header.
        cells: what stands in each column: {image} is the file name, {label} the number of the class
            and {class} its name, {pixels} the runs.
        order: pixels are numbered down the columns or along the rows.
        first_pixel: number of the pixel at the top left.
        empty: what stands for the runs of a class that the image lacks.
        image_suffix: ending of the file names that {image} leaves out, such as ".jpg".
        image_folder: folder of the file names that {image} leaves out, such as "test".
    """
    from toolkit.formats.run_length import RunLength

    names = context.class_names
    return RunLength(
        size, columns, cells, names, order, first_pixel, empty, image_suffix, nearest, image_folder
    )


def png_zip(
    context: Context,
    *,
    size: tuple[PositiveInt, PositiveInt] = (256, 256),
    palette: bool = False,
    image_suffix: str = ".jpg",
    nearest: NearestPixel = "corner",
) -> SubmissionFormat:
    """Write a zip file with one 8-bit PNG per image, in its folder; the pixels are the labels.

    Args:
        size: (height, width) of the PNGs, pixels.
        palette: give each label a colour, so that people can look at it; the pixels stay the
            labels.
        image_suffix: ending of the images' names; needed to read PNGs of another program.
    """
    from toolkit.formats.png_zip import PngZip

    return PngZip(size, context.n_classes, palette, image_suffix, nearest)


def npz(
    context: Context,
    *,
    size: tuple[PositiveInt, PositiveInt] = (256, 256),
    nearest: NearestPixel = "corner",
) -> SubmissionFormat:
    """Write a NumPy file with the arrays `labels`, uint8 (n, height, width), and `ids`.

    Args:
        size: (height, width) of the label maps, pixels.
    """
    from toolkit.formats.npz import Npz

    return Npz(size, context.n_classes, nearest)


@hookimpl
def trash_submission_formats() -> list[Component]:
    """Return the built-in formats."""
    return [
        Component("mask_string", mask_string, "CSV: file name, all labels joined by spaces"),
        Component("run_length", run_length, "Kaggle CSV: runs of each class of each image"),
        Component("png_zip", png_zip, "zip file of the images' folders with a label PNG each"),
        Component("npz", npz, "NumPy file: all label maps in one array, and their ids"),
    ]
