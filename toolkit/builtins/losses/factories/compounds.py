"""Weighted sums of losses on one softmax: those with names, and any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from toolkit import Component, ComponentSpec, Context, OfKind, UnitInterval, UsageError
from toolkit.builtins.losses.class_weights import CHOICES, ClassWeights, resolve_weights
from toolkit.builtins.losses.factories.ranges import NonNegative, check_window
from toolkit.plugin.interfaces import Loss
from toolkit.plugin.kinds import KINDS

if TYPE_CHECKING:
    from toolkit.builtins.losses.prediction import Term

_, _DEFAULT_WEIGHT = KINDS["loss"].common["weight"]

CrossEntropyWeight = Annotated[float, Field(ge=0, description="factor of the cross entropy.")]
CrossEntropyClassWeights = Annotated[
    ClassWeights, Field(description=f"weights in the cross entropy: {CHOICES}.")
]
FocalWeight = Annotated[float, Field(ge=0, description="factor of the focal loss.")]
FocalGamma = Annotated[
    float,
    Field(
        ge=0,
        description="of the focal loss: how strongly pixels that are already right are turned "
        "down.",
    ),
]
DiceWeight = Annotated[float, Field(ge=0, description="factor of Dice.")]
DiceSmooth = Annotated[float, Field(gt=0, description="of Dice.")]
DiceLegacy = Annotated[
    bool, Field(description="Dice per image column, as the original solution computed it.")
]
SsimWeight = Annotated[float, Field(ge=0, description="factor of SSIM.")]
SsimWindow = Annotated[int, Field(ge=3, description="of SSIM: side of its window, pixels; odd.")]
DiceSsimLegacy = Annotated[
    bool,
    Field(
        description="Dice per image column and SSIM of label ids, which has no gradient: what the "
        "original solution computed."
    ),
]


def dice_ce(
    context: Context,
    *,
    dice_weight: UnitInterval = 0.3,
    class_weights: CrossEntropyClassWeights = "none",
    label_smoothing: UnitInterval = 0.0,
    smooth: DiceSmooth = 1.0,
    legacy: DiceLegacy = False,
) -> Loss:
    """Make dice_weight × Dice + (1 − dice_weight) × cross entropy on one softmax.

    Args:
        dice_weight: share of Dice; the rest is cross entropy.
        label_smoothing: of the cross entropy.
    """
    from toolkit.builtins.losses.pixel import CrossEntropy
    from toolkit.builtins.losses.region import dice

    cross_entropy = CrossEntropy(resolve_weights(class_weights, context), label_smoothing)
    return _sum(context, (1 - dice_weight, cross_entropy), (dice_weight, dice(smooth, legacy)))


def focal_dice(
    context: Context,
    *,
    dice_weight: UnitInterval = 0.25,
    alpha: FocalWeight = 0.25,
    gamma: FocalGamma = 2.0,
    smooth: DiceSmooth = 1.0,
    legacy: DiceLegacy = False,
) -> Loss:
    """Make dice_weight × Dice + (1 − dice_weight) × focal loss on one softmax.

    Args:
        dice_weight: share of Dice; the rest is the focal loss.
    """
    from toolkit.builtins.losses.pixel import Focal
    from toolkit.builtins.losses.region import dice

    return _sum(
        context, (1 - dice_weight, Focal(alpha, gamma)), (dice_weight, dice(smooth, legacy))
    )


def focal_ce(
    context: Context,
    *,
    focal_weight: UnitInterval = 0.2,
    alpha: FocalWeight = 0.25,
    gamma: FocalGamma = 2.0,
    class_weights: CrossEntropyClassWeights = "none",
) -> Loss:
    """Make focal_weight × focal loss + (1 − focal_weight) × cross entropy on one softmax.

    Args:
        focal_weight: share of the focal loss; the rest is cross entropy.
    """
    from toolkit.builtins.losses.pixel import CrossEntropy, Focal

    cross_entropy = CrossEntropy(resolve_weights(class_weights, context))
    return _sum(context, (1 - focal_weight, cross_entropy), (focal_weight, Focal(alpha, gamma)))


def oh_my(
    context: Context,
    *,
    ce_weight: CrossEntropyWeight = 0.75,
    dice_weight: DiceWeight = 0.25,
    ssim_weight: SsimWeight = 0.25,
    class_weights: CrossEntropyClassWeights = "1-share",
    smooth: DiceSmooth = 1.0,
    window: SsimWindow = 11,
    legacy: DiceSsimLegacy = False,
) -> Loss:
    """Make OhMyLoss: cross entropy, Dice and SSIM on one softmax."""
    from toolkit.builtins.losses.pixel import CrossEntropy

    cross_entropy = CrossEntropy(resolve_weights(class_weights, context))
    regions = _dice_and_ssim(dice_weight, ssim_weight, smooth, window, legacy)
    return _sum(context, (ce_weight, cross_entropy), *regions)


def oh_my_focal(
    context: Context,
    *,
    focal_weight: FocalWeight = 0.75,
    dice_weight: DiceWeight = 0.25,
    ssim_weight: SsimWeight = 0.25,
    alpha: FocalWeight = 0.25,
    gamma: FocalGamma = 2.0,
    class_weights: ClassWeights = "none",
    smooth: DiceSmooth = 1.0,
    window: SsimWindow = 11,
    legacy: DiceSsimLegacy = False,
) -> Loss:
    """Make the first OhMyLoss: focal loss, Dice and SSIM on one softmax.

    Args:
        class_weights: weights in the focal loss: "none", "1-share", "inverse", "effective" or a
            list with one number per class.
    """
    from toolkit.builtins.losses.pixel import Focal

    focal = Focal(alpha, gamma, resolve_weights(class_weights, context))
    regions = _dice_and_ssim(dice_weight, ssim_weight, smooth, window, legacy)
    return _sum(context, (focal_weight, focal), *regions)


def amazing_ce(
    context: Context,
    *,
    ce_weight: CrossEntropyWeight = 0.5,
    dice_weight: DiceWeight = 0.3,
    focal_weight: FocalWeight = 0.2,
    class_weights: CrossEntropyClassWeights = "1-share",
    alpha: NonNegative = 0.25,
    gamma: FocalGamma = 2.0,
    smooth: DiceSmooth = 1.0,
    legacy: DiceLegacy = False,
) -> Loss:
    """Make the "amazing" cross entropy: with Dice and the focal loss on one softmax.

    Args:
        alpha: another factor of the focal loss.
    """
    from toolkit.builtins.losses.pixel import CrossEntropy, Focal
    from toolkit.builtins.losses.region import dice

    return _sum(
        context,
        (ce_weight, CrossEntropy(resolve_weights(class_weights, context))),
        (dice_weight, dice(smooth, legacy)),
        (focal_weight, Focal(alpha, gamma)),
    )


def weighted_sum(
    context: Context,
    *,
    terms: Annotated[list[Annotated[ComponentSpec, OfKind("loss")]], Field(min_length=1)],
) -> Loss:
    """Make the weighted sum of other losses; built-in ones share one softmax.

    Args:
        terms: the losses, each a table with its name, parameters and `weight`; a weight of 0
            leaves the term out.
    """
    from toolkit.builtins.losses.prediction import sum_of_losses

    losses = [context.build("loss", term) for term in terms]
    weights = [float(term.parameters.get("weight", _DEFAULT_WEIGHT)) for term in terms]
    _require_weight(weights, "terms")
    pairs = zip(weights, losses, strict=True)
    return sum_of_losses([(weight, loss) for weight, loss in pairs if weight], context.ignore_index)


def _dice_and_ssim(
    dice_weight: float, ssim_weight: float, smooth: float, window: int, legacy: bool
) -> list[tuple[float, Term]]:
    from toolkit.builtins.losses.region import dice
    from toolkit.builtins.losses.ssim import LegacySsim, Ssim

    check_window(window)
    similarity = LegacySsim(window) if legacy else Ssim(window)
    return [(dice_weight, dice(smooth, legacy)), (ssim_weight, similarity)]


def _sum(context: Context, *terms: tuple[float, Term]) -> Loss:
    from toolkit.builtins.losses.prediction import SumOfTerms, TermLoss

    _require_weight([weight for weight, _ in terms])
    kept = [(weight, term) for weight, term in terms if weight]
    return TermLoss(SumOfTerms(kept), context.ignore_index)


def _require_weight(weights: list[float], parameter: str = "") -> None:
    if not any(weights):
        raise UsageError(
            "the weights of all terms are 0: nothing would be learnt",
            "Give at least one a weight above 0.",
            parameter=parameter,
        )


COMPONENTS: tuple[Component, ...] = (
    Component("dice_ce", dice_ce, "Dice and cross entropy on one softmax", ("ce_dice",)),
    Component("focal_dice", focal_dice, "focal loss and Dice on one softmax", ("dice_focal",)),
    Component("focal_ce", focal_ce, "focal loss and cross entropy on one softmax"),
    Component("oh_my", oh_my, "OhMyLoss: cross entropy, Dice and SSIM", ("ohmyloss",)),
    Component(
        "oh_my_focal", oh_my_focal, "OhMyLoss with focal loss, its first version", ("triple",)
    ),
    Component("amazing_ce", amazing_ce, "cross entropy, Dice and focal loss"),
    Component("sum", weighted_sum, "weighted sum of other losses"),
)
