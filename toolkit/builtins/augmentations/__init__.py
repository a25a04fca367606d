"""Augmentations of one training sample."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from toolkit import Component, ComponentSpec, Context, OfKind, UsageError, hookimpl
from toolkit.builtins.augmentations import covering, geometric, pasting, photometric
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.kinds import KINDS

_, _DEFAULT_WEIGHT = KINDS["augmentation"].common["p"]


def one_of(
    context: Context,
    *,
    of: Annotated[list[Annotated[ComponentSpec, OfKind("augmentation")]], Field(min_length=1)],
) -> Augmentation:
    """Apply one of several augmentations; the `p` of each is its weight against the others.

    Args:
        of: the augmentations, each a table with its name, parameters and `p`.
    """
    from toolkit.builtins.augmentations.choice import OneOf

    weights = [float(spec.parameters.get("p", _DEFAULT_WEIGHT)) for spec in of]
    if not any(weights):
        raise UsageError(
            "one_of: every choice has p = 0", "Give at least one a p above 0.", parameter="of"
        )
    choices = [context.build("augmentation", spec) for spec in of]
    return OneOf(list(zip(weights, choices, strict=True)))


@hookimpl
def trash_augmentations() -> list[Component]:
    """Return the built-in augmentations."""
    return [
        Component("hflip", geometric.hflip, "mirror left and right"),
        Component("vflip", geometric.vflip, "mirror top and bottom"),
        Component("rotate90", geometric.rotate90, "random quarter turns"),
        Component("rotate", geometric.rotate, "random angle up to a limit"),
        Component(
            "scale_shift_rotate", geometric.scale_shift_rotate, "scale, shift and turn at once"
        ),
        Component(
            "random_resized_crop",
            geometric.random_resized_crop,
            "random part, resized to the input size",
        ),
        Component(
            "random_sized_crop", geometric.random_sized_crop, "random part of a side within limits"
        ),
        Component(
            "crop_non_empty", geometric.crop_non_empty, "random part that contains foreground"
        ),
        Component("grid_shuffle", geometric.grid_shuffle, "cells of a grid in random order"),
        Component("elastic", geometric.elastic, "smooth random deformation"),
        Component("grid_distortion", geometric.grid_distortion, "stretched and squeezed grid"),
        Component("optical_distortion", geometric.optical_distortion, "lens distortion"),
        Component("clahe", photometric.clahe, "contrast equalised tile by tile", needs_rgb=True),
        Component("brightness", photometric.brightness, "random brightness"),
        Component(
            "brightness_contrast", photometric.brightness_contrast, "random brightness and contrast"
        ),
        Component("gamma", photometric.gamma, "random gamma"),
        Component(
            "augmix", photometric.augmix, "mixture of chains of colour operations", needs_rgb=True
        ),
        Component("cutout", covering.cutout, "blank squares, labels kept"),
        Component("grid_mask", covering.grid_mask, "blank squares in a grid, labels kept"),
        Component("hide_and_seek", covering.hide_and_seek, "blank random cells, labels kept"),
        Component(
            "object_mix",
            pasting.object_mix,
            "rare objects of other training images, pasted",
            aliases=("songbae_mix",),
        ),
        Component("one_of", one_of, "one of several augmentations, by weight"),
    ]
