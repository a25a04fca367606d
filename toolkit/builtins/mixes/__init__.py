"""Augmentations that mix a training sample with another one of its batch.

No module here is called like a factory: importing it would put it in the factory's place.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from toolkit import Component, Context, UnitInterval, UsageError, hookimpl
from toolkit.plugin.interfaces import Mix
from toolkit.suggestions import did_you_mean

OpenShare = Annotated[float, Field(gt=0, le=1)]
Sigma = Annotated[float, Field(ge=0, le=100)]
Factor = Annotated[float, Field(gt=0, le=10)]


def cutmix(
    context: Context,
    *,
    mode: Literal["random", "half", "foreground"] = "random",
    alpha: PositiveFloat = 1.0,
) -> Mix:
    """Paste a box of the partner, image and labels (CutMix, arXiv:1905.04899).

    Args:
        mode: "random": a box of area 1 − λ anywhere, λ ~ Beta(alpha, alpha), cut off at the frame;
            "half": the top half; "foreground": a box inside the bounding box of the partner's
            foreground, with √(1 − λ) of its sides; without foreground the sample stays as it is.
        alpha: concentration of λ.
    """
    from toolkit.builtins.mixes.boxes import ForegroundBox, RandomBox, TopHalf

    if mode == "half":
        return TopHalf()
    return RandomBox(alpha) if mode == "random" else ForegroundBox(alpha, context.ignore_index)


def mixup(context: Context, *, alpha: PositiveFloat = 0.2) -> Mix:
    """Blend with the partner; the loss weighs both masks alike (MixUp, arXiv:1710.09412).

    Args:
        alpha: the sample's share is drawn once per batch from Beta(alpha, alpha); smaller: one of
            the two images dominates.
    """
    from toolkit.builtins.mixes.blends import MixUp

    return MixUp(alpha)


def classmix(context: Context, *, share: OpenShare = 0.5) -> Mix:
    """Paste all pixels of some of the partner's labels, background included (arXiv:2007.07936).

    Args:
        share: share of the partner's labels, rounded up; ignored pixels are never pasted.
    """
    from toolkit.builtins.mixes.classes import ClassMix

    return ClassMix(share, context.ignore_index)


def copy_paste(
    context: Context,
    *,
    max_objects: PositiveInt = 5,
    scale: tuple[Factor, Factor] = (0.5, 1.5),
    flip: UnitInterval = 0.5,
    min_area: PositiveInt = 64,
    blend: Sigma = 1.0,
    classes: Annotated[list[str], Field(min_length=1)] | None = None,
) -> Mix:
    """Paste some of the partner's objects at another place and size (arXiv:2012.07177).

    An object is a connected region of one label. The objects chosen are scaled, mirrored and moved
    together.

    Args:
        max_objects: most objects that are pasted; how many, is drawn from 1 on.
        scale: smallest and largest factor of their size.
        flip: probability of mirroring them left and right.
        min_area: smaller regions are not pasted, pixels in the partner.
        blend: width of the soft edge, pixels (sigma of a Gaussian); 0 = hard edge.
        classes: names of the classes whose objects are pasted; default: all but the background.
    """
    from toolkit.builtins.mixes.objects import CopyPaste

    if scale[0] > scale[1]:
        raise UsageError(
            f"scale = [{scale[0]:g}, {scale[1]:g}]: the first number is the larger one",
            f"Write scale = [{scale[1]:g}, {scale[0]:g}].",
            parameter="scale",
        )
    return CopyPaste(
        labels=_labels(classes, context),
        max_objects=max_objects,
        scale=scale,
        flip=flip,
        min_area=min_area,
        blend=blend,
    )


def _labels(classes: list[str] | None, context: Context) -> tuple[int, ...]:
    others = (0, context.ignore_index)
    objects = {name: label for label, name in enumerate(context.class_names) if label not in others}
    for name in classes or ():
        if name not in objects:
            raise UsageError(
                f"classes: {name} is no class of objects",
                did_you_mean(name, objects),
                parameter="classes",
            )
    return tuple(objects[name] for name in (objects if classes is None else classes))


@hookimpl
def trash_mixes() -> list[Component]:
    """Return the built-in mixes."""
    return [
        Component("cutmix", cutmix, "a box of another image of the batch, pasted"),
        Component("mixup", mixup, "blend with another image of the batch, both masks in the loss"),
        Component("classmix", classmix, "some classes of another image of the batch, pasted"),
        Component(
            "copy_paste", copy_paste, "some objects of another image of the batch, moved and pasted"
        ),
    ]
