"""Ways to combine members, compared with their simple mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.ensemble.honest import Gain, Scored, gain_over
from toolkit.plugin.component import ComponentSpec


@dataclass(frozen=True)
class Way:
    """One way to combine some of the members.

    Attributes:
        name: what people call it.
        members: the members that take part, in order.
        ensemble: the ensembler as in a recipe.
        scored: its confusions.
        gain: over the simple mean of all members, on images that neither was fitted to.
        is_fitted: whether members or numbers were chosen by the truth of these images.
        postprocess: the postprocessors as in a recipe.
    """

    name: str
    members: tuple[int, ...]
    ensemble: ComponentSpec
    scored: Scored
    gain: Gain
    is_fitted: bool
    postprocess: tuple[ComponentSpec, ...] = ()


class Ways:
    """The ways that were tried so far; the first is the one that all are compared with."""

    def __init__(self) -> None:
        self._found: list[Way] = []

    def add(
        self,
        name: str,
        members: Sequence[int],
        ensemble: ComponentSpec,
        scored: Scored,
        *,
        is_fitted: bool,
        postprocess: tuple[ComponentSpec, ...] = (),
    ) -> None:
        """Add one more."""
        baseline = self._found[0].scored if self._found else scored
        gain = gain_over(scored, baseline)
        way = Way(name, tuple(members), ensemble, scored, gain, is_fitted, postprocess)
        self._found.append(way)

    def all(self) -> tuple[Way, ...]:
        """Return them in the order in which they were tried."""
        return tuple(self._found)

    def best(self) -> Way:
        """Return the way with the best honest score; the first one wins ties.

        A gain within its standard error is a tie.
        """
        better = [way for way in self._found if way.gain.clear]
        return max(better, key=lambda way: way.scored.honest_miou, default=self._found[0])
