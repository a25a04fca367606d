"""Factories of augmentations that change colours and leave the labels alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from toolkit import Context, UnitInterval, UsageError
from toolkit.plugin.interfaces import Augmentation

ClipLimit = Annotated[float, Field(ge=1)]
Byte = Annotated[int, Field(ge=0, le=255)]


def clahe(
    context: Context,
    *,
    clip_limit: tuple[ClipLimit, ClipLimit] = (1.0, 4.0),
    tiles: PositiveInt = 8,
) -> Augmentation:
    """Equalise the contrast tile by tile (CLAHE).

    Args:
        clip_limit: smallest and largest contrast limit.
        tiles: tiles along each axis.
    """
    from toolkit.builtins.augmentations import albumentation

    if clip_limit[0] > clip_limit[1]:
        raise UsageError(f"clip_limit = {list(clip_limit)}: the first number is the larger one")
    return albumentation.clahe(clip_limit, tiles)


def brightness_contrast(
    context: Context,
    *,
    brightness: UnitInterval = 0.2,
    contrast: UnitInterval = 0.2,
    by_max: bool = True,
) -> Augmentation:
    """Change brightness and contrast.

    Args:
        brightness: largest change to either side, share.
        contrast: largest change to either side, share.
        by_max: measure brightness against white; false: against the image's mean.
    """
    from toolkit.builtins.augmentations import albumentation

    return albumentation.brightness_contrast(brightness, contrast, by_max)


def brightness(context: Context, *, limit: UnitInterval = 0.2) -> Augmentation:
    """Change the brightness.

    Args:
        limit: largest change to either side, share of white.
    """
    from toolkit.builtins.augmentations import albumentation

    return albumentation.brightness_contrast(limit, 0.0, by_max=True)


def gamma(
    context: Context, *, limits: tuple[PositiveFloat, PositiveFloat] = (80.0, 120.0)
) -> Augmentation:
    """Change the gamma.

    Args:
        limits: smallest and largest exponent, percent.
    """
    from toolkit.builtins.augmentations import albumentation

    if limits[0] > limits[1]:
        raise UsageError(f"limits = {list(limits)}: the first number is the larger one")
    return albumentation.gamma(limits)


def cutout(
    context: Context, *, holes: PositiveInt = 4, size: PositiveInt = 20, fill: Byte = 0
) -> Augmentation:
    """Blank squares of the image; the labels stay (arXiv:1708.04552).

    Args:
        holes: number of squares.
        size: side of a square, pixels.
        fill: value of the blank pixels.
    """
    from toolkit.builtins.augmentations import albumentation

    return albumentation.cutout(holes, size, fill)
