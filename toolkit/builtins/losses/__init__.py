"""Training losses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from toolkit import Component, ComponentSpec, Context, OfKind, UnitInterval, UsageError, hookimpl
from toolkit.builtins.losses.class_weights import ClassWeights, resolve_weights
from toolkit.plugin.interfaces import Loss

NonNegative = Annotated[float, Field(ge=0)]
Smooth = Annotated[float, Field(gt=0)]


def ce(
    context: Context, *, class_weights: ClassWeights = "none", label_smoothing: UnitInterval = 0.0
) -> Loss:
    """Make the cross entropy, a weighted mean over pixels.

    Args:
        class_weights: "none", "1-share" (1 − share of the training pixels), "inverse" (1 / share)
            or a list with one number per class.
        label_smoothing: share of the target that is spread evenly over all classes.
    """
    from toolkit.builtins.losses.pixel import CrossEntropy
    from toolkit.builtins.losses.prediction import TermLoss

    weights = resolve_weights(class_weights, context)
    return TermLoss(CrossEntropy(weights, label_smoothing), context.ignore_index)


def dice(context: Context, *, smooth: Smooth = 1.0) -> Loss:
    """Make the Dice loss, reduced over the batch and both spatial axes per class.

    Args:
        smooth: added above and below the fraction; larger values soften the loss of small regions.
    """
    from toolkit.builtins.losses.prediction import TermLoss
    from toolkit.builtins.losses.region import Dice

    return TermLoss(Dice(smooth), context.ignore_index)


def dice_ce(
    context: Context,
    *,
    dice_weight: UnitInterval = 0.3,
    class_weights: ClassWeights = "none",
    label_smoothing: UnitInterval = 0.0,
    smooth: Smooth = 1.0,
) -> Loss:
    """Make dice_weight × Dice + (1 − dice_weight) × cross entropy on one softmax.

    Args:
        dice_weight: share of Dice; the rest is cross entropy.
        class_weights: weights in the cross entropy: "none", "1-share", "inverse" or a list with one
            number per class.
        label_smoothing: of the cross entropy.
        smooth: of Dice.
    """
    from toolkit.builtins.losses.pixel import CrossEntropy
    from toolkit.builtins.losses.prediction import SumOfTerms, TermLoss
    from toolkit.builtins.losses.region import Dice

    cross_entropy = CrossEntropy(resolve_weights(class_weights, context), label_smoothing)
    terms = SumOfTerms([(1 - dice_weight, cross_entropy), (dice_weight, Dice(smooth))])
    return TermLoss(terms, context.ignore_index)


def focal(
    context: Context,
    *,
    alpha: NonNegative = 0.25,
    gamma: NonNegative = 2.0,
    class_weights: ClassWeights = "none",
) -> Loss:
    """Make the focal loss, which turns down pixels that are already right.

    Args:
        alpha: factor of the whole loss.
        gamma: how strongly; 0 gives alpha × cross entropy.
        class_weights: "none", "1-share", "inverse" or a list with one number per class.
    """
    from toolkit.builtins.losses.pixel import Focal
    from toolkit.builtins.losses.prediction import TermLoss

    return TermLoss(
        Focal(alpha, gamma, resolve_weights(class_weights, context)), context.ignore_index
    )


def weighted_sum(
    context: Context,
    *,
    terms: Annotated[list[Annotated[ComponentSpec, OfKind("loss")]], Field(min_length=1)],
    weights: list[NonNegative] | None = None,
) -> Loss:
    """Make the weighted sum of other losses; built-in ones share one softmax.

    Args:
        terms: the losses, each a table with its name and parameters.
        weights: one number per term; without it every term weighs 1.
    """
    from toolkit.builtins.losses.prediction import SumOfLosses

    if weights is None:
        weights = [1.0] * len(terms)
    if len(weights) != len(terms):
        raise UsageError(f"{len(weights)} weights for {len(terms)} terms", "One number per term.")
    losses = [context.build("loss", term) for term in terms]
    return SumOfLosses(list(zip(weights, losses, strict=True)), context.ignore_index)


@hookimpl
def trash_losses() -> list[Component]:
    """Return the built-in losses."""
    return [
        Component("ce", ce, "cross entropy with class weights and label smoothing"),
        Component("dice", dice, "Dice loss over the whole batch, per class"),
        Component("dice_ce", dice_ce, "Dice and cross entropy on one softmax", ("ce_dice",)),
        Component("focal", focal, "focal loss"),
        Component("sum", weighted_sum, "weighted sum of other losses"),
    ]
