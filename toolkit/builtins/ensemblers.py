"""Built-in ways to combine members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from toolkit.plugin.interfaces import Ensembler

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Coefficient = Annotated[float, Field(allow_inf_nan=False)]


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


def power(
    context: Context,
    *,
    exponent: Annotated[float, Field(ge=0.01, le=20)] = 2.0,
    weights: tuple[Weight, ...] = (),
) -> Ensembler:
    """Normalised power mean: sure members count for more.

    Args:
        exponent: 1 is the mean; the larger, the nearer to the maximum.
        weights: one per member, none = equal.
    """
    from toolkit.ensemble.combiners import Power

    return Power(exponent, weights)


def max_(context: Context) -> Ensembler:
    """The largest probability that any member gives, normalised."""
    from toolkit.ensemble.combiners import Maximum

    return Maximum()


def rank(context: Context) -> Ensembler:
    """Mean rank of the classes (Borda count): the members' order counts, not how sure they are.

    Its map is flat therefore: a dense CRF or another step that weighs probabilities smooths too
    much.
    """
    from toolkit.ensemble.combiners import Rank

    return Rank()


def stacking(
    context: Context,
    *,
    weights: tuple[tuple[Coefficient | tuple[Coefficient, ...], ...], ...],
    bias: tuple[Coefficient, ...],
) -> Ensembler:
    """Combine by a multinomial logistic regression that was fitted to validation images.

    `trash ensemble search` fits it and writes the numbers; softmax over c of
    bias[c] + Σ over members m of weights[m][c] · log p[m][c], or, with a matrix per member,
    bias[c] + Σ over m and k of weights[m][c][k] · log p[m][k].

    Args:
        weights: for each member a number per class, or a matrix of (class, class of the member).
        bias: a number per class.
    """
    from toolkit.ensemble.stacking import Stacking

    return Stacking(weights, bias, context.n_classes)


@hookimpl
def trash_ensemblers() -> Sequence[Component]:
    """Combiners; the numbers of `stacking` are fitted, those of the others are chosen."""
    return [
        Component("mean", mean, "weighted mean of probabilities"),
        Component("geometric", geometric, "normalised geometric mean: the mean of logits"),
        Component("vote", vote, "majority of labels, ties by mean probability"),
        Component("power", power, "power mean of probabilities: sure members count for more"),
        Component("max", max_, "largest probability of any member"),
        Component("rank", rank, "mean rank of the classes (Borda count)", aliases=("borda",)),
        Component("stacking", stacking, "logistic regression fitted by trash ensemble search"),
    ]
