"""Weights of the classes in a loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from toolkit import Context, TrashError, UsageError

ClassWeights = Literal["none", "1-share", "inverse"] | list[Annotated[float, Field(ge=0)]]
"""A rule, or one number per class in label order."""


def resolve_weights(weights: ClassWeights, context: Context) -> list[float] | None:
    """Return one weight per class, or None when all weigh the same.

    "1-share" is 1 − the class's share of the training pixels; "inverse" is 1 / (share × number of
    classes present), and 0 for a class without pixels.

    Raises:
        UsageError: a list of another length than the class list, or only zeros.
        TrashError: a rule that needs pixel shares where none are known.
    """
    if weights == "none":
        return None
    if isinstance(weights, list):
        if len(weights) != context.n_classes:
            raise UsageError(
                f"{len(weights)} class weights for {context.n_classes} classes",
                "One number per class, in this order: " + ", ".join(context.class_names),
            )
        if not any(weights):
            raise UsageError(
                "all class weights are 0", 'Use class_weights = "none" for no weights.'
            )
        return weights
    if context.pixel_share is None:
        raise TrashError(
            f'class_weights = "{weights}" needs the pixel shares of a training split',
            "Give the numbers as a list, or use it inside a run.",
        )
    if weights == "1-share":
        return [1 - share for share in context.pixel_share]
    present = sum(share > 0 for share in context.pixel_share)
    return [1 / (share * present) if share else 0.0 for share in context.pixel_share]
