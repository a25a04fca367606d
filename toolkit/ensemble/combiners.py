"""Ways to combine the members' maps of one image, streamed member by member in float32."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.postprocess.labels import argmax_labels
from toolkit.wording import counted

Map = NDArray[np.float32]

FLOOR = 1e-6
"""Smallest probability under a logarithm: one member's zero must not veto all others for ever."""

# The mean probability decides between classes with equal votes; below 1 it overrules no vote.
_TIE_BREAK = 0.5


class Mean:
    """Weighted arithmetic mean of probabilities.

    Args:
        weights: one per member, not negative, not all zero; empty = equal.

    Raises:
        UsageError: unusable weights; when called, another number of members than of weights.
    """

    def __init__(self, weights: Sequence[float] = ()) -> None:
        self._weights = _check_weights(weights)

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        return _mean(maps, self._weights)


class Geometric:
    """Weighted geometric mean of probabilities, normalised: the softmax of the mean of logits.

    Summed as logarithms, as a product underflows; probabilities below `FLOOR` count as `FLOOR`.

    Args:
        weights: one per member, not negative, not all zero; empty = equal.

    Raises:
        UsageError: unusable weights; when called, another number of members than of weights.
    """

    def __init__(self, weights: Sequence[float] = ()) -> None:
        self._weights = _check_weights(weights)

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        mean = _mean((_log(each) for each in maps), self._weights)
        mean -= mean.max(axis=0)
        np.exp(mean, out=mean)
        mean /= mean.sum(axis=0)
        return mean


class Vote:
    """Majority of the members' labels; equal votes are decided by the mean probability.

    The map holds the shares of votes, with the mean probability mixed in as half a vote.
    """

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        votes: Map = np.zeros((1, 1, 1), np.float32)

        def counted() -> Iterator[Map]:
            nonlocal votes
            for count, each in enumerate(maps):
                votes = np.zeros_like(each) if count == 0 else votes
                labels = argmax_labels(each)
                for label, plane in enumerate(votes):
                    plane += labels == label
                yield each

        mixed = _mean(counted(), ())
        mixed *= np.float32(_TIE_BREAK)
        mixed += votes
        mixed /= mixed.sum(axis=0)
        return mixed


class Power:
    """Weighted power mean of probabilities, normalised: between the mean and the maximum.

    The map is (Σ w·p^exponent)^(1 / exponent), divided by its sum over the classes. An exponent of
    1 is the mean; towards infinity it becomes the maximum, towards 0 the geometric mean.

    Args:
        exponent: 0.01…20: float32 holds no smaller roots and no larger powers.
        weights: one per member, not negative, not all zero; empty = equal.

    Raises:
        UsageError: unusable weights; when called, another number of members than of weights.
    """

    def __init__(self, exponent: float, weights: Sequence[float] = ()) -> None:
        self._exponent = np.float32(exponent)
        self._weights = _check_weights(weights)

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        mean = _mean(map(self._power, maps), self._weights)
        np.power(mean, 1 / self._exponent, out=mean)
        mean /= mean.sum(axis=0)
        return mean

    def _power(self, each: Map) -> Map:
        # The largest of C probabilities is 1 / C or more: times √C, no such power leaves float32.
        raised = each * np.float32(math.sqrt(len(each)))
        return np.asarray(np.power(raised, self._exponent, out=raised))


class Maximum:
    """The largest probability that any member gives to a class, normalised."""

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        largest: Map | None = None
        for each in maps:
            largest = each.copy() if largest is None else np.maximum(largest, each, out=largest)
        if largest is None:
            raise UsageError("there is no member to combine")
        largest /= largest.sum(axis=0)
        return largest


class Rank:
    """Mean of the ranks that the members give to the classes of a pixel (Borda count).

    A class that is more probable than k others has rank k; classes that are alike share their
    ranks. How sure a member is does not matter, only its order. Equal sums are decided by the mean
    probability, which is mixed in as half a rank.
    """

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        ranks: Map = np.zeros((1, 1, 1), np.float32)
        members = 0

        def ranked() -> Iterator[Map]:
            nonlocal ranks, members
            for each in maps:
                ranks = np.zeros_like(each) if members == 0 else ranks
                members += 1
                _add_ranks(each, ranks)
                yield each

        mixed = _mean(ranked(), ())
        # Sums of ranks differ by at least half: the mean decides between equal ones only.
        mixed *= np.float32(_TIE_BREAK / 2)
        mixed += ranks
        mixed /= mixed.sum(axis=0)
        return mixed


def _add_ranks(probabilities: Map, ranks: Map) -> None:
    half = np.float32(0.5)
    for label, plane in enumerate(probabilities):
        for other in range(label):
            above = (plane > probabilities[other]) + half * (plane == probabilities[other])
            ranks[label] += above
            ranks[other] += 1 - above


def _check_weights(weights: Sequence[float]) -> tuple[float, ...]:
    if any(not math.isfinite(weight) or weight < 0 for weight in weights):
        raise UsageError(f"weights {list(weights)}: each must be 0 or more")
    if not weights:
        return ()
    if not any(weights):
        raise UsageError(f"weights {list(weights)}: their sum is 0", "Give one a weight above 0.")
    # Only their ratios count. A power of two changes no digit, and float32 holds the largest now.
    _, exponent = math.frexp(max(weights))
    return tuple(math.ldexp(weight, 1 - exponent) for weight in weights)


def _mean(maps: Iterable[Map], weights: tuple[float, ...]) -> Map:
    """Return the weighted mean of maps (C, H, W), plane by plane so that the cache holds it."""
    total: Map | None = None
    whole = 0.0
    for each, weight in _with_weights(maps, weights):
        whole += weight
        factor = np.float32(weight)
        if total is None:
            total = each * factor
            product = np.empty_like(total[0])
            continue
        for plane, addend in zip(total, each, strict=True):
            plane += addend if weight == 1 else np.multiply(addend, factor, out=product)
    if total is None:
        raise UsageError("there is no member to combine")
    total *= np.float32(1 / whole)
    return total


def _with_weights(maps: Iterable[Map], weights: tuple[float, ...]) -> Iterator[tuple[Map, float]]:
    count = 0
    for each in maps:
        yield each, weights[count] if count < len(weights) else 1.0
        count += 1
    if weights and count != len(weights):
        raise UsageError(
            f"{counted(count, 'member', 'members')}, but "
            f"{counted(len(weights), 'weight', 'weights')}",
            "Give one weight per member, or none.",
        )


def _log(probabilities: Map) -> Map:
    floored = np.maximum(probabilities, np.float32(FLOOR))
    return np.log(floored, out=floored)
