"""Factory of hierarchical multi-scale attention around any network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from toolkit import Component, ComponentSpec, Context, OfKind, TrashError, UsageError

if TYPE_CHECKING:
    from torch import nn


def hmsa(
    context: Context,
    *,
    network: Annotated[ComponentSpec, OfKind("model")],
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=4)], ...], Field(min_length=1)] = (
        0.5,
        1.0,
        2.0,
    ),
) -> nn.Module:
    """Make a network that sees images at several scales and learns which to trust where.

    Hierarchical multi-scale attention (arXiv:2005.10821), trained at scales 0.5 and 1.

    Args:
        network: any model; its further outputs are those at scale 1.
        scales: of the images when validating and predicting, 1 among them. The time grows with
            the sum of their squares.
    """
    if 1 not in scales:
        raise UsageError(
            f"scales {list(scales)} lack 1.0", "Write [0.5, 1.0, 2.0].", parameter="scales"
        )
    if len(set(scales)) < len(scales):
        raise UsageError(
            f"scales {list(scales)} name one twice", "Write each scale once.", parameter="scales"
        )
    try:
        inner = context.build("model", network)
    except TrashError as error:
        error.parameter = f"network.{error.parameter}" if error.parameter else "network"
        raise
    from toolkit.builtins.models.multi_scale import MultiScale

    return MultiScale(inner, context.n_classes, scales, context.channels)


COMPONENTS: tuple[Component, ...] = (
    Component("hmsa", hmsa, "hierarchical multi-scale attention around any model"),
)
