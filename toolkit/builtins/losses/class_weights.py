"""Weights of the classes in a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from toolkit import Context, TrashError, UsageError
from toolkit.wording import counted

ClassWeights = (
    Literal["none", "1-share", "inverse", "effective"] | list[Annotated[float, Field(ge=0)]]
)
"""A rule, or one number per class in label order."""

CHOICES = '"none", "1-share", "inverse", "effective" or a list with one number per class'
"""The same in words, for the help of a loss."""

_OVERLAP = 0.999
"""How much a further image of a class repeats what the others show (Cui et al., β)."""


def resolve_weights(weights: ClassWeights, context: Context) -> list[float] | None:
    """Return one weight per class, or None when all weigh the same.

    "1-share" is 1 − the class's share of the training pixels. "inverse" is 1 / (share × number of
    classes present). "effective" is (1 − β) / (1 − βⁿ) for a class in n training images, β = 0.999
    (Cui et al., arXiv:1901.05555), scaled to a mean of 1 over the classes present. The last two
    give 0 to a class that is nowhere.

    Raises:
        UsageError: a list of another length than the class list, or only zeros.
        TrashError: a rule that needs figures of the training split where there is none.
    """
    if weights == "none":
        return None
    if isinstance(weights, list):
        return _checked_weights(weights, context)
    if weights == "effective":
        return _effective(_known(context.image_counts, weights, "image counts"))
    shares = _known(context.pixel_share, weights, "pixel shares")
    if weights == "1-share":
        return [1 - share for share in shares]
    present = sum(share > 0 for share in shares)
    return [1 / (share * present) if share else 0.0 for share in shares]


def _checked_weights(weights: list[float], context: Context) -> list[float]:
    if len(weights) != context.n_classes:
        raise UsageError(
            f"{counted(len(weights), 'class weight', 'class weights')} "
            f"for {context.n_classes} classes",
            "One number per class, in this order: " + ", ".join(context.class_names),
            parameter="class_weights",
        )
    if not any(weights):
        raise UsageError(
            "all class weights are 0",
            'Use class_weights = "none" for no weights.',
            parameter="class_weights",
        )
    return weights


def _known(figures: Sequence[float] | None, rule: str, what: str) -> Sequence[float]:
    if figures is None:
        raise TrashError(
            f'class_weights = "{rule}" needs the {what} of a training split',
            "Give the numbers as a list, or use it inside a run.",
            parameter="class_weights",
        )
    return figures


def _effective(image_counts: Sequence[float]) -> list[float]:
    weights = [(1 - _OVERLAP) / (1 - _OVERLAP**count) if count else 0.0 for count in image_counts]
    present = sum(count > 0 for count in image_counts)
    mean = sum(weights) / max(present, 1)
    return [weight / mean if weight else 0.0 for weight in weights]
