"""Built-in ways to combine members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from toolkit.plugin.interfaces import Ensembler

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def mean(context: Context, *, weights: tuple[Weight, ...] = ()) -> Ensembler:
    """Weighted mean of probabilities; one weight per member, none = equal."""
    from toolkit.ensemble.combiners import Mean

    return Mean(weights)


def geometric(context: Context, *, weights: tuple[Weight, ...] = ()) -> Ensembler:
    """Normalised weighted geometric mean of probabilities = mean of logits, then softmax."""
    from toolkit.ensemble.combiners import Geometric

    return Geometric(weights)


def vote(context: Context) -> Ensembler:
    """Majority of the members' labels, equal votes decided by the mean probability."""
    from toolkit.ensemble.combiners import Vote

    return Vote()


@hookimpl
def trash_ensemblers() -> Sequence[Component]:
    """Combiners without fitted parameters."""
    return [
        Component("mean", mean, "weighted mean of probabilities"),
        Component("geometric", geometric, "normalised geometric mean: the mean of logits"),
        Component("vote", vote, "majority of labels, ties by mean probability"),
    ]
