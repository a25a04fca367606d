"""Losses that compare regions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from toolkit import Component, Context, UnitInterval
from toolkit.builtins.losses.factories.ranges import NonNegative, Positive
from toolkit.plugin.interfaces import Loss

Smooth = Annotated[
    float,
    Field(
        gt=0,
        description="added above and below the fraction; larger values soften the loss of small "
        "regions.",
    ),
]
Legacy = Annotated[
    bool,
    Field(
        description="compute it per class and image column and average, as the original solution "
        "did."
    ),
]


def dice(context: Context, *, smooth: Smooth = 1.0, legacy: Legacy = False) -> Loss:
    """Make the Dice loss, reduced over the batch and both spatial axes per class."""
    from toolkit.builtins.losses import region
    from toolkit.builtins.losses.prediction import TermLoss

    return TermLoss(region.dice(smooth, legacy), context.ignore_index)


def iou(context: Context, *, smooth: Smooth = 1.0, legacy: Legacy = False) -> Loss:
    """Make 1 − soft IoU, reduced over the batch and both spatial axes per class."""
    from toolkit.builtins.losses import region
    from toolkit.builtins.losses.prediction import TermLoss

    return TermLoss(region.iou(smooth, legacy), context.ignore_index)


def tversky(
    context: Context,
    *,
    alpha: NonNegative = 0.5,
    beta: NonNegative = 0.5,
    smooth: Smooth = 1.0,
    legacy: Legacy = False,
) -> Loss:
    """Make the Tversky loss: Dice with a price for each kind of error.

    Args:
        alpha: price of false positives; 0.5 and 0.5 give Dice, 1 and 1 give IoU.
        beta: price of false negatives.
    """
    from toolkit.builtins.losses.prediction import TermLoss
    from toolkit.builtins.losses.region import Tversky

    return TermLoss(Tversky(alpha, beta, smooth, legacy), context.ignore_index)


def focal_tversky(
    context: Context,
    *,
    alpha: NonNegative = 0.3,
    beta: NonNegative = 0.7,
    gamma: Positive = 0.75,
    smooth: Smooth = 1.0,
) -> Loss:
    """Make the Tversky loss of each class to a power.

    Args:
        alpha: price of false positives.
        beta: price of false negatives.
        gamma: the power; below 1 it turns up classes that are almost right, above 1 the others.
    """
    from toolkit.builtins.losses.prediction import TermLoss
    from toolkit.builtins.losses.region import FocalTversky

    return TermLoss(FocalTversky(alpha, beta, gamma, smooth), context.ignore_index)


def sensitivity_specificity(
    context: Context, *, sensitivity: UnitInterval = 0.5, smooth: Positive = 1.0
) -> Loss:
    """Make 1 − the weighted mean of sensitivity and specificity of each class.

    Args:
        sensitivity: weight of the pixels of a class that are missed; the rest is the weight of
            those that are wrongly given to it.
        smooth: added above and below both fractions.
    """
    from toolkit.builtins.losses.prediction import TermLoss
    from toolkit.builtins.losses.region import SensitivitySpecificity

    return TermLoss(SensitivitySpecificity(sensitivity, smooth), context.ignore_index)


def log_cosh_dice(context: Context, *, smooth: Positive = 1.0) -> Loss:
    """Make the logarithm of the hyperbolic cosine of the Dice loss.

    Args:
        smooth: of Dice: added above and below the fraction.
    """
    from toolkit.builtins.losses.prediction import TermLoss
    from toolkit.builtins.losses.region import LogCoshDice

    return TermLoss(LogCoshDice(smooth), context.ignore_index)


def lovasz(context: Context, *, per_image: bool = False) -> Loss:
    """Make Lovász-softmax, a surrogate of 1 − IoU, averaged over the labels that are there.

    Args:
        per_image: compute it per image and average, instead of over the batch at once.
    """
    from toolkit.builtins.losses.lovasz import Lovasz
    from toolkit.builtins.losses.prediction import TermLoss

    return TermLoss(Lovasz(per_image), context.ignore_index)


COMPONENTS: tuple[Component, ...] = (
    Component("dice", dice, "Dice loss over the whole batch, per class"),
    Component("iou", iou, "1 − soft IoU over the whole batch, per class", ("jaccard",)),
    Component("tversky", tversky, "Dice with weights for false positives and false negatives"),
    Component("focal_tversky", focal_tversky, "Tversky loss to a power"),
    Component(
        "sensitivity_specificity",
        sensitivity_specificity,
        "weighted errors inside and outside each class",
        ("ssl",),
    ),
    Component("log_cosh_dice", log_cosh_dice, "log(cosh(Dice)), which is flatter near 0"),
    Component("lovasz", lovasz, "Lovász-softmax, a surrogate of 1 − IoU", ("lovasz_softmax",)),
)
