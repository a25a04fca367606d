"""Losses that are a mean over pixels."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from toolkit import Component, Context, UnitInterval
from toolkit.builtins.losses.class_weights import CHOICES, ClassWeights, resolve_weights
from toolkit.builtins.losses.factories.ranges import NonNegative, Share
from toolkit.plugin.interfaces import Loss

PixelClassWeights = Annotated[ClassWeights, Field(description=f"{CHOICES}.")]
KeptClassWeights = Annotated[
    ClassWeights,
    Field(description=f"{CHOICES}; they weigh the pixels that are kept, not which ones are."),
]


def ce(
    context: Context, *, class_weights: ClassWeights = "none", label_smoothing: UnitInterval = 0.0
) -> Loss:
    """Make the cross entropy, a weighted mean over pixels.

    Args:
        class_weights: "none", "1-share" (1 − share of the training pixels), "inverse" (1 / share),
            "effective" (by the number of training images with the class) or a list with one number
            per class.
        label_smoothing: share of the target that is spread evenly over all classes.
    """
    from toolkit.builtins.losses.pixel import CrossEntropy
    from toolkit.builtins.losses.prediction import TermLoss

    weights = resolve_weights(class_weights, context)
    return TermLoss(CrossEntropy(weights, label_smoothing), context.ignore_index)


def bce(context: Context, *, class_weights: ClassWeights = "none") -> Loss:
    """Make the binary cross entropy of every class against the rest, on the logits themselves.

    Args:
        class_weights: weight of each class's own problem: "none", "1-share", "inverse",
            "effective" or a list with one number per class.
    """
    from toolkit.builtins.losses.pixel import BinaryCrossEntropy
    from toolkit.builtins.losses.prediction import TermLoss

    weights = resolve_weights(class_weights, context)
    return TermLoss(BinaryCrossEntropy(weights), context.ignore_index)


def focal(
    context: Context,
    *,
    alpha: NonNegative = 0.25,
    gamma: NonNegative = 2.0,
    class_weights: PixelClassWeights = "none",
) -> Loss:
    """Make the focal loss, which turns down pixels that are already right.

    Args:
        alpha: factor of the whole loss.
        gamma: how strongly; 0 gives alpha × cross entropy.
    """
    from toolkit.builtins.losses.pixel import Focal
    from toolkit.builtins.losses.prediction import TermLoss

    weights = resolve_weights(class_weights, context)
    return TermLoss(Focal(alpha, gamma, weights), context.ignore_index)


def topk_ce(
    context: Context, *, share: Share = 0.1, class_weights: KeptClassWeights = "none"
) -> Loss:
    """Make the cross entropy of the hardest pixels of the batch.

    Args:
        share: share of the counted pixels that is kept.
    """
    from toolkit.builtins.losses.pixel import HardestCrossEntropy
    from toolkit.builtins.losses.prediction import TermLoss

    weights = resolve_weights(class_weights, context)
    return TermLoss(HardestCrossEntropy(share, 0.0, weights), context.ignore_index)


def ohem_ce(
    context: Context,
    *,
    threshold: UnitInterval = 0.7,
    min_share: Share = 0.0625,
    class_weights: KeptClassWeights = "none",
) -> Loss:
    """Make the cross entropy of the pixels that are not yet right enough.

    Args:
        threshold: pixels whose label has a lower probability are kept.
        min_share: share of the counted pixels that is kept at least, the hardest ones.
    """
    from toolkit.builtins.losses.pixel import HardestCrossEntropy
    from toolkit.builtins.losses.prediction import TermLoss

    weights = resolve_weights(class_weights, context)
    return TermLoss(HardestCrossEntropy(min_share, threshold, weights), context.ignore_index)


def distance_ce(
    context: Context, *, penalty: NonNegative = 1.0, class_weights: PixelClassWeights = "none"
) -> Loss:
    """Make the cross entropy that counts pixels near the borders of the target more.

    Args:
        penalty: how much more: a pixel at a border weighs 1 + penalty, the one of the image that is
            farthest from any border 1.
    """
    from toolkit.builtins.losses.pixel import DistanceCrossEntropy
    from toolkit.builtins.losses.prediction import TermLoss

    weights = resolve_weights(class_weights, context)
    return TermLoss(DistanceCrossEntropy(penalty, weights), context.ignore_index)


COMPONENTS: tuple[Component, ...] = (
    Component("ce", ce, "cross entropy with class weights and label smoothing"),
    Component("bce", bce, "binary cross entropy of each class against the rest"),
    Component("focal", focal, "cross entropy that counts well-classified pixels less"),
    Component("topk_ce", topk_ce, "cross entropy of the hardest share of the pixels"),
    Component("ohem_ce", ohem_ce, "cross entropy of pixels predicted below a probability"),
    Component("distance_ce", distance_ce, "cross entropy that counts pixels near borders more"),
)
