"""Factories of augmentations that move pixels: image and labels together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from toolkit import Context, UsageError
from toolkit.builtins.augmentations.limits import cells_of, in_order, pixels
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
    from toolkit.builtins.augmentations.crops import ResizedCrop

    in_order("scale", scale)
    in_order("ratio", ratio)
    return ResizedCrop(scale, ratio, context.image_size)


def random_sized_crop(
    context: Context,
    *,
    min_size: PositiveFloat = 150 / 512,
    max_size: PositiveFloat = 200 / 512,
) -> Augmentation:
    """Cut out a random part of the input's proportions and resize it to the network's input size.

    Args:
        min_size: smallest shorter side of the part, pixels; up to 1: share of the input's.
        max_size: largest shorter side, likewise. The defaults are 150 and 200 at an input of 512.
    """
    from toolkit.builtins.augmentations.crops import SizedCrop

    sides = pixels("min_size", min_size, context), pixels("max_size", max_size, context)
    if sides[0] > sides[1]:
        raise UsageError(
            f"min_size = {min_size:g} is larger than max_size = {max_size:g}",
            f"Nearest valid: min_size = {max_size:g}.",
            parameter="min_size",
        )
    return SizedCrop(sides, context.image_size)


def crop_non_empty(context: Context, *, size: PositiveFloat = 300 / 512) -> Augmentation:
    """Cut out a part that holds foreground, if any, and resize it to the network's input size.

    Ignored pixels are no foreground.

    Args:
        size: shorter side of the part, pixels; up to 1: share of the input's. The default is 300
            at an input of 512; the part has the input's proportions.
    """
    from toolkit.builtins.augmentations.crops import NonEmptyCrop

    return NonEmptyCrop(pixels("size", size, context), context.image_size, context.ignore_index)


def grid_shuffle(context: Context, *, cells: PositiveInt = 3) -> Augmentation:
    """Let the cells of a grid change places, image and labels alike.

    Args:
        cells: cells along each axis.
    """
    from toolkit.builtins.augmentations.lattices import GridShuffle

    return GridShuffle(cells_of("cells", cells, 1, context))


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
    """Stretch and squeeze the cells of a grid; the frame of the picture stays where it is.

    Args:
        steps: cells along each axis.
        limit: largest change of a cell's size, share.
    """
    from toolkit.builtins.augmentations.warps import GridDistortion

    return GridDistortion(steps, limit)


def optical_distortion(context: Context, *, limit: PositiveFloat = 1.0) -> Augmentation:
    """Bend the image as a lens does; the border mirrors the picture.

    Args:
        limit: largest distortion to either side.
    """
    from toolkit.builtins.augmentations.warps import OpticalDistortion

    return OpticalDistortion(limit)
