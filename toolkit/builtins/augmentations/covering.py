"""Factories of augmentations that hide parts of the image and leave the labels alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from toolkit import Context, UnitInterval
from toolkit.builtins.augmentations.limits import cells_of, pixels
from toolkit.plugin.interfaces import Augmentation

Byte = Annotated[int, Field(ge=0, le=255)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]


def cutout(
    context: Context,
    *,
    holes: PositiveInt = 4,
    size: PositiveInt = 20,
    fill: Byte = 0,
    background_only: bool = False,
) -> Augmentation:
    """Blank squares of the image; the labels stay (arXiv:1708.04552).

    Args:
        holes: number of squares.
        size: side of a square, pixels.
        fill: value of the blank pixels.
        background_only: blank only background inside the squares: labelled and ignored pixels stay.
    """
    from toolkit.builtins.augmentations import albumentation

    pixels("size", size, context)
    made = albumentation.cutout(holes, size, fill)
    return albumentation.BackgroundOnly(made) if background_only else made


def grid_mask(
    context: Context,
    *,
    cells: PositiveInt = 4,
    ratio: OpenShare = 0.5,
    mode: Literal["corner", "inverse", "two"] = "corner",
) -> Augmentation:
    """Blank a square in every cell of a grid at a random offset (arXiv:2001.04086).

    Args:
        cells: cells along each axis.
        ratio: side of the square, share of the cell.
        mode: "corner" blanks one square of each cell, "inverse" all but that square, "two" that
            square and the one at the opposite corner.
    """
    from toolkit.builtins.augmentations.lattices import GridMask

    return GridMask(cells_of("cells", cells, 2, context), ratio, mode)


def hide_and_seek(
    context: Context,
    *,
    cells: Annotated[list[NonNegativeInt], Field(min_length=1)] = [0, 16, 32, 44, 56],  # noqa: B006
    share: UnitInterval = 0.5,
) -> Augmentation:
    """Blank random cells of a grid (hide-and-seek, arXiv:1704.04232).

    Args:
        cells: sides of a cell in pixels; one is drawn for every image, 0 leaves the image alone.
        share: probability with which a cell is blanked.
    """
    from toolkit.builtins.augmentations.lattices import HideAndSeek

    return HideAndSeek(cells, share)
