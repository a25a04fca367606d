"""Built-in steps between combined probabilities and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeInt

from toolkit import Component, Context, UnitInterval, hookimpl
from toolkit.builtins.class_tables import by_label
from toolkit.builtins.postprocessors_crf import dense_crf

if TYPE_CHECKING:
    from toolkit.plugin.interfaces import Postprocessor

Sigma = Annotated[float, Field(gt=0, le=100)]
Factor = Annotated[float, Field(gt=0, le=1000)]
Side = Annotated[int, Field(ge=2, le=1000)]
Compactness = Annotated[float, Field(gt=0, le=1000)]


def smooth(context: Context, *, sigma: Sigma = 1.0) -> Postprocessor:
    """Gaussian blur of every class's probabilities; sigma in pixels of the image."""
    from toolkit.postprocess.smooth import Smooth

    return Smooth(sigma)


def min_area(
    context: Context,
    *,
    pixels: NonNegativeInt = 64,
    per_class: dict[str, NonNegativeInt] = {},  # noqa: B006
) -> Postprocessor:
    """Connected regions that are too small lose their label to the next best class.

    Args:
        pixels: smallest area of a region that stays.
        per_class: name of a class -> smallest area of its regions, in place of `pixels`.
    """
    from toolkit.postprocess.min_area import MinArea

    return MinArea(by_label(per_class, pixels, context, "per_class"))


def fill_holes(
    context: Context,
    *,
    pixels: NonNegativeInt = 64,
    per_class: dict[str, NonNegativeInt] = {},  # noqa: B006
) -> Postprocessor:
    """Small areas that one class encloses get its label, whatever they are.

    The background encloses every object: nothing in it is filled unless `per_class` names it.

    Args:
        pixels: holes smaller than this are filled, in all classes but the background.
        per_class: name of a class -> the same for its holes; 0 = none.
    """
    from toolkit.postprocess.fill_holes import FillHoles

    background = {context.class_names[0]: 0}
    return FillHoles(by_label(background | per_class, pixels, context, "per_class"))


def class_bias(context: Context, *, factors: dict[str, Factor] = {}) -> Postprocessor:  # noqa: B006
    """Multiply the probabilities of classes, so that an overlooked class wins more pixels.

    Args:
        factors: name of a class -> its factor; 1 for the others.
    """
    from toolkit.postprocess.class_bias import ClassBias

    return ClassBias(by_label(factors, 1.0, context, "factors"))


def superpixel_vote(
    context: Context,
    *,
    size: Side = 12,
    compactness: Compactness = 10.0,
    weight: UnitInterval = 0.5,
) -> Postprocessor:
    """Patches of like colour ("SLIC" superpixels) share the mean of their probabilities.

    Args:
        size: side of a patch, about, pixels.
        compactness: difference of colour (CIELAB units) that weighs as much as `size` pixels: less
            follows the edges more closely, more makes rounder patches.
        weight: share of the patch's mean in the result; the rest is the pixel's own.
    """
    from toolkit.postprocess.superpixel_vote import SuperpixelVote

    return SuperpixelVote(size, compactness, weight)


@hookimpl
def trash_postprocessors() -> Sequence[Component]:
    """Steps that look at the probabilities, and some at the image too."""
    return [
        Component(
            "dense_crf", dense_crf, "fully connected CRF: labels follow the edges of the image"
        ),
        Component("superpixel_vote", superpixel_vote, "patches of like colour share probabilities"),
        Component("smooth", smooth, "Gaussian blur of the probabilities"),
        Component("min_area", min_area, "remove connected regions that are too small"),
        Component("fill_holes", fill_holes, "fill small holes in regions"),
        Component("class_bias", class_bias, "factors for the probabilities of classes"),
    ]
