"""Factories of augmentations that change colours and leave the labels alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from toolkit import Context, UnitInterval
from toolkit.builtins.augmentations.limits import in_order
from toolkit.plugin.interfaces import Augmentation

ClipLimit = Annotated[float, Field(ge=1)]


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

    in_order("clip_limit", clip_limit)
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

    in_order("limits", limits)
    return albumentation.gamma(limits)


def augmix(
    context: Context,
    *,
    chains: PositiveInt = 3,
    depth: tuple[PositiveInt, PositiveInt] = (1, 3),
    severity: Annotated[float, Field(gt=0, le=10)] = 3.0,
    alpha: PositiveFloat = 1.0,
) -> Augmentation:
    """Blend the image with a mixture of chains of random colour operations.

    AugMix (arXiv:1912.02781) without rotations, shears and shifts, because the labels could not
    follow a blend of several positions; there is no consistency loss (Jensen-Shannon).

    Args:
        chains: chains in the mixture.
        depth: fewest and most operations in a chain.
        severity: largest strength of an operation, up to 10.
        alpha: concentration of the weights; smaller: one chain, or the plain image, dominates.
    """
    from toolkit.builtins.augmentations.augmix import AugMix

    in_order("depth", depth)
    return AugMix(chains, depth, severity, alpha)
