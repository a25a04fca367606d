"""Factories of augmentations that paste objects of other images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from toolkit import Context, UnitInterval, UsageError
from toolkit.builtins.augmentations.geometric import Angle
from toolkit.builtins.augmentations.limits import in_order
from toolkit.builtins.class_tables import label_of
from toolkit.plugin.interfaces import Augmentation

Factor = Annotated[float, Field(gt=0, le=10)]
Sigma = Annotated[float, Field(ge=0, le=100)]


def object_mix(
    context: Context,
    *,
    choose: Literal["uniform", "inverse"] = "uniform",
    objects: tuple[PositiveInt, PositiveInt] = (1, 1),
    place: Literal["anywhere", "own"] = "anywhere",
    scale: tuple[Factor, Factor] | None = None,
    large: UnitInterval = 0.0254,
    large_scale: Factor = 0.5,
    small: UnitInterval = 0.00254,
    small_scale: Factor = 1.7,
    rotate: Angle | None = None,
    quarter_turns: bool = True,
    hflip: UnitInterval = 0.5,
    vflip: UnitInterval = 0.5,
    brightness: UnitInterval | None = None,
    grid_distortion: UnitInterval = 0.0,
    blend: Sigma | None = None,
    skip_above: dict[str, UnitInterval] = {},  # noqa: B006
) -> Augmentation:
    """Paste objects of other training images ("SongBaeMix", after arXiv:2102.00221).

    The objects are those of the recipe's `[objects]`; each is as large in the picture as it is in
    its own, times the factors below. No image gets an object of its own, and none the same object
    twice. The first "SongBaeMix" is `place = "own"`, where it turned and mirrored each object once
    and for all; it took `large_scale` and `small_scale` from an input of 512 x 512: 6667 and 667
    pixels.

    Args:
        choose: "uniform": every class of the bank is as likely as any other; "inverse": the fewer
            objects the bank has of it, the likelier. Then one of its objects, all equally likely.
        objects: fewest and most objects that are pasted into an image.
        place: "anywhere": every place inside the image is as likely; "own": where it is in its own
            image once that was scaled, turned and mirrored as a whole. Larger than before, a random
            part of that image around the object stays. An object may then be cut by the edge.
        scale: smallest and largest factor of an object's sides; default: [0.8, 1.25], with
            place = "own" no change.
        large: an object that covers more than this share of its image is scaled by `large_scale`.
        large_scale: further factor of the sides of large objects.
        small: an object that covers less than this share of its image is scaled by `small_scale`.
        small_scale: further factor of the sides of small objects.
        rotate: largest angle to either side, degrees; default: 30, with place = "own" 0.
        quarter_turns: turn by 0, 90, 180 or 270 degrees as well, all equally likely.
        hflip: probability of mirroring left and right.
        vflip: probability of mirroring top and bottom.
        brightness: largest change to either side, share of white; default: 0.1, with place = "own"
            0.
        grid_distortion: probability of stretching and squeezing it as `grid_distortion` does.
        blend: width of the soft edge, pixels (sigma of a Gaussian); 0 = hard edge. Labels are hard.
            Default: 1, with place = "own" 0.
        skip_above: name of a class -> share of the image: images in which the class covers more are
            left alone, as in { "Plastic bag" = 0.1667 }.
    """
    from toolkit.builtins.augmentations.pasted_objects import ObjectMix, Shaping

    keeps_place = place == "own"
    if scale is None:
        scale = (1.0, 1.0) if keeps_place else (0.8, 1.25)
    if rotate is None:
        rotate = 0.0 if keeps_place else 30.0
    if brightness is None:
        brightness = 0.0 if keeps_place else 0.1
    if blend is None:
        blend = 0.0 if keeps_place else 1.0
    in_order("objects", objects)
    in_order("scale", scale)
    if small > large:
        raise UsageError(
            f"small = {small:g} is above large = {large:g}: an object would be both",
            f"Nearest valid: small = {large:g}.",
            parameter="small",
        )
    skipped = {label_of(name, context, "skip_above"): share for name, share in skip_above.items()}
    bank = context.objects()
    inverse = choose == "inverse"
    weights = [1 / len(bank.of(label)) if inverse else 1.0 for label in bank.labels]
    return ObjectMix(
        bank=bank,
        probabilities=tuple(weight / sum(weights) for weight in weights),
        objects=objects,
        shaping=Shaping(
            keeps_place=keeps_place,
            scale=scale,
            large=large,
            large_scale=large_scale,
            small=small,
            small_scale=small_scale,
            rotate=rotate,
            quarter_turns=quarter_turns,
            hflip=hflip,
            vflip=vflip,
            brightness=brightness,
            grid_distortion=grid_distortion,
        ),
        blend=blend,
        skip_above=skipped,
    )
