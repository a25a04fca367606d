"""The contract of an ensembler."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.component import ComponentSpec
from toolkit.testing import samples
from toolkit.testing.contract import Rule, Subject, require

_MEMBERS = 3


def _n_members(subject: Subject) -> int:
    """Return for how many members the component is made: one for each of its weights."""
    weights = subject.parameters.get("weights")
    return len(weights) if isinstance(weights, list | tuple) and weights else _MEMBERS


def _maps(subject: Subject) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    n_classes = subject.context.n_classes
    return [samples.probabilities(rng, n_classes, 9, 13) for _ in range(_n_members(subject))]


def returns_probabilities(subject: Subject) -> None:
    """Returns float32 probabilities of the members' shape that sum to 1 over the classes."""
    maps = _maps(subject)
    result = subject.build()(maps)
    require(result.dtype == np.float32, f"it returned {result.dtype}, not float32")
    require(result.shape == maps[0].shape, f"{maps[0].shape} became {result.shape}")
    require(bool(np.isfinite(result).all()), "some values are not finite")
    require(bool((result >= 0).all()), f"the lowest value is {result.min():.3g}")
    off = float(np.abs(result.sum(axis=0) - 1).max())
    require(off < 1e-3, f"sums over the classes are off by up to {off:.3g}")


def agrees_with_agreement(subject: Subject) -> None:
    """Keeps the labels when all members agree."""
    first = _maps(subject)[0]
    result = subject.build()([first] * _n_members(subject))
    same = result.argmax(axis=0) == first.argmax(axis=0)
    require(bool(same.all()), f"{np.count_nonzero(~same)} of {same.size} pixels changed label")


def takes_a_stream(subject: Subject) -> None:
    """Takes the maps one by one: each may be overwritten when the next is asked for."""
    maps = _maps(subject)
    buffer = np.empty_like(maps[0])

    def stream() -> object:
        for member in maps:
            buffer[...] = member
            yield buffer

    expected = subject.build()(maps)
    result = subject.build()(stream())
    require(
        np.allclose(result, expected, atol=1e-6),
        "the maps of a generator that reuses its memory give another result",
    )


def survives_certainty(subject: Subject) -> None:
    """Is finite and sums to 1 where members are certain and contradict each other."""
    n_members = _n_members(subject)
    certain = np.zeros((n_members, subject.context.n_classes, 4, 5), dtype=np.float32)
    for member in range(n_members):
        certain[member, member % subject.context.n_classes] = 1
    result = subject.build()(certain)
    require(bool(np.isfinite(result).all()), "some values are not finite")
    require(bool(np.allclose(result.sum(axis=0), 1, atol=1e-3)), "it does not sum to 1")


def ignores_the_order(subject: Subject) -> None:
    """Gives the same maps in whatever order the members come, each with its own weight."""
    n_members = _n_members(subject)
    unequal = _with_weights(subject, [2.0**-number for number in range(n_members)])
    for one in (subject, unequal) if unequal is not None else (subject,):
        weights = one.parameters.get("weights")
        turned = one
        if isinstance(weights, list | tuple):
            turned = replace(one, parameters={**one.parameters, "weights": weights[::-1]})
        maps = _maps(subject)
        off = float(np.abs(one.build()(maps) - turned.build()(maps[::-1])).max())
        require(off < 1e-4, f"maps differ by up to {off:.3g} when the members come in reverse")


def weighs_members(subject: Subject) -> None:
    """Follows the member that has nearly all the weight, if it takes weights."""
    maps = _maps(subject)
    for favourite, member in enumerate(maps):
        weights = [1e-3] * len(maps)
        weights[favourite] = 1.0
        weighted = _with_weights(subject, weights)
        if weighted is None:
            return
        labels = weighted.build()(maps).argmax(axis=0)
        same = float(np.mean(labels == member.argmax(axis=0)))
        require(
            same > 0.95,
            f"member {favourite} has nearly all the weight, and {same:.0%} of the pixels its label",
        )


def _with_weights(subject: Subject, weights: list[float]) -> Subject | None:
    """Return the component with one number for each member, or None if it takes no such thing."""
    if "weights" not in subject.registry.parameters(subject.entry).model_fields:
        return None
    parameters = {**subject.parameters, "weights": weights}
    spec = ComponentSpec(name=f"{subject.entry.source}:{subject.entry.name}", **parameters)
    if subject.registry.problems(subject.entry.kind, spec):
        return None
    return replace(subject, parameters=parameters)


def leaves_inputs(subject: Subject) -> None:
    """Leaves the maps as they were."""
    maps = _maps(subject)
    mine = [member.copy() for member in maps]
    subject.build()(mine)
    require(all(map(np.array_equal, mine, maps)), "it changed a map in place")


RULES: tuple[Rule, ...] = (
    returns_probabilities,
    agrees_with_agreement,
    takes_a_stream,
    survives_certainty,
    ignores_the_order,
    weighs_members,
    leaves_inputs,
)
