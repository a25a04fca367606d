"""Factories of augmentations that move pixels: image and labels together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from toolkit import Context, UsageError
from toolkit.plugin.interfaces import Augmentation

Angle = Annotated[float, Field(ge=0, le=180)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]


def hflip(context: Context) -> Augmentation:
    """Mirror left and right."""
    from toolkit.builtins.augmentations.flips import Flip

    return Flip(axis=1)


def vflip(context: Context) -> Augmentation:
    """Mirror top and bottom."""
    from toolkit.builtins.augmentations.flips import Flip

    return Flip(axis=0)


def rotate90(context: Context) -> Augmentation:
    """Turn by 0, 90, 180 or 270 degrees; images that are not square by 0 or 180."""
    from toolkit.builtins.augmentations.flips import QuarterTurns

    return QuarterTurns()


def rotate(context: Context, *, limit: Angle = 30.0) -> Augmentation:
    """Turn by a random angle; the border mirrors the picture.

    Args:
        limit: largest angle to either side, degrees.
    """
    from toolkit.builtins.augmentations import albumentation

    return albumentation.rotate(limit)


def scale_shift_rotate(
    context: Context,
    *,
    scale: BelowOne = 0.1,
    shift: BelowOne = 0.1,
    rotate: Angle = 20.0,
) -> Augmentation:
    """Scale, shift and turn at once; the border mirrors the picture.

    Args:
        scale: size changes by a factor of 1 − scale to 1 + scale.
        shift: largest move along each axis, share of the size.
        rotate: largest angle to either side, degrees.
    """
    from toolkit.builtins.augmentations import albumentation

    return albumentation.scale_shift_rotate(scale, shift, rotate)


def random_resized_crop(
    context: Context,
    *,
    scale: tuple[Share, Share] = (0.08, 1.0),
    ratio: tuple[PositiveFloat, PositiveFloat] = (0.75, 4 / 3),
) -> Augmentation:
    """Cut out a random part and resize it to the network's input size.

    Args:
        scale: smallest and largest share of the area.
        ratio: smallest and largest width / height of the part.
    """
    from toolkit.builtins.augmentations import albumentation

    _in_order("scale", scale)
    _in_order("ratio", ratio)
    return albumentation.random_resized_crop(context.image_size, scale, ratio)


def elastic(
    context: Context,
    *,
    alpha: PositiveFloat = 40.0,
    sigma: PositiveFloat = 6.0,
    affine: Annotated[float, Field(ge=0)] = 3.6,
) -> Augmentation:
    """Deform smoothly at random; the border mirrors the picture.

    Args:
        alpha: size of the displacement, pixels before smoothing.
        sigma: width of the smoothing, pixels; larger is smoother and weaker.
        affine: how far the three points of an additional affine map move, pixels.
    """
    from toolkit.builtins.augmentations.elastic import Elastic

    return Elastic(alpha, sigma, affine)


def grid_distortion(
    context: Context, *, steps: PositiveInt = 5, limit: BelowOne = 0.3
) -> Augmentation:
    """Stretch and squeeze the cells of a grid; the border mirrors the picture.

    Args:
        steps: cells along each axis.
        limit: largest change of a cell's size, share.
    """
    from toolkit.builtins.augmentations import albumentation

    return albumentation.grid_distortion(steps, limit)


def optical_distortion(context: Context, *, limit: PositiveFloat = 1.0) -> Augmentation:
    """Bend the image as a lens does; the border mirrors the picture.

    Args:
        limit: largest distortion to either side.
    """
    from toolkit.builtins.augmentations import albumentation

    return albumentation.optical_distortion(limit)


def _in_order(name: str, limits: tuple[float, float]) -> None:
    if limits[0] > limits[1]:
        raise UsageError(
            f"{name} = [{limits[0]:g}, {limits[1]:g}]: the first number is the larger one",
            f"Write {name} = [{limits[1]:g}, {limits[0]:g}].",
        )
