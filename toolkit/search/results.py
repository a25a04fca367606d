"""Results of ways to combine members, compared with their simple mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.plugin.component import ComponentSpec
from toolkit.search.cross_validation import CrossValidatedScore, Gain, ScoreWithError, gain_over


@dataclass(frozen=True)
class CombinationResult:
    """One way to combine some of the members.

    Attributes:
        name: what people call it.
        members: the members that take part, in order.
        ensemble: the ensembler as in a recipe.
        scored: how good it is.
        gain: over the simple mean of all members, on images that neither was fitted to.
        is_fitted: whether members or numbers were chosen by the truth of these images.
        postprocess: the postprocessors as in a recipe.
        is_choice: whether it is one of several sets of members: taking the best of them by these
            figures would be a fit that nobody scored, which "best single" and "best pair" are for.
    """

    name: str
    members: tuple[int, ...]
    ensemble: ComponentSpec
    scored: ScoreWithError
    gain: Gain
    is_fitted: bool
    postprocess: tuple[ComponentSpec, ...] = ()
    is_choice: bool = False


class CombinationResults:
    """The ways that were tried so far; the first is the one that all are compared with."""

    def __init__(self) -> None:
        self._found: list[CombinationResult] = []
        self._baseline: CrossValidatedScore | None = None

    def add(
        self,
        name: str,
        members: Sequence[int],
        ensemble: ComponentSpec,
        scored: CrossValidatedScore,
        *,
        is_fitted: bool,
        is_choice: bool = False,
        postprocess: tuple[ComponentSpec, ...] = (),
    ) -> None:
        """Add one more."""
        self._baseline = self._baseline or scored
        gain = gain_over(scored, self._baseline)
        figures = scored.figures()
        self._found.append(
            CombinationResult(
                name, tuple(members), ensemble, figures, gain, is_fitted, postprocess, is_choice
            )
        )

    def all(self) -> tuple[CombinationResult, ...]:
        """Return them in the order in which they were tried."""
        return tuple(self._found)

    def best(self) -> CombinationResult:
        """Return the result with the best cross-validated score; the first one wins ties.

        A gain within its standard error is a tie. Ways that are one of several sets are left out.
        """
        better = [way for way in self._found if way.gain.clear and not way.is_choice]
        return max(better, key=lambda way: way.gain.score, default=self._found[0])
